//! What is to run, and how each process is started.

use std::path::PathBuf;

use crate::config::Config;
use crate::domain::colour::Colour;
use crate::files::StateDir;
use crate::runtime::process::command::{Placeholders, Spec};

/// Which instance of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Instance {
    pub(super) colour: Colour,
    /// From 1.
    pub(super) number: u32,
}

/// What a process is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Duty {
    Watcher,
    Prober,
    Proxy,
    App(Instance),
    Heartbeat(Instance),
    /// An earlier config wanted it: it is stopped.
    Former(String),
}

impl Duty {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Watcher => "watcher".to_owned(),
            Self::Prober => "prober".to_owned(),
            Self::Proxy => "proxy".to_owned(),
            Self::App(instance) => format!("{}-{}", instance.colour, instance.number),
            Self::Heartbeat(instance) => format!("heartbeat-{}-{}", instance.colour, instance.number),
            Self::Former(name) => name.clone(),
        }
    }

    /// The instance that is replaced when its colour is.
    pub(super) fn instance(&self) -> Option<Instance> {
        match self {
            Self::App(instance) | Self::Heartbeat(instance) => Some(*instance),
            Self::Watcher | Self::Prober | Self::Proxy | Self::Former(_) => None,
        }
    }

    /// What looks at others starts when there is something to see: else its first look is a false alarm.
    pub(super) fn starts_last(&self) -> bool {
        matches!(self, Self::Prober | Self::Heartbeat(_))
    }

    /// In which order everything ends: whoever looks on ends after what it looks at.
    pub(super) fn stage(&self) -> usize {
        match self {
            Self::Proxy | Self::Former(_) => 0,
            Self::App(_) => 1,
            Self::Heartbeat(_) => 2,
            Self::Prober => 3,
            Self::Watcher => 4,
        }
    }

    /// How many stages there are.
    pub(super) const STAGES: usize = 5;
}

/// What is to run on this machine.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) config_path: PathBuf,
    pub(super) state: StateDir,
    /// Our own executable.
    pub(super) allswell: PathBuf,
    /// The text of the key that signs beats.
    pub(super) beat_key: String,
}

impl Plan {
    /// Everything, in the order in which it is started.
    pub(super) fn duties(&self) -> Vec<Duty> {
        let instances: Vec<Instance> = Colour::BOTH.into_iter().flat_map(|colour| self.instances(colour)).collect();
        let heartbeats = instances.iter().filter(|_| self.config.app.heartbeats).map(|instance| Duty::Heartbeat(*instance));
        let proxy = self.config.proxy.kind.is_ours().then_some(Duty::Proxy);
        [Duty::Watcher]
            .into_iter()
            .chain(proxy)
            .chain(instances.iter().map(|instance| Duty::App(*instance)))
            .chain([Duty::Prober])
            .chain(heartbeats)
            .collect()
    }

    fn instances(&self, colour: Colour) -> impl Iterator<Item = Instance> {
        let count = u32::try_from(self.config.app.colour(colour).addresses.len()).unwrap_or(u32::MAX);
        (1..=count).map(move |number| Instance { colour, number })
    }

    /// Where an instance listens, `host:port`.
    pub(super) fn address(&self, instance: Instance) -> String {
        let at = usize::try_from(instance.number).unwrap_or(0).saturating_sub(1);
        self.config.app.colour(instance.colour).addresses.get(at).cloned().unwrap_or_default()
    }

    /// How a process is started, with the version of its colour.
    pub(super) fn spec(&self, duty: &Duty, version: Option<&str>) -> Spec {
        let (argv, environment, secrets) = match duty {
            Duty::Watcher | Duty::Prober | Duty::Proxy => (self.part(&duty.name()), Vec::new(), Vec::new()),
            Duty::App(instance) => {
                let placeholders = self.placeholders(*instance, version);
                (placeholders.fill(self.config.runtime.kind.process_command()), placeholders.environment(), Vec::new())
            }
            Duty::Heartbeat(instance) => {
                let key = ("ALLSWELL_BEAT_KEY".to_owned(), self.beat_key.clone());
                (self.heartbeat(*instance, version), Vec::new(), vec![key])
            }
            Duty::Former(_) => (Vec::new(), Vec::new(), Vec::new()),
        };
        Spec { name: duty.name(), argv, environment, secrets, log: self.log(duty) }
    }

