//! `[runtime]` with `kind = "docker"`.
//!
//! What is given here rules; what is not is carried over from the container that runs, as far as it did not come from its image.

use std::time::Duration;

use super::amount::{bytes, nano_cpus};
use crate::runtime::words::words;
use crate::settings::{Secret, Section};

/// What only this runtime needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerSettings {
    /// The image, where the deploy names none; `{version}` is replaced. Default: that of the running container.
    pub image: Option<String>,
    /// When the registry is asked. Default: `missing`.
    pub pull: Pull,
    /// The network on which the proxy and the prober find the colours; user-defined. Default: that of the running container.
    pub network: Option<String>,
    /// The networks that the app needs besides, for its database and the like. Default: those of the running container.
    pub networks: Option<Vec<String>>,
    /// `[runtime.env]`: each a text or a secret. Default: that of the running container. What begins with `ALLSWELL_` is carried over either way.
    pub env: Option<Vec<(String, Secret)>>,
    /// `[runtime.labels]`, beside those of allswell. Default: those of the running container.
    pub labels: Option<Vec<(String, String)>>,
    /// What runs in it.
    pub process: ProcessKeys,
    /// What it may do.
    pub limits: LimitKeys,
    /// What it sees.
    pub storage: StorageKeys,
    /// What the engine does around it.
    pub care: CareKeys,
}

/// When the registry is asked for an image. What is named by its digest never changes, so it is asked only where it is not here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pull {
    /// Where the image is not here.
    #[default]
    Missing,
    /// At every deploy, since a tag may have moved.
    Always,
    /// Never: the image must be here.
    Never,
}

/// What runs in a container. Defaults: as in the running container, else as in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessKeys {
    /// Words, no shell.
    pub command: Option<Vec<String>>,
    /// Words, no shell.
    pub entrypoint: Option<Vec<String>>,
    /// `USER[:GROUP]`.
    pub user: Option<String>,
    /// An absolute path.
    pub working_directory: Option<String>,
    /// `TERM`, `INT`, ...
    pub stop_signal: Option<String>,
}

/// What a container may do. Defaults: as in the running container, else the engine's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitKeys {
    /// In bytes; `"512m"`, `"2g"` in the file.
    pub memory: Option<i64>,
    /// In thousand-millionths of a processor; `"0.5"`, `"2"` in the file.
    pub nano_cpus: Option<i64>,
    /// How many processes and threads.
    pub pids: Option<i64>,
    /// Capabilities that are added: `"NET_BIND_SERVICE"`.
    pub cap_add: Option<Vec<String>>,
    /// Capabilities that are dropped: `"ALL"`.
    pub cap_drop: Option<Vec<String>>,
    /// Security options: `"no-new-privileges"`.
    pub security: Option<Vec<String>>,
}

/// What a container sees. Defaults: as in the running container, else nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageKeys {
    /// `VOLUME:PATH[:ro]` or `/HOST/PATH:PATH[:ro]`.
    pub volumes: Option<Vec<String>>,
    /// `PATH[:OPTIONS]`, in memory.
    pub tmpfs: Option<Vec<String>>,
    /// Whether its root file system is read-only. Default: as in the running container, else no.
    pub read_only: Option<bool>,
}

/// What the engine does around a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CareKeys {
    /// `no`, `on-failure`, `unless-stopped`, `always`. Default: as in the running container, else `unless-stopped`.
    pub restart: Option<Restart>,
    /// `log_driver`. Default: as in the running container, else the engine's.
    pub log_driver: Option<String>,
    /// `[runtime.log_options]`. Default: as in the running container.
    pub log_options: Option<Vec<(String, String)>>,
    /// `[runtime.health]`: Docker's own, a second opinion. Default: as in the running container, else as in the image.
    pub health: Option<HealthKeys>,
}

/// What the engine does when a container ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    No,
    /// Starts it again where its exit code is not 0.
    OnFailure,
    /// Starts it again unless it was stopped by hand.
    UnlessStopped,
    /// Starts it again, also when the engine starts.
    Always,
}

/// `[runtime.health]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthKeys {
    /// Words, no shell. Required; `"none"` turns the image's own off.
    pub test: Vec<String>,
    /// Default: 30 s.
    pub interval: Duration,
    /// Default: 30 s.
    pub timeout: Duration,
    /// Failures in a row until it is unhealthy. Default: 3.
    pub retries: u32,
    /// How long failures do not count after the start. Default: they count at once.
    pub start_period: Duration,
}

