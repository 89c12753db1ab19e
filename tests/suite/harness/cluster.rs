//! Two apps of the test's own, and a real proxy and a real prober before them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use allswell::files;
use allswell::release::{Entry, ProberState, Remote, RemoteError, SwitchEnd, SwitchOrder};
use allswell::store::{Journal, Store, StoreError};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::moody::Moody;
use super::{Disk, Host, Process, eventually};

const PROXY: &str = env!("CARGO_BIN_EXE_allswell-proxy");
const PROBER: &str = env!("CARGO_BIN_EXE_allswell-prober");

/// Blue and green, a proxy and a prober.
pub(crate) struct Cluster {
    pub(crate) host: Host,
    pub(crate) blue: Moody,
    pub(crate) green: Moody,
    pub(crate) proxy: Process,
    pub(crate) prober: Process,
    pub(crate) remote: Remote,
}

/// A proxy and a prober alone, before apps of the test's own.
pub(crate) struct Pair {
    pub(crate) host: Host,
    pub(crate) proxy: Process,
    pub(crate) prober: Process,
    pub(crate) remote: Remote,
}

/// A prober that is not started yet, before a proxy of the test's own.
pub(crate) struct Lone {
    pub(crate) host: Host,
    remote: Remote,
}

/// A switch that somebody follows.
pub(crate) struct Followed {
    /// The phases as they are reached.
    pub(crate) phases: UnboundedReceiver<Phase>,
    /// How it ends.
    pub(crate) end: JoinHandle<Result<SwitchEnd, RemoteError>>,
}

impl Cluster {
    /// Starts everything, with short intervals and `more` at the end of the config; ready when both colours have been seen passing.
    pub(crate) async fn start(switch: &str, more: &str) -> Self {
        Self::on(Host::new(), &[7700], switch, more).await
    }

    /// Starts everything on this host, as [`Cluster::start`], with watchers expected on these ports.
    pub(crate) async fn on(host: Host, watchers: &[u16], switch: &str, more: &str) -> Self {
        let blue = Moody::start(host.at(3001), "blue").await;
        let green = Moody::start(host.at(3002), "green").await;
        let Pair { host, proxy, prober, remote } = Pair::start(host, watchers, switch, more).await;
        Self { host, blue, green, proxy, prober, remote }
    }

    /// Starts everything as [`Cluster::start`], with the state of proxy and prober on a disk that only they see.
    pub(crate) async fn on_a_disk(more: &str) -> (Self, Disk) {
        let host = Host::new();
        let blue = Moody::start(host.at(3001), "blue").await;
        let green = Moody::start(host.at(3002), "green").await;
        let lone = Lone::prepare(host, &[7700], "", more);
        let disk = Disk::new(&lone.host, "state");
        let proxy = start(&lone.host, disk.command("rw", PROXY), "proxy.log");
        eventually("the proxy has its disk, and serves", || async { TcpStream::connect(lone.host.at(8000)).await.ok() }).await;
        let prober = start(&lone.host, disk.beside(proxy.pid(), PROBER), "prober.log");
        lone.is_ready().await;
        let Lone { host, remote } = lone;
        (Self { host, blue, green, proxy, prober, remote }, disk)
    }

    /// How everything stands.
    pub(crate) async fn state(&self) -> ProberState {
        eventually("the prober answers", || async { self.remote.state().await.ok() }).await
    }

    /// The live colour, as the proxy says it.
    pub(crate) async fn live(&self) -> Option<Colour> {
        self.state().await.live
    }

    /// Stops the prober, and has its lease end, as if it had been stopped until then. In the middle of a commit nobody else could write.
    pub(crate) async fn stopped_until_its_time_was_over(&self, entry: &Entry) -> Journal {
        eventually("it is stopped, and not in the middle of a commit", async || {
            self.prober.signal(Signal::STOP);
            let written = async {
                let journal = Journal::new(Store::open("sqlite:prober.db", &self.host.path("state")).await?);
                journal.renew(entry.id, entry.started_at).await?;
                Ok::<_, StoreError>(journal)
            };
            let journal = written.await.ok();
            if journal.is_none() {
                self.prober.signal(Signal::CONT);
            }
            journal
        })
        .await
    }

    /// The last entry of the journal.
    pub(crate) async fn last(&self) -> Entry {
        eventually("the journal has an entry", || async { self.remote.history(1).await.ok()?.pop() }).await
    }

    /// The last entry, when it is over.
    pub(crate) async fn ended(&self) -> Entry {
        eventually("the last entry is over", || async { Some(self.last().await).filter(|entry| entry.phase.is_over()) }).await
    }

