//! The whole system on the test's own address: `allswell up` with every part, and the command line beside it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use allswell::cli::scroll::conduct::{Conduct, ConductOrder};
use allswell::net::unix::Lines;
use allswell::runtime::process::control::{UpControl, UpState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::host::Host;
use super::process::{Process, end_all_in};
use super::wait::eventually;

/// A system is a dozen processes: so many of them at once on two cores leave each its time.
static ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));

/// A running `allswell up`. Ended with all its children when dropped.
pub(crate) struct System {
    pub(crate) host: Host,
    up: Option<Process>,
    _room: SemaphorePermit<'static>,
}

/// The interval of probes and beats in stories.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// The config of a story's system: everything on the host's address, intervals of a second; `channels` and more is appended.
pub(crate) fn config(host: &Host, command: &str, more: &str) -> String {
    let at = |port| host.at(port);
    format!(
        r#"
[app]
name = "shop"
[app.blue]
address = "{blue}"
[app.green]
address = "{green}"
[runtime]
command = '{command}'
stop_grace = "2s"
[proxy]
live = "{live}"
idle = "{idle}"
health = "{proxy_health}"
[switch]
passes = 2
within = "4s"
drain = "3s"
observe = "3s"
[probe]
every = "1s"
slow = "300ms"
timeout = "500ms"
[prober]
listen = "{control}"
health = "{prober_health}"
watchers = ["http://{watcher}"]
[watcher]
listen = "{watcher}"
site = "http://{live}/"
{more}
"#,
        blue = at(3001),
        green = at(3002),
        live = at(8000),
        idle = at(8080),
        proxy_health = at(7702),
        control = at(7701),
        prober_health = at(7703),
        watcher = at(7700),
    )
}

/// The demo app, on the address of the host.
pub(crate) fn demo_command(host: &Host) -> String {
    format!("{{allswell}} scroll --bind {} --port {{port}}", host.ip)
}

impl System {
    /// Starts `allswell up` with this config, and waits until both colours are working on the page.
    pub(crate) async fn start(host: Host, config: &str) -> Self {
        let system = Self::launch(host, config).await;
        system.until("both colours are working", |overview| ["blue", "green"].iter().all(|name| status(overview, name) == "up")).await;
        system
    }

    /// Starts `allswell up` with this config.
    pub(crate) async fn launch(host: Host, config: &str) -> Self {
        let room = ROOM.acquire().await.expect("the semaphore is never closed");
        std::fs::write(host.path("allswell.toml"), config).expect("the config is written");
        let mut system = Self { host, up: None, _room: room };
        system.start_up();
        system
    }

    /// Starts `allswell up`, for the first time or again.
    pub(crate) fn start_up(&mut self) {
        let mut command = self.allswell(&["up"]);
        command.current_dir(self.host.path(""));
        self.up = Some(Process::start(&mut command, &self.host.path("up.log")));
    }

    /// `allswell up` itself.
    pub(crate) fn up(&mut self) -> &mut Process {
        self.up.as_mut().expect("up was started")
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.host.path("state")
    }

    /// A command of this system.
    pub(crate) fn allswell(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.stdin(Stdio::null()).args(arguments).arg("--config").arg(self.host.path("allswell.toml")).arg("--state").arg(self.state());
        command
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.allswell(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("the command runs")).await.expect("the command ends")
    }

    /// What the supervisor keeps.
    pub(crate) async fn processes(&self) -> UpState {
        let control = UpControl::new(&self.state().join("up.sock"), Duration::from_secs(20));
        eventually("up answers", || async { control.state().await.ok() }).await
    }

    /// The process id of a part (`prober`, `heartbeat-blue-1`) or of an instance (`blue-1`).
    pub(crate) async fn pid(&self, name: &str) -> Pid {
        let state = self.processes().await;
        let part = state.parts.iter().find(|part| part.name == name).and_then(|part| part.pid);
        let instance = state.instances.iter().find(|one| format!("{}-{}", one.colour, one.number) == name).and_then(|one| one.pid);
        let pid = part.or(instance).unwrap_or_else(|| panic!("{name} is not running: {state:?}"));
        Pid::from_raw(i32::try_from(pid).expect("a process id")).expect("not zero")
    }

    /// Sends a signal to a part or an instance.
    pub(crate) async fn signal(&self, name: &str, signal: Signal) {
        kill_process(self.pid(name).await, signal).expect("it is there");
    }

    /// Makes a demo app that was started with `--control demo-COLOUR.sock` misbehave, or behave again.
    pub(crate) async fn conduct(&self, colour: &str, conduct: Conduct) {
        let socket = self.host.path(&format!("demo-{colour}.sock"));
        let (order, limit) = (ConductOrder { conduct }, Duration::from_secs(5));
        let obeyed = Lines::to(&socket).request::<ConductOrder>(hyper::Method::POST, "/v1/conduct", Some(&order), limit).await;
        obeyed.expect("the demo app obeys");
    }

    /// What the watcher shows.
    pub(crate) async fn overview(&self) -> Option<Value> {
        let url = format!("http://{}/v1/overview", self.host.at(7700));
        let answer = reqwest_client().get(url).send().await.ok()?;
        answer.json().await.ok()
    }

    /// Waits until the watcher's overview shows it.
    pub(crate) async fn until(&self, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || async { self.overview().await.filter(|overview| shows(overview)) }).await
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        drop(self.up.take());
        end_all_in(&self.host.path(""));
    }
}

impl System {
    fn print_logs(&self) {
        let mut logs = vec![self.host.path("up.log")];
        logs.extend(["proxy", "prober", "watcher"].map(|part| self.state().join(format!("{part}.log"))));
        for log in logs {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- {}\n{}", log.display(), lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// A client for the test's own questions.
pub(crate) fn reqwest_client() -> reqwest::Client {
    allswell::net::client::http(Duration::from_secs(5)).expect("a client")
}

/// The status of a check in an overview.
pub(crate) fn status<'a>(overview: &'a Value, check: &str) -> &'a str {
    let checks = overview["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    checks.iter().find(|row| row["name"] == check).and_then(|row| row["status"].as_str()).unwrap_or("absent")
}
