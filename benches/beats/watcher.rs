//! A release watcher with a thousand checks.

use std::fmt::Write;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "a beat key";
pub(crate) const CHECKS: usize = 1_000;

/// It, while it runs.
pub(crate) struct Watcher {
    child: Child,
    port: u16,
    _folder: Arc<TempDir>,
}

impl Watcher {
    /// So many on one store.
    pub(crate) async fn several(count: usize, store: &str) -> Vec<Self> {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut watchers = Vec::new();
        for number in 0..count {
            watchers.push(Self::start(17_700 + u16::try_from(number).unwrap(), store, Arc::clone(&folder)).await);
        }
        watchers
    }

    async fn start(port: u16, store: &str, folder: Arc<TempDir>) -> Self {
        let mut config = format!(
            "[app]\nname = \"shop\"\nheartbeats = false\n[runtime]\ncommand = \"x\"\n[probe]\nevery = \"1h\"\n\
             [watcher]\nname = \"watcher-{port}\"\nlisten = \"127.0.0.1:{port}\"\nbeat_key = \"{KEY}\"\nstore = \"{store}\"\n\
             [[channel]]\nname = \"ops\"\nkind = \"command\"\ncommand = \"true\"\n"
        );
        for number in 0..CHECKS {
            write!(config, "[[check]]\nname = \"job-{number}\"\nperiod = \"1h\"\n").unwrap();
        }
        let path = folder.path().join(format!("{port}.toml"));
        fs::write(&path, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
        command.arg("--config").arg(&path).arg("--state").arg(folder.path().join(format!("state-{port}")));
        let log = fs::File::create(folder.path().join(format!("{port}.log"))).unwrap();
        let child = command.env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut watcher = Self { child, port, _folder: folder };
        while TcpStream::connect(watcher.address()).await.is_err() {
            assert!(watcher.child.try_wait().unwrap().is_none(), "{}", fs::read_to_string(path.with_extension("log")).unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        watcher
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn resident_mb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