    /// Begins a switch and follows it.
    pub(crate) fn switch(&self, to: Colour, force: Option<&str>) -> Followed {
        let (remote, force) = (self.remote.clone(), force.map(str::to_owned));
        let (reached, phases) = unbounded_channel();
        let end = tokio::spawn(async move {
            let order = SwitchOrder { to, force, wait: true, by: "ann@desk".into() };
            remote
                .switch(&order, |event| {
                    // Nobody needs to look at the phases.
                    let _ = reached.send(event.phase);
                })
                .await
        });
        Followed { phases, end }
    }

    /// Ends the prober as a power cut would, and waits until it is gone.
    pub(crate) async fn kill_prober(&mut self) {
        self.prober.signal(Signal::KILL);
        self.prober.end(Duration::from_secs(10)).await;
    }

    /// Ends the proxy as a power cut would, and waits until it is gone.
    pub(crate) async fn kill_proxy(&mut self) {
        self.proxy.signal(Signal::KILL);
        self.proxy.end(Duration::from_secs(10)).await;
    }

    /// Starts the proxy again.
    pub(crate) fn start_proxy(&mut self) {
        self.proxy = start_proxy(&self.host);
    }

    /// Starts the prober again.
    pub(crate) fn start_prober(&mut self) {
        self.prober = start_prober(&self.host);
    }
}

impl Pair {
    /// Starts both; ready when both colours, which are there already, have been seen passing.
    pub(crate) async fn start(host: Host, watchers: &[u16], switch: &str, more: &str) -> Self {
        let lone = Lone::prepare(host, watchers, switch, more);
        let proxy = start_proxy(&lone.host);
        let (prober, remote) = lone.start().await;
        Self { host: lone.host, proxy, prober, remote }
    }
}

impl Lone {
    /// Writes the config, and makes the state directory.
    pub(crate) fn prepare(host: Host, watchers: &[u16], switch: &str, more: &str) -> Self {
        let text = config(&host, watchers, switch, more);
        std::fs::write(host.path("allswell.toml"), text).expect("the config is written");
        files::make_private_dir(&state(&host)).expect("a state directory");
        let token = files::token(&state(&host).join("prober.token")).expect("a prober token");
        let remote = Remote::new(&host.at(7701), token, Duration::from_secs(15));
        Self { host, remote }
    }

    /// Starts the prober; ready when it has seen everything passing.
    pub(crate) async fn start(&self) -> (Process, Remote) {
        let prober = start_prober(&self.host);
        self.is_ready().await;
        (prober, self.remote.clone())
    }

    async fn is_ready(&self) {
        eventually("both colours and the front door are seen passing", || async {
            let state = self.remote.state().await.ok()?;
            state.targets.iter().all(|target| target.passes_in_a_row > 0).then_some(())
        })
        .await;
    }
}

impl Followed {
    /// Waits until the phase is reached.
    pub(crate) async fn reach(&mut self, wanted: Phase) {
        assert!(self.reaches(wanted).await, "the switch ended before {wanted}: {:?}", (&mut self.end).await);
    }

    /// Waits until the phase is reached, or the switch has ended before it: false.
    pub(crate) async fn reaches(&mut self, wanted: Phase) -> bool {
        while let Some(phase) = self.phases.recv().await {
            if phase == wanted {
                return true;
            }
        }
        false
    }

    /// The end, and every phase that has not been looked at.
    pub(crate) async fn finish(mut self) -> (Vec<Phase>, Result<SwitchEnd, RemoteError>) {
        let end = self.end.await.expect("the task ends");
        let mut phases = Vec::new();
        while let Ok(phase) = self.phases.try_recv() {
            phases.push(phase);
        }
        (phases, end)
    }
}

fn config(host: &Host, watchers: &[u16], switch: &str, more: &str) -> String {
    let at = |port| host.at(port);
    let watchers: Vec<String> = watchers.iter().map(|port| format!("http://{}", at(*port))).collect();
    format!(
        "[app]\nname = \"shop\"\nheartbeats = false\n[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n\
         [runtime]\ncommand = \"true\"\n\
         [proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n\
         [switch]\n{switch}\n\
         [prober]\nlisten = \"{}\"\nhealth = \"{}\"\nwatchers = {watchers:?}\n{more}\n",
        at(3001),
        at(3002),
        at(8000),
        at(8080),
        at(7702),
        at(7701),
        at(7703),
    )
}

fn state(host: &Host) -> PathBuf {
    host.path("state")
}

fn start_proxy(host: &Host) -> Process {
    start(host, Command::new(PROXY), "proxy.log")
}

fn start_prober(host: &Host) -> Process {
    start(host, Command::new(PROBER), "prober.log")
}

fn start(host: &Host, mut command: Command, log: &str) -> Process {
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(state(host));
    Process::start(&mut command, &host.path(log))
}
