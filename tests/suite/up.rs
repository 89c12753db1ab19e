//! Stories about: up.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::runtime::process::control::{ReplaceOrder, UpControl, UpState};
use allswell::runtime::process::record::Record;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Host, Process, end_all_in, eventually};

/// An `allswell up` on an address of its own. What it has started ends with the test.
struct Up {
    host: Host,
    process: Option<Process>,
    arguments: Vec<String>,
}

impl Up {
    /// The demo, in an empty folder.
    fn demo() -> Self {
        let host = Host::new();
        let arguments = vec!["--bind".to_owned(), host.ip.clone()];
        Self { host, process: None, arguments }.started()
    }

    /// The demo app by a config of the story's own.
    fn with(host: Host, config: &str) -> Self {
        std::fs::create_dir(host.path("folder")).expect("a new folder");
        std::fs::write(host.path("folder/allswell.toml"), config).expect("the config is written");
        Self { host, process: None, arguments: Vec::new() }.started()
    }

    /// The demo under `nohup`.
    fn under_nohup() -> Self {
        let host = Host::new();
        let arguments = vec!["--bind".to_owned(), host.ip.clone()];
        let mut up = Self { host, process: None, arguments };
        std::fs::create_dir(up.host.path("folder")).expect("a new folder");
        let mut command = Command::new("nohup");
        command.current_dir(up.host.path("folder")).args([env!("CARGO_BIN_EXE_allswell"), "up"]).args(&up.arguments);
        up.process = Some(Process::start(&mut command, &up.host.path("up.log")));
        up
    }

    fn started(mut self) -> Self {
        self.start();
        self
    }

    fn start(&mut self) {
        std::fs::create_dir_all(self.host.path("folder")).expect("a folder");
        self.process = Some(Process::start(&mut self.command(), &self.host.path("up.log")));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.current_dir(self.host.path("folder")).arg("up").args(&self.arguments);
        command
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    fn state_path(&self, name: &str) -> PathBuf {
        self.host.path("folder/.allswell").join(name)
    }

    fn control(&self) -> UpControl {
        UpControl::new(&self.state_path("up.sock"), Duration::from_secs(20))
    }

    fn records(&self) -> Vec<Record> {
        Record::all(&self.state_path("processes"))
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.host.path("up.log")).expect("a log")
    }

    async fn says(&self, words: &str) {
        eventually(words, || async { self.said().contains(words).then_some(()) }).await;
    }

    /// Waits until both apps answer, and says what runs.
    async fn both_answer(&self) -> UpState {
        for port in [3001, 3002] {
            eventually("the app answers", || async { who(&self.host.at(port)).await }).await;
        }
        self.control().state().await.expect("up answers")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        drop(self.process.take());
        end_all_in(&self.host.path("folder"));
        if std::thread::panicking() {
            // Beside the failed assertion, for whoever looks for the cause.
            let _ = writeln!(std::io::stderr(), "{}", self.said());
        }
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).expect("a process id")).expect("not zero")
}

fn pid_of(state: &UpState, colour: Colour) -> u32 {
    state.colour(colour).next().and_then(|instance| instance.pid).expect("it runs")
}

async fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let client = allswell::net::client::http(Duration::from_secs(1)).expect("a client");
    let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

/// The colour and version that answer there.
async fn who(address: &str) -> Option<String> {
    get(address, "/whoami").await.map(|(_, text)| text.trim().to_owned())
}

/// Whether it leads a session, or has ended.
fn leads_a_session(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let session = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(3).map(str::to_owned));
    session.is_none_or(|session| session == pid.to_string())
}

#[tokio::test]
async fn up_in_an_empty_folder_runs_the_demo_and_ctrl_c_leaves_no_process() {
    let mut up = Up::demo();
    up.both_answer().await;
    eventually("the heartbeats are started", || async { up.said().contains("heartbeat-green-1").then_some(()) }).await;
    let records = up.records();
    for record in records.iter().filter(|record| record.process.is_alive()) {
        eventually(&format!("{} has a session of its own", record.name), || async { leads_a_session(record.process.pid).then_some(()) })
            .await;
    }
    up.process().signal(Signal::INT);
    assert!(up.process().end(Duration::from_secs(40)).await.success());
    assert_eq!(up.records(), []);
    assert!(records.iter().all(|record| !record.process.is_alive()));
    assert!(!up.state_path("up.sock").exists());
    let outside: Vec<_> = std::fs::read_dir(up.host.path("folder")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, [".allswell"]);
    let said = up.said();
    let ends = said.split_once("Ending everything").unwrap().1;
    let order: Vec<&str> = ["proxy", "blue-1", "heartbeat-blue-1", "prober", "watcher"]
        .into_iter()
        .filter(|name| ends.contains(&format!(" {name} ")))
        .collect();
    let places: Vec<usize> = order.iter().map(|name| ends.find(&format!(" {name} ")).unwrap()).collect();
    assert!(places.is_sorted() && order.contains(&"blue-1"), "{ends}");
}

#[tokio::test]
async fn an_app_that_is_killed_is_started_again_and_nobody_else_is() {
    let up = Up::demo();
    let before = up.both_answer().await;
    let killed = pid_of(&before, Colour::Blue);
    kill_process(pid(killed), Signal::KILL).unwrap();
    let after = eventually("blue is started again", || async {
        let state = up.control().state().await.ok()?;
        let is_new = state.colour(Colour::Blue).any(|instance| instance.pid.is_some_and(|pid| pid != killed));
        is_new.then_some(state)
    })
    .await;
    assert_eq!(pid_of(&after, Colour::Green), pid_of(&before, Colour::Green));
    eventually("blue answers again", || async { who(&up.host.at(3001)).await }).await;
    up.says("ended by signal 9").await;
}