    /// Where its output goes.
    pub(super) fn log(&self, duty: &Duty) -> PathBuf {
        let file = format!("{}.log", duty.name());
        if matches!(duty, Duty::App(_)) { self.state.instances().join(file) } else { self.state.join(file) }
    }

    fn placeholders<'a>(&'a self, instance: Instance, version: Option<&'a str>) -> Placeholders<'a> {
        let address = self.address(instance);
        // The config was read: every address has a port.
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(0);
        Placeholders { port, colour: instance.colour, version, allswell: &self.allswell }
    }

    fn part(&self, part: &str) -> Vec<String> {
        let (config, state) = (self.config_path.display().to_string(), self.state.path().display().to_string());
        [&self.allswell.display().to_string(), part, "--config", &config, "--state", &state].map(str::to_owned).to_vec()
    }

    fn heartbeat(&self, instance: Instance, version: Option<&str>) -> Vec<String> {
        let allswell = self.allswell.display().to_string();
        let check = format!("heartbeat-{}", instance.colour);
        let name = format!("{}-{}", instance.colour, instance.number);
        let health = format!("http://{}{}", self.address(instance), self.config.app.health);
        let every = format!("{}ms", self.config.probe.every.as_millis());
        let mut argv: Vec<String> = [&allswell, "heartbeat", "--check", &check, "--colour", instance.colour.as_str(), "--instance", &name]
            .map(str::to_owned)
            .to_vec();
        argv.extend(
            ["--app", &self.config.app.name, "--health", &health, "--every", &every, "--watchers", &self.config.prober.watchers.join(",")]
                .map(str::to_owned),
        );
        argv.extend(version.into_iter().flat_map(|version| ["--app-version".to_owned(), version.to_owned()]));
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(folder: &std::path::Path, more: &str) -> Plan {
        let text = format!(
            "[runtime]\ncommand = \"{{allswell}} serve {{port}}\"\n[app.blue]\naddresses = [\"127.0.0.1:3001\", \"127.0.0.1:3003\"]\n{more}"
        );
        Plan {
            config: Config::parse(&text).unwrap().config,
            config_path: "/etc/allswell.toml".into(),
            state: StateDir::open(folder).unwrap(),
            allswell: "/opt/allswell".into(),
            beat_key: "hunter2".into(),
        }
    }

    #[test]
    fn every_address_has_an_instance_and_every_instance_a_heartbeat() {
        let folder = tempfile::tempdir().unwrap();
        let names = |more: &str| plan(folder.path(), more).duties().iter().map(Duty::name).collect::<Vec<_>>().join(" ");
        let with = "watcher proxy blue-1 blue-2 green-1 prober heartbeat-blue-1 heartbeat-blue-2 heartbeat-green-1";
        assert_eq!(names(""), with);
        assert_eq!(names("[app]\nheartbeats = false\n"), "watcher proxy blue-1 blue-2 green-1 prober");
    }

    #[test]
    fn an_instance_gets_its_own_port_and_a_heartbeat_its_address_but_no_key_in_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path(), "");
        let instance = Instance { colour: Colour::Blue, number: 2 };
        assert_eq!(plan.spec(&Duty::App(instance), Some("7")).argv, ["/opt/allswell", "serve", "3003"]);
        let heartbeat = plan.spec(&Duty::Heartbeat(instance), Some("7"));
        let words = heartbeat.argv.join(" ");
        assert!(words.contains("--app app --health http://127.0.0.1:3003/healthz --every 5000ms"), "{words}");
        assert!(words.contains("--instance blue-2") && words.contains("--app-version 7"), "{words}");
        assert!(!words.contains("hunter2"));
        assert_eq!(heartbeat.secrets, [("ALLSWELL_BEAT_KEY".to_owned(), "hunter2".to_owned())]);
    }
}
