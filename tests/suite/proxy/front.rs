//! A proxy in front of two addresses, and both ends of it.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::proxy::control::{ProxyControl, ProxyState, ShiftOrder};
use rustix::process::Signal;

use crate::harness::{App, Host, Marks, Process, Raw, eventually};

const EXECUTABLE: &str = env!("CARGO_BIN_EXE_allswell-proxy");

/// The proxy's executable on a host of its own.
pub(super) struct Front {
    pub(super) host: Host,
    pub(super) control: ProxyControl,
    pub(super) marks: Arc<Marks>,
    process: Process,
    config: String,
}

impl Front {
    /// Started and answering; `extra` are lines of `[proxy]`.
    pub(super) async fn start(extra: &str) -> Self {
        let front = Self::start_unready(Host::new(), extra);
        front.is_up().await;
        front
    }

    /// The same, where blue has a second instance at [`Front::second`].
    pub(super) async fn start_wide(extra: &str) -> Self {
        let host = Host::new();
        let blue = format!("addresses = [\"{}\", \"{}\"]", host.at(3001), host.at(3003));
        let config = Self::config(&host, &blue, extra);
        let front = Self::launch_on(host, config);
        front.is_up().await;
        front
    }

    /// The same as [`Front::start`], with so long a drain at its end.
    pub(super) async fn start_draining(extra: &str, drain: &str) -> Self {
        let host = Host::new();
        let config = Self::config(&host, &format!("address = \"{}\"", host.at(3001)), extra);
        let front = Self::launch_on(host, config.replace("drain = \"3s\"", &format!("drain = \"{drain}\"")));
        front.is_up().await;
        front
    }

    /// The same as [`Front::start`], with no more than so many file descriptors.
    pub(super) async fn start_with_descriptors(number: u32, extra: &str) -> Self {
        let mut front = Self::start(extra).await;
        front.end().await;
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {number} && exec \"$0\" \"$@\""), EXECUTABLE]);
        front.process = Self::launch_by(&mut command, &front.host, &front.config);
        front.is_up().await;
        front
    }

    /// The same as [`Front::start`], while no other story runs.
    pub(super) async fn start_alone() -> Self {
        let front = Self::start_unready(Host::alone(), "");
        front.is_up().await;
        front
    }

    /// Started on a host whose state directory may hold something already.
    pub(super) fn start_unready(host: Host, extra: &str) -> Self {
        let config = Self::config(&host, &format!("address = \"{}\"", host.at(3001)), extra);
        Self::launch_on(host, config)
    }

    fn launch_on(host: Host, config: String) -> Self {
        let control = ProxyControl::new(&host.path("state/proxy.sock"), Duration::from_secs(5));
        let process = Self::launch(&host, &config);
        Self { host, control, marks: Arc::new(Marks::new(Colour::Blue)), process, config }
    }

    fn config(host: &Host, blue: &str, extra: &str) -> String {
        format!(
            "[runtime]\ncommand = \"true\"\n[app.blue]\n{blue}\n[app.green]\naddress = \"{}\"\n[switch]\ndrain = \"3s\"\n\
             [proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n{extra}\n",
            host.at(3002),
            host.at(8000),
            host.at(8080),
            host.at(7702)
        )
    }

    fn launch(host: &Host, config: &str) -> Process {
        Self::launch_by(&mut Command::new(EXECUTABLE), host, config)
    }

    fn launch_by(command: &mut Command, host: &Host, config: &str) -> Process {
        let path = host.path("allswell.toml");
        std::fs::write(&path, config).expect("a config");
        command.arg("--config").arg(path).arg("--state").arg(host.path("state"));
        Process::start(command, &host.path("proxy.log"))
    }

    /// An app behind it.
    pub(super) async fn app(&self, colour: Colour) -> App {
        App::start(&self.address(colour), colour, Arc::clone(&self.marks)).await
    }

    /// Where the app of a colour is to listen.
    pub(super) fn address(&self, colour: Colour) -> String {
        self.host.at(if colour == Colour::Blue { 3001 } else { 3002 })
    }

    /// Where blue's second instance is to listen.
    pub(super) fn second(&self) -> String {
        self.host.at(3003)
    }

    /// The public listener.
    pub(super) fn live(&self) -> String {
        self.host.at(8000)
    }

    /// A client of the public listener.
    pub(super) async fn client(&self) -> Raw {
        Raw::connect(&self.live()).await.expect("the proxy takes clients")
    }

    /// Waits until it answers on its control socket.
    pub(super) async fn is_up(&self) -> ProxyState {
        eventually("the proxy answers", || async { self.control.state().await.ok() }).await
    }

    /// Orders a shift, and marks order and acknowledgement.
    pub(super) async fn shift(&self, to: Colour, epoch: u64) {
        self.marks.order(to);
        let state = self.control.shift(ShiftOrder { to, epoch }).await.expect("the shift is acknowledged");
        self.marks.acknowledge();
        assert_eq!((state.live, state.epoch), (Some(to), epoch));
    }

    /// Kills it and starts it again, on the same ports.
    pub(super) async fn kill_and_start(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.end(Duration::from_secs(5)).await;
        self.process = Self::launch(&self.host, &self.config);
    }

    /// Tells it to end, and waits until it has.
    pub(super) async fn end(&mut self) -> std::process::ExitStatus {
        self.end_within(Duration::from_secs(10)).await
    }

    /// Tells it to end, and waits for no longer than this until it has.
    pub(super) async fn end_within(&mut self, limit: Duration) -> std::process::ExitStatus {
        self.process.signal(Signal::TERM);
        self.process.end(limit).await
    }

    /// Tells it something.
    pub(super) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Tells it to end.
    pub(super) fn tell_to_end(&self) {
        self.process.signal(Signal::TERM);
    }

    /// What its health listener says: status and text.
    pub(super) async fn health(&self, path: &str) -> (u16, String) {
        let mut client = Raw::connect(&self.host.at(7702)).await.expect("the health listener");
        let answer = client.ask("GET", path, &["host: 127.0.0.1"], b"").await.expect("an answer");
        (answer.status, answer.text())
    }

    /// The token that its prober would send.
    pub(super) fn token_line(&self) -> String {
        let token = std::fs::read_to_string(self.host.path("state/probe.token")).expect("a token");
        format!("x-allswell-probe-token: {}", token.trim())
    }
}