#[tokio::test]
async fn everything_outlives_up_and_the_next_one_takes_it_over() {
    let mut up = Up::demo();
    let before = up.both_answer().await;
    up.process().signal(Signal::KILL);
    up.process().end(Duration::from_secs(20)).await;
    assert_eq!(who(&up.host.at(3001)).await.as_deref(), Some("blue 1"));
    up.start();
    up.says("still runs").await;
    let after = up.both_answer().await;
    for colour in Colour::BOTH {
        assert_eq!(pid_of(&after, colour), pid_of(&before, colour));
    }
    // It sees the end of what is not its child, too.
    kill_process(pid(pid_of(&after, Colour::Blue)), Signal::KILL).unwrap();
    eventually("blue is started again", || async {
        let state = up.control().state().await.ok()?;
        state.colour(Colour::Blue).next()?.pid.filter(|pid| *pid != pid_of(&before, Colour::Blue))
    })
    .await;
}

#[tokio::test]
async fn under_nohup_nothing_ends_with_the_terminal() {
    let mut up = Up::under_nohup();
    let before = up.both_answer().await;
    up.process().signal(Signal::HUP);
    // An `up` that ends takes no such order, and ends long before one is carried out.
    let order = ReplaceOrder { colour: Colour::Green, version: Some("2".to_owned()) };
    let replaced = up.control().replace(&order).await.unwrap();
    assert_ne!(pid_of(&replaced, Colour::Green), pid_of(&before, Colour::Green));
    assert_eq!(pid_of(&replaced, Colour::Blue), pid_of(&before, Colour::Blue));
    assert!(!up.said().contains("Ending everything"), "{}", up.said());
    up.process().signal(Signal::TERM);
    assert!(up.process().end(Duration::from_secs(40)).await.success());
}

#[tokio::test]
async fn a_second_up_on_the_same_state_directory_is_refused() {
    let up = Up::demo();
    up.both_answer().await;
    let mut command = up.command();
    let second = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(second.status.code(), Some(6));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another `allswell up` (process ") && said.contains("--state DIR"), "{said}");
}

#[tokio::test]
async fn a_colour_is_replaced_by_its_new_version_and_the_next_up_remembers_it() {
    let mut up = Up::demo();
    let before = up.both_answer().await;
    let order = ReplaceOrder { colour: Colour::Green, version: Some("2 {port}".to_owned()) };
    let replaced = up.control().replace(&order).await.unwrap();
    assert_ne!(pid_of(&replaced, Colour::Green), pid_of(&before, Colour::Green));
    assert_eq!(pid_of(&replaced, Colour::Blue), pid_of(&before, Colour::Blue));
    eventually("the new version answers", || async { who(&up.host.at(3002)).await.filter(|who| who == "green 2 {port}") }).await;
    up.control().stop().await.unwrap();
    assert!(up.process().end(Duration::from_secs(40)).await.success());
    up.start();
    up.both_answer().await;
    assert_eq!(who(&up.host.at(3002)).await.as_deref(), Some("green 2 {port}"));
    assert_eq!(who(&up.host.at(3001)).await.as_deref(), Some("blue 1"));
}

#[tokio::test]
async fn a_version_that_cannot_be_one_is_refused_and_nothing_is_replaced() {
    let up = Up::demo();
    let before = up.both_answer().await;
    let order = ReplaceOrder { colour: Colour::Blue, version: Some("a\nb".to_owned()) };
    let refusal = up.control().replace(&order).await.unwrap_err().to_string();
    assert!(refusal.contains("control characters"), "{refusal}");
    assert_eq!(pid_of(&up.control().state().await.unwrap(), Colour::Blue), pid_of(&before, Colour::Blue));
}

#[tokio::test]
async fn an_app_that_does_not_end_when_asked_is_killed_after_its_grace() {
    let host = Host::new();
    let command = "sh -c \"trap '' TERM; echo ignoring; while :; do sleep 0.1; done\"";
    let config = format!("[app]\nheartbeats = false\n[runtime]\ncommand = '''{command}'''\nstop_grace = \"300ms\"\n{}", listeners(&host));
    let mut up = Up::with(host, &config);
    let log = up.state_path("instances/blue-1.log");
    eventually("the app runs", || async { std::fs::read_to_string(&log).ok().filter(|log| log.contains("ignoring")) }).await;
    up.process().signal(Signal::TERM);
    assert!(up.process().end(Duration::from_secs(30)).await.success());
    assert!(up.said().contains("killed after"), "{}", up.said());
    assert_eq!(up.records(), []);
}

/// Every listener of the parts on the host's address.
pub(crate) fn listeners(host: &Host) -> String {
    let at = |port| host.at(port);
    format!(
        "[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n[proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n\
         [prober]\nlisten = \"{}\"\nhealth = \"{}\"\nwatchers = [\"http://{}\"]\n[watcher]\nlisten = \"{}\"\n",
        at(3001),
        at(3002),
        at(8000),
        at(8080),
        at(7702),
        at(7701),
        at(7703),
        at(7790),
        at(7700)
    )
}
