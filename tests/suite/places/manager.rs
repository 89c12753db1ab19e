//! Each part under a service manager: ready when it serves, alive while it works, and silent when it is stuck.

use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use crate::harness::system::reqwest_client;
use crate::harness::{Host, Process, Superior};

/// What a unit would say: WatchdogSec.
const WATCHDOG: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(20);

/// A part, and who hears of it.
struct Kept {
    host: Host,
    superior: Superior,
    process: Process,
}

impl Kept {
    /// Starts this executable with its state in one directory and its sockets in another; ready when it says so.
    async fn start(executable: &str) -> Self {
        let host = Host::new();
        std::fs::write(host.path("allswell.toml"), config(&host)).expect("the config is written");
        std::fs::create_dir(host.path("run")).expect("a directory");
        let superior = Superior::of(&host, "notify");
        let mut command = Command::new(executable);
        command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
        command.env("ALLSWELL_RUNTIME", host.path("run"));
        let process = Process::start(superior.over(&mut command, WATCHDOG), &host.path("log"));
        superior.hears(LIMIT, "READY=1").await;
        Self { host, superior, process }
    }

    /// Every file that it opens from now on is one too many, or none is.
    fn starve(&self, starve: bool) {
        let most = if starve { Some(3) } else { getrlimit(Resource::Nofile).current };
        let limit = Rlimit { current: most, maximum: getrlimit(Resource::Nofile).maximum };
        let pid: Pid = self.process.pid();
        prlimit(Some(pid), Resource::Nofile, limit).expect("it is our child");
    }

    /// Ends it as a unit is stopped.
    async fn stop(mut self) {
        self.process.signal(Signal::TERM);
        self.superior.hears(LIMIT, "STOPPING=1").await;
        assert!(self.process.end(LIMIT).await.success());
    }
}

fn config(host: &Host) -> String {
    let at = |port| host.at(port);
    format!(
        "[app]\nheartbeats = false\n[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n[runtime]\ncommand = \"true\"\n\
         [proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n[switch]\ndrain = \"1s\"\n[probe]\nevery = \"500ms\"\n\
         [prober]\nlisten = \"{}\"\nhealth = \"{}\"\nwatchers = [\"http://{}\"]\n[watcher]\nlisten = \"{}\"\n",
        at(3001),
        at(3002),
        at(8000),
        at(8080),
        at(7702),
        at(7701),
        at(7703),
        at(7700),
        at(7700),
    )
}

async fn answers(host: &Host, port: u16) -> bool {
    reqwest_client().get(format!("http://{}/healthz", host.at(port))).send().await.is_ok()
}

#[tokio::test]
async fn a_watcher_is_ready_when_it_serves_and_vouched_for_by_its_sweep_alone() {
    let watcher = Kept::start(env!("CARGO_BIN_EXE_allswell-watcher")).await;
    assert!(answers(&watcher.host, 7700).await, "it has said that it is ready");
    watcher.superior.hears(LIMIT, "WATCHDOG=1").await;
    let outside = Connection::open(watcher.host.path("state/watcher.db")).expect("the store is a file");
    outside.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    watcher.superior.silent(WATCHDOG, LIMIT).await;
    assert!(answers(&watcher.host, 7700).await, "it runs, and gets nowhere");
    outside.execute_batch("ROLLBACK").expect("the lock is given back");
    watcher.superior.hears(LIMIT, "WATCHDOG=1").await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_prober_is_ready_when_it_serves_and_vouched_for_by_its_rounds_alone() {
    let prober = Kept::start(env!("CARGO_BIN_EXE_allswell-prober")).await;
    assert!(answers(&prober.host, 7703).await, "it has said that it is ready");
    prober.superior.hears(LIMIT, "WATCHDOG=1").await;
    prober.starve(true);
    prober.superior.silent(WATCHDOG, LIMIT).await;
    prober.starve(false);
    prober.superior.hears(LIMIT, "WATCHDOG=1").await;
    prober.stop().await;
}

#[tokio::test]
async fn a_proxy_is_ready_when_it_serves_and_vouched_for_by_its_doors_alone() {
    let proxy = Kept::start(env!("CARGO_BIN_EXE_allswell-proxy")).await;
    assert!(proxy.host.path("run/proxy.sock").exists(), "its socket is where the unit's RuntimeDirectory is");
    assert!(answers(&proxy.host, 8000).await, "it has said that it is ready");
    proxy.superior.hears(LIMIT, "WATCHDOG=1").await;
    proxy.starve(true);
    proxy.superior.silent(WATCHDOG, LIMIT).await;
    proxy.starve(false);
    proxy.superior.hears(LIMIT, "WATCHDOG=1").await;
    proxy.stop().await;
}
