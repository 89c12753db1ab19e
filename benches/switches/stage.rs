//! One proxy, the prober that drives it, and an app for each colour, all of them processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use allswell::clock;
use allswell::config::Config;
use allswell::domain::colour::Colour;
use allswell::files::{StateDir, token};
use allswell::proxy::ProxyDriver;
use allswell::release::Remote;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::fronts::Front;

/// What is ours, as cargo has built it.
const BUILT: [&str; 3] = [env!("CARGO_BIN_EXE_allswell"), env!("CARGO_BIN_EXE_allswell-prober"), env!("CARGO_BIN_EXE_allswell-proxy")];

/// A folder, an address, and what runs there.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) ip: String,
}

/// A process that ends with the stage: told to, for the children of one that is killed live on.
pub(crate) struct Child(std::process::Child);

impl Child {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        const LOOKS: u32 = 500;
        let pid = rustix::process::Pid::from_child(&self.0);
        if self.0.try_wait().unwrap().is_some() || rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err() {
            return;
        }
        for _ in 0..LOOKS {
            if self.0.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}

impl Stage {
    /// Writes the config, and has our executables from this folder, or what cargo has built.
    pub(crate) fn new(front: Front, from: Option<&Path>) -> Self {
        let number = std::process::id();
        let stage = Self { folder: tempfile::tempdir().unwrap(), ip: format!("127.9.{}.{}", number >> 8 & 0xFF, number & 0xFF) };
        let ip = &stage.ip;
        let text = format!(
            "[app]\nname = \"bench\"\nheartbeats = false\n[app.blue]\naddress = \"{ip}:3001\"\n[app.green]\naddress = \"{ip}:3002\"\n\
             [runtime]\ncommand = \"true\"\n\
             [proxy]\nkind = \"{}\"\nlive = \"{ip}:8000\"\nidle = \"{ip}:8080\"\nhealth = \"{ip}:7702\"\n{}\n\
             [switch]\npasses = 3\ndrain = \"50ms\"\nobserve = \"50ms\"\n[probe]\nevery = \"1s\"\n\
             [prober]\nlisten = \"{ip}:7701\"\nhealth = \"{ip}:7703\"\nwatchers = [\"http://{ip}:7700\"]\n",
            front.name(),
            front.settings(stage.folder.path(), ip)
        );
        stage.write("allswell.toml", &text);
        stage.install(from);
        stage
    }

    /// Copies our executables to a place of its own, as whoever installs them does. What the linker has written the kernel keeps in smaller pieces, and
    /// starts later.
    fn install(&self, from: Option<&Path>) {
        fs::create_dir(self.path("bin")).unwrap();
        for built in BUILT {
            let name = Path::new(built).file_name().unwrap();
            let installed = self.path("bin").join(name);
            fs::copy(from.map_or_else(|| built.into(), |folder| folder.join(name)), &installed).unwrap();
            // The disk is done with it before anybody waits for a disk.
            fs::File::open(&installed).unwrap().sync_all().unwrap();
        }
    }

    /// Where an executable of ours is.
    pub(crate) fn installed(&self, name: &str) -> String {
        self.path("bin").join(name).display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// `IP:PORT`.
    pub(crate) fn at(&self, port: u16) -> String {
        format!("{}:{port}", self.ip)
    }

    /// Starts an executable in the folder; what it says goes to a file there.
    pub(crate) fn start(&self, program: &str, words: &[&str]) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(program);
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env("XDG_DATA_HOME", self.folder.path());
        let started = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        Child(started.unwrap_or_else(|error| panic!("{program}: {error}")))
    }

    /// What a command of ours prints.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let place = ["--config", "allswell.toml", "--state", "state"];
        let ran = Command::new(self.installed("allswell")).args(words).args(place).current_dir(self.folder.path()).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    /// The app of a colour; resolves when it listens.
    pub(crate) async fn app(&self, colour: Colour) -> Child {
        let address = self.at(if colour == Colour::Blue { 3001 } else { 3002 });
        let app = self.start(&std::env::current_exe().unwrap().display().to_string(), &["app", colour.as_str(), &address]);
        self.until_open(&address).await;
        app
    }

    /// A part of ours, with the priority that this unit of systemd's gives it.
    pub(crate) fn part(&self, name: &str, unit: &str) -> Child {
        let nice = unit.lines().find_map(|line| line.strip_prefix("Nice=")).expect("a unit that says its priority");
        self.start("nice", &["-n", nice, &self.installed(name), "--config", "allswell.toml", "--state", "state"])
    }

    /// The prober; resolves when it takes orders.
    pub(crate) async fn prober(&self) -> Child {
        let prober = self.part("allswell-prober", include_str!("../../deploy/systemd/allswell-prober.service"));
        self.until_open(&self.at(7701)).await;
        prober
    }

    pub(crate) async fn until_open(&self, address: &str) {
        let deadline = clock::elapsed() + Duration::from_secs(15);
        while TcpStream::connect(address).await.is_err() {
            assert!(clock::elapsed() < deadline, "{address}: {}", fs::read_to_string(self.path("log")).unwrap_or_default());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The prober's control.
    pub(crate) fn remote(&self) -> Remote {
        let token = token(&self.path("state/prober.token")).unwrap();
        Remote::new(&self.at(7701), token, Duration::from_secs(10))
    }

    /// What the proxy says itself.
    pub(crate) fn driver(&self) -> ProxyDriver {
        let config = Config::parse(&fs::read_to_string(self.path("allswell.toml")).unwrap()).unwrap().config;
        ProxyDriver::new(&config.proxy, &config.app, &StateDir::open(&self.path("state")).unwrap(), Duration::from_secs(5))
    }
}