impl DockerSettings {
    pub(in crate::runtime) fn read(section: &mut Section<'_>) -> Self {
        refuse_ports(section);
        let image = section.text("image");
        if let Some(image) = image.as_deref().filter(|image| image.contains(char::is_whitespace)) {
            section.error("image", format!("\"{image}\" is not the name of an image"));
        }
        let network = section.text("network");
        if let Some(named @ ("bridge" | "default" | "host" | "none")) = network.as_deref() {
            section.error(
                "network",
                format!("\"{named}\" gives containers no names: make one with `docker network create shop` and name it here"),
            );
        }
        let labels = section.named_texts("labels");
        if labels.iter().flatten().any(|(name, _)| name.starts_with("allswell.")) {
            section.error("labels", "those that begin with allswell. are set by allswell itself");
        }
        let pull = [("missing", Pull::Missing), ("always", Pull::Always), ("never", Pull::Never)];
        Self {
            image,
            pull: section.one_of("pull", &pull).unwrap_or_default(),
            network,
            networks: list(section, "networks"),
            env: section.named("env"),
            labels,
            process: ProcessKeys::read(section),
            limits: LimitKeys::read(section),
            storage: StorageKeys::read(section),
            care: CareKeys::read(section),
        }
    }

    /// Every secret that is named.
    pub fn secrets(&mut self) -> impl Iterator<Item = &mut Secret> {
        self.env.iter_mut().flatten().map(|(_, secret)| secret)
    }
}

/// A port of the host can be published by one container only, so the new one could not start beside the old.
fn refuse_ports(section: &mut Section<'_>) {
    for key in ["ports", "publish"] {
        if section.is_given(key) {
            section.texts(key);
            section.error(
                key,
                "the containers of a colour publish no ports: the proxy finds them by name on `network`, and only the proxy is reached from outside",
            );
        }
    }
}

fn list(section: &mut Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let texts = section.texts(key);
    section.is_given(key).then_some(texts)
}

fn command(section: &mut Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let text = section.text(key)?;
    words(&text).map_err(|problem| section.error(key, problem)).ok()
}

impl ProcessKeys {
    fn read(section: &mut Section<'_>) -> Self {
        let working_directory = section.text("working_directory");
        if working_directory.as_deref().is_some_and(|path| !path.starts_with('/')) {
            section.error("working_directory", "must be an absolute path");
        }
        Self {
            command: command(section, "command"),
            entrypoint: command(section, "entrypoint"),
            user: section.text("user"),
            working_directory,
            stop_signal: section.text("stop_signal"),
        }
    }
}

impl LimitKeys {
    fn read(section: &mut Section<'_>) -> Self {
        let mut amount = |key: &'static str, read: fn(&str) -> Result<i64, String>| {
            let text = section.text(key)?;
            read(&text).map_err(|problem| section.error(key, problem)).ok()
        };
        let (memory, nano_cpus) = (amount("memory", bytes), amount("cpus", nano_cpus));
        let pids = i64::from(section.count_or("pids", 1));
        Self {
            memory,
            nano_cpus,
            pids: section.is_given("pids").then_some(pids),
            cap_add: list(section, "cap_add"),
            cap_drop: list(section, "cap_drop"),
            security: list(section, "security"),
        }
    }
}

impl StorageKeys {
    fn read(section: &mut Section<'_>) -> Self {
        let volumes = list(section, "volumes");
        for volume in volumes.iter().flatten() {
            let mut parts = volume.split(':');
            let whole = parts.next().is_some_and(|source| !source.is_empty() && !source.starts_with('.'))
                && parts.next().is_some_and(|target| target.starts_with('/'));
            if !whole {
                section.error("volumes", format!("\"{volume}\" is not VOLUME:/PATH[:ro] or /HOST/PATH:/PATH[:ro]"));
            }
        }
        let tmpfs = list(section, "tmpfs");
        if let Some(wrong) = tmpfs.iter().flatten().find(|path| !path.starts_with('/')) {
            section.error("tmpfs", format!("\"{wrong}\" is not /PATH[:OPTIONS]"));
        }
        let read_only = section.flag_or("read_only", false);
        Self { volumes, tmpfs, read_only: section.is_given("read_only").then_some(read_only) }
    }
}

