//! A release watcher with a thousand checks.

use std::fmt::Write;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
        let folder = Self::folder();
        let mut watchers = Vec::new();
        for number in 0..count {
            watchers.push(Self::start(17_700 + u16::try_from(number).unwrap(), store, Arc::clone(&folder)).await);
        }
        watchers
    }

    /// For its config, its log and its state, which is in `state-PORT`.
    pub(crate) fn folder() -> Arc<TempDir> {
        Arc::new(tempfile::tempdir().unwrap())
    }

    async fn start(port: u16, store: &str, folder: Arc<TempDir>) -> Self {
        Self::with(port, store, folder, CHECKS, "http://127.0.0.1:9/").await
    }

    /// With so many checks in its config, on a store that may have others, and a webhook.
    pub(crate) async fn with(port: u16, store: &str, folder: Arc<TempDir>, checks: usize, webhook: &str) -> Self {
        let mut config = format!(
            "[app]\nname = \"shop\"\nheartbeats = false\n[runtime]\ncommand = \"x\"\n[probe]\nevery = \"1h\"\n\
             [watcher]\nname = \"watcher-{port}\"\nlisten = \"127.0.0.1:{port}\"\nbeat_key = \"{KEY}\"\nstore = \"{store}\"\n\
             [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{webhook}\"\n"
        );
        for number in 0..checks {
            write!(config, "[[check]]\nname = \"job-{number}\"\nperiod = \"1h\"\n").unwrap();
        }
        let path = folder.path().join(format!("{port}.toml"));
        fs::write(&path, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
        command.arg("--config").arg(&path).arg("--state").arg(folder.path().join(format!("state-{port}")));
        let log = fs::File::create(folder.path().join(format!("{port}.log"))).unwrap();
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
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

    /// Waits until its `/healthz` is 200.
    pub(crate) async fn is_well(&self) {
        while !self.get("/healthz").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How long its sweeps took together, in seconds, and how many there were. Before the first one they are not among the metrics.
    pub(crate) async fn sweeps(&self) -> (f64, f64) {
        let metrics = self.get("/metrics").await;
        let of = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)).map_or(0.0, |value| value.trim().parse().unwrap());
        (of("allswell_sweep_seconds_sum"), of("allswell_sweep_seconds_count"))
    }

    async fn get(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(self.address()).await else { return String::new() };
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let mut answer = Vec::new();
        if stream.write_all(request.as_bytes()).await.is_ok() {
            // What came before an end that is none is what there is.
            let _ = stream.read_to_end(&mut answer).await;
        }
        String::from_utf8_lossy(&answer).into_owned()
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
