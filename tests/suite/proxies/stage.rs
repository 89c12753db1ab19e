//! Two apps, a prober, and a proxy of Debian's that the story starts by itself.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use allswell::config::Config;
use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use allswell::files::{self, StateDir};
use allswell::proxy::ProxyDriver;
use allswell::proxy::control::{ControlError, ShiftOrder};
use allswell::release::{ProberState, Remote, SwitchEnd, SwitchOrder};
use rustix::process::{Signal, kill_process};

use crate::harness::{App, Crowd, Host, Lone, Marks, Process, Raw, RawAnswer, Tally, allswell, eventually};

pub(super) const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"2s\"\nfall = 2\n";
pub(super) const SWITCH: &str = "passes = 2\nwithin = \"10s\"\ndrain = \"3s\"\nobserve = \"100ms\"";

/// Apps and a config, and no proxy yet.
pub(super) struct Stage {
    pub(super) lone: Lone,
    pub(super) marks: Arc<Marks>,
    _apps: [App; 2],
}

/// All of it, running.
pub(super) struct Fronted {
    pub(super) stage: Stage,
    pub(super) proxy: Front,
    prober: Process,
    pub(super) remote: Remote,
}

/// A proxy that runs. It is told to end, for the workers of one that is killed live on.
pub(super) struct Front(Process);

impl Deref for Front {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl DerefMut for Front {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        /// How often is looked whether it has ended, and how many times.
        const LOOKS: (Duration, u32) = (Duration::from_millis(20), 250);
        if self.0.ended().is_some() || kill_process(self.0.pid(), Signal::TERM).is_err() {
            return;
        }
        for _ in 0..LOOKS.1 {
            if self.0.ended().is_some() {
                return;
            }
            std::thread::sleep(LOOKS.0);
        }
    }
}

impl Stage {
    /// With these lines in `[proxy]`.
    pub(super) async fn new(proxy: &str, switch: &str) -> Self {
        let host = Host::new();
        let marks = Arc::new(Marks::new(Colour::Blue));
        let app = |port, colour| App::start_at(host.at(port), colour, Arc::clone(&marks));
        let apps = [app(3001, Colour::Blue).await, app(3002, Colour::Green).await];
        let lone = Lone::prepare(host, &[], switch, PROBE);
        let path = lone.host.path("allswell.toml");
        let folder = lone.host.path("").display().to_string();
        let proxy = proxy.replace("{folder}", folder.trim_end_matches('/')).replace("{ip}", &lone.host.ip);
        let text = std::fs::read_to_string(&path).unwrap().replace("[proxy]\n", &format!("[proxy]\n{proxy}\n"));
        std::fs::write(&path, text).unwrap();
        Self { lone, marks, _apps: apps }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.lone.host.path(name)
    }

    /// What `allswell snippet` says is needed, written to a file of the proxy's config after `head`.
    pub(super) async fn write_config(&self, name: &str, head: &str) {
        let ran = self.command(&["snippet"]).await;
        std::fs::write(self.path(name), format!("{head}\n{}", ran)).unwrap();
    }

    /// What a command prints; it has to end well.
    pub(super) async fn command(&self, words: &[&str]) -> String {
        let words = [words, &["--config", "allswell.toml", "--state", "state"]].concat();
        let ran = allswell(&self.lone.host, &words).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out
    }

    /// Starts a proxy.
    pub(super) fn start(&self, words: &[&str]) -> Front {
        let (program, arguments) = words.split_first().unwrap();
        Front(Process::start(Command::new(program).args(arguments).current_dir(self.path("")), &self.path("front.log")))
    }

    /// What drives the proxy, as the prober has it.
    pub(super) fn driver(&self) -> ProxyDriver {
        let text = std::fs::read_to_string(self.path("allswell.toml")).unwrap();
        let config = Config::parse(&text).unwrap().config;
        let state = StateDir::open(&self.path("state")).unwrap();
        ProxyDriver::new(&config.proxy, &config.app, &state, Duration::from_secs(5))
    }

    /// Starts the prober too, and waits until all is seen passing.
    pub(super) async fn with(self, proxy: Front) -> Fronted {
        let (prober, remote) = self.lone.start().await;
        Fronted { stage: self, proxy, prober, remote }
    }