impl CareKeys {
    fn read(section: &mut Section<'_>) -> Self {
        let words = [
            ("unless-stopped", Restart::UnlessStopped),
            ("no", Restart::No),
            ("on-failure", Restart::OnFailure),
            ("always", Restart::Always),
        ];
        let restart = section.one_of("restart", &words);
        Self {
            restart: restart.filter(|_| section.is_given("restart")),
            log_driver: section.text("log_driver"),
            log_options: section.named_texts("log_options"),
            health: HealthKeys::read(section),
        }
    }
}

impl HealthKeys {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        const USUAL: Duration = Duration::from_secs(30);
        let mut health = section.section("health");
        let given = health.is_present();
        let test = if given { health.text_required("test") } else { health.text_or("test", "none") };
        let test = words(&test).unwrap_or_else(|problem| {
            health.error("test", problem);
            Vec::new()
        });
        let read = Self {
            test,
            interval: health.duration_or("interval", USUAL),
            timeout: health.duration_or("timeout", USUAL),
            retries: health.count_or("retries", 3),
            start_period: health.duration_or("start_period", Duration::ZERO),
        };
        health.finish();
        given.then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (DockerSettings, Vec<String>) {
        let document = Document::parse(text);
        let mut root = document.root();
        let settings = DockerSettings::read(&mut root);
        root.finish();
        let (errors, _, _) = document.finish();
        (settings, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_not_given_is_left_to_the_running_container() {
        assert_eq!(read(""), (DockerSettings::default(), Vec::new()));
    }

    #[test]
    fn every_key_is_read() {
        let (settings, errors) = read(
            "image = \"shop:{version}\"\npull = \"always\"\nnetwork = \"shop\"\nnetworks = []\ncommand = \"/shop 'a b'\"\nuser = \"1:2\"\n\
             memory = \"512m\"\ncpus = \"0.5\"\npids = 100\ncap_drop = [\"ALL\"]\nvolumes = [\"data:/data:ro\"]\ntmpfs = [\"/tmp:size=1m\"]\n\
             read_only = true\nrestart = \"no\"\nlog_driver = \"local\"\n\
             [env]\nPORT = \"3000\"\nKEY = { file = \"k\" }\n[labels]\nteam = \"a\"\n[log_options]\nmax-size = \"1m\"\n\
             [health]\ntest = \"/probe http://localhost\"\ninterval = \"5s\"\n",
        );
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!((settings.image.as_deref(), settings.pull), (Some("shop:{version}"), Pull::Always));
        assert_eq!((settings.network.as_deref(), settings.networks), (Some("shop"), Some(vec![])));
        assert_eq!(settings.process.command.unwrap(), ["/shop", "a b"]);
        let limits = settings.limits;
        assert_eq!((limits.memory, limits.nano_cpus, limits.pids), (Some(512 << 20), Some(500_000_000), Some(100)));
        assert_eq!(settings.env.unwrap()[0], ("KEY".to_owned(), Secret::File("k".into())));
        assert_eq!(settings.care.log_options.unwrap(), [("max-size".to_owned(), "1m".to_owned())]);
        let health = settings.care.health.unwrap();
        assert_eq!((health.test.len(), health.interval.as_secs(), health.retries), (2, 5, 3));
        assert_eq!((settings.care.restart, settings.storage.read_only), (Some(Restart::No), Some(true)));
    }

    #[test]
    fn what_cannot_be_is_refused_by_line() {
        let (_, errors) = read(
            "ports = [\"80:3000\"]\nnetwork = \"bridge\"\nmemory = \"much\"\ncpus = \"0\"\nvolumes = [\"data\"]\ntmpfs = [\"tmp\"]\n\
             working_directory = \"x\"\n[labels]\n\"allswell.app\" = \"x\"\n[health]\nretries = 0\n",
        );
        let begins = [
            "line 1: ports: the containers of a colour publish no ports",
            "line 2: network: \"bridge\" gives containers no names",
            "line 3: memory: \"much\" is not",
            "line 4: cpus: \"0\" is not",
            "line 5: volumes: \"data\" is not VOLUME:/PATH",
            "line 6: tmpfs: \"tmp\" is not /PATH",
            "line 7: working_directory: must be an absolute path",
            "line 8: labels: those that begin with allswell.",
            "line 10: health.test: is missing",
            "line 11: health.retries must be a whole number from 1",
        ];
        assert_eq!(errors.len(), begins.len(), "{errors:#?}");
        for (error, begin) in errors.iter().zip(begins) {
            assert!(error.starts_with(begin), "{error}");
        }
    }
}