    /// An answer of the live listener, or of another port, with the prober's token or without.
    pub(super) async fn ask(&self, port: u16, path: &str, with_token: bool) -> RawAnswer {
        let token = files::token(&self.path("state/probe.token")).unwrap();
        let line = format!("x-allswell-probe-token: {token}");
        let lines = if with_token { vec![line.as_str()] } else { vec![] };
        eventually("the proxy answers", || async {
            Raw::connect(&self.lone.host.at(port)).await.ok()?.ask("GET", path, &lines, &[]).await.ok()
        })
        .await
    }
}

impl Fronted {
    /// Switches, to the end.
    pub(super) async fn switch(&self, to: Colour) -> SwitchEnd {
        let order = SwitchOrder { to, force: None, wait: true, by: "ann@desk".into() };
        self.stage.marks.order(to);
        let shifted = |event: &allswell::release::SwitchEvent| {
            if event.phase == Phase::Shifted {
                self.stage.marks.acknowledge();
            }
        };
        self.remote.switch(&order, shifted).await.expect("it ends")
    }

    pub(super) async fn state(&self) -> ProberState {
        eventually("the prober answers", || async { self.remote.state().await.ok() }).await
    }

    /// So many switches while keep-alive clients ask and, if so, WebSockets talk.
    pub(super) async fn switch_under_load(&self, switches: usize, websockets: usize) -> Tally {
        let crowd = Crowd::start(&self.stage.lone.host.at(8000), &self.stage.marks, 16, websockets);
        for number in 0..switches {
            let before = crowd.answers();
            eventually("requests are under way", || async { (crowd.answers() > before + 50).then_some(()) }).await;
            let to = if number % 2 == 0 { Colour::Green } else { Colour::Blue };
            let end = self.switch(to).await;
            assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
        }
        let last = crowd.answers();
        eventually("answers after the last switch", || async { (crowd.answers() > last + 50).then_some(()) }).await;
        crowd.end().await
    }

    /// The prober's token is answered with colour and epoch, nobody else is, and what the app says about it never gets out.
    pub(super) async fn claims_its_colour_to_the_prober_alone(&self) {
        let state = self.state().await;
        let claim = |answer: &RawAnswer| (answer.header("x-allswell-colour"), answer.header("x-allswell-epoch"));
        let proven = self.stage.ask(8000, "/headers", true).await;
        assert_eq!(claim(&proven), (state.live.map(|live| live.to_string()), Some(state.epoch.to_string())));
        assert!(!proven.text().contains("probe-token"), "the app never hears the token: {}", proven.text());
        for port in [8000, 8080] {
            let public = self.stage.ask(port, "/headers", false).await;
            assert_eq!((claim(&public), public.header("x-kept").as_deref()), ((None, None), Some("yes")));
        }
        assert_eq!(self.stage.ask(8080, "/headers", false).await.header("x-app-colour"), state.live.map(|live| live.other().to_string()));
    }

    /// Whoever has lost the lease when the proxy is about to be written to changes nothing, in the proxy or on disk.
    pub(super) async fn a_lost_lease_changes_nothing(&self, file: Option<&str>) {
        let driver = self.stage.driver();
        let written = || file.map(|name| std::fs::read(self.stage.path(name)).unwrap());
        let says = async || driver.state().await.map(|state| (state.live, state.epoch)).unwrap();
        let (before, (live, epoch)) = (written(), says().await);
        let mut asked = false;
        let still_ours = async {
            asked = true;
            Err("bob has the lease now".to_owned())
        };
        let order = ShiftOrder { to: Colour::Green, epoch: epoch + 1 };
        let withdrawn = driver.shift(order, still_ours).await;
        assert!(matches!(&withdrawn, Err(ControlError::Withdrawn(why)) if why == "bob has the lease now"), "{withdrawn:?}");
        assert!(asked && written() == before);
        assert_eq!(says().await, (live, epoch));
        // One that was seen already is not even asked about.
        let stale = driver.shift(ShiftOrder { epoch, ..order }, async { unreachable!("it is stale") }).await;
        assert!(matches!(stale, Err(ControlError::Stale(_))), "{stale:?}");
    }

    /// Nothing has changed: this colour is still live, by everybody's word.
    pub(super) async fn is_still(&self, live: Colour) {
        assert_eq!(self.state().await.live, Some(live));
        assert_eq!(self.stage.ask(8000, "/work", false).await.text(), format!("{live} 0"));
    }
}

impl Drop for Fronted {
    fn drop(&mut self) {
        // Whoever drives the proxy ends before it.
        let _ = kill_process(self.prober.pid(), Signal::KILL);
    }
}
