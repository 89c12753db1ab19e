//! The engine that all stories of a test process share, and its command line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use super::demo::Demo;
use super::supervised::Supervised;
use super::{images, stand_ins};
use crate::harness::command::Ran;

/// A Docker engine with our images. Ends with the test process: its supervisor sees to that.
pub(crate) struct Engine {
    supervised: Supervised,
    client: Client,
    building: Mutex<()>,
}

impl Engine {
    /// The one of this test process, started by the first story that asks.
    ///
    /// # Panics
    /// Where no engine can run: says why, and how to leave these stories out.
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Result<Arc<Engine>, String>> = OnceLock::new();
        let start = || SHARED.get_or_init(|| Self::start().map(Arc::new)).clone();
        match tokio::task::spawn_blocking(start).await.expect("starting does not panic") {
            Ok(engine) => engine,
            Err(why) => panic!("no Docker engine can run here: {why}\nTo leave out what needs one: tests/all.sh --without-docker"),
        }
    }

    fn start() -> Result<Self, String> {
        let supervised = Supervised::start(1)?;
        let client = Client { host: supervised.host() };
        client.clear()?;
        let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
        std::fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
        stand_ins::make(&client, &work)?;
        images::make(&client)?;
        Ok(Self { supervised, client, building: Mutex::new(()) })
    }

    /// One more, of another number, with the images that it had the last time. Ends when dropped.
    pub(super) fn another(number: u8) -> Result<Self, String> {
        let supervised = Supervised::start(number)?;
        let client = Client { host: supervised.host() };
        client.clear()?;
        Ok(Self { supervised, client, building: Mutex::new(()) })
    }

    /// Makes it a Swarm of one node, if it is none. It stays one: what else runs on it does not mind.
    pub(crate) async fn be_swarm(&self) {
        static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _turn = ONE_AT_A_TIME.lock().await;
        if self.docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]).await != "active" {
            self.docker(&["swarm", "init", "--advertise-addr", self.address()]).await;
        }
    }

    /// For `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        self.supervised.host()
    }

    /// Where ports that are published on every address are reached.
    pub(crate) fn address(&self) -> &str {
        &self.supervised.address
    }

    /// The first three numbers of the addresses on the wire between the engine and us.
    pub(super) fn net(&self) -> &str {
        &self.supervised.net
    }

    /// What `docker ARGUMENTS` says on stdout, without the last line's end.
    ///
    /// # Panics
    /// Where it fails.
    pub(crate) async fn docker(&self, arguments: &[&str]) -> String {
        let ran = self.try_docker(arguments).await;
        assert!(ran.code == 0, "docker {}: {ran:?}", arguments.join(" "));
        ran.out.trim_end().to_owned()
    }

    /// Runs `docker ARGUMENTS` to its end, whichever that is.
    pub(crate) async fn try_docker(&self, arguments: &[&str]) -> Ran {
        let mut command = tokio::process::Command::from(self.client.command("docker"));
        let output = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output().await.expect("docker starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The name of an image of the demo app, which is there from now on.
    pub(crate) async fn demo(self: &Arc<Self>, demo: Demo) -> String {
        let (engine, name) = (Arc::clone(self), demo.name());
        let build = move || {
            let _one_at_a_time = engine.building.lock();
            demo.make(&engine.client)
        };
        tokio::task::spawn_blocking(build).await.expect("building does not panic").unwrap_or_else(|why| panic!("{name}: {why}"));
        name
    }

    /// Builds an image from a Dockerfile that needs no files, mostly from the cache.
    pub(super) async fn build(self: &Arc<Self>, name: &str, dockerfile: &str) {
        let (engine, tag, dockerfile) = (Arc::clone(self), name.to_owned(), dockerfile.to_owned());
        let build = move || engine.client.build_text(&tag, &dockerfile);
        tokio::task::spawn_blocking(build).await.expect("building does not panic").unwrap_or_else(|why| panic!("{name}: {why}"));
    }

    /// Stops dockerd. For stories that have the engine alone.
    pub(crate) async fn stop(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        tokio::task::spawn_blocking(move || engine.supervised.stop()).await.expect("it stops");
    }

    /// Starts dockerd again.
    pub(crate) async fn go_on(self: &Arc<Self>) {
        let engine = Arc::clone(self);
        tokio::task::spawn_blocking(move || engine.supervised.go_on()).await.expect("it starts");
    }

    /// The command line that waits for its end, for those who cannot do so otherwise.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

/// The command line of one engine; every call waits for its end.
pub(super) struct Client {
    host: String,
}

impl Client {
    /// A program that speaks to this engine.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // The classic builder is on every machine; a buildx of somebody's own may be on none.
        command.env("DOCKER_HOST", &self.host).env("DOCKER_BUILDKIT", "0").env_remove("DOCKER_CONTEXT");
        command
    }

    /// What it says on stdout, or what it complains of.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        self.run_with(arguments, "")
    }

    /// Builds an image from a Dockerfile that needs no files.
    pub(super) fn build_text(&self, tag: &str, dockerfile: &str) -> Result<(), String> {
        self.run_with(&["build", "--quiet", "--tag", tag, "-"], dockerfile).map(drop)
    }

    /// The names that a listing shows.
    pub(super) fn names(&self, arguments: &[&str]) -> Vec<String> {
        self.run(arguments).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Everything that it says, however it ends.
    pub(super) fn all_output(&self, arguments: &[&str]) -> String {
        let output = self.command("docker").args(arguments).stdin(Stdio::null()).output();
        output.map(|output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()).unwrap_or_default()
    }

    fn run_with(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let complain = |why: &dyn std::fmt::Display| format!("docker {}: {why}", arguments.join(" "));
        let mut command = self.command("docker");
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| complain(&error))?;
        child.stdin.take().expect("it is piped").write_all(input.as_bytes()).map_err(|error| complain(&error))?;
        let output = child.wait_with_output().map_err(|error| complain(&error))?;
        if !output.status.success() {
            return Err(complain(&String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Removes what an earlier run left behind; images stay.
    fn clear(&self) -> Result<(), String> {
        let left = self.run(&["ps", "--all", "--quiet"])?;
        let left: Vec<_> = left.lines().collect();
        if !left.is_empty() {
            self.run(&[&["rm", "--force", "--volumes"], &left[..]].concat())?;
        }
        for room in ["network", "volume"] {
            self.run(&[room, "prune", "--force"])?;
        }
        Ok(())
    }
}

/// Bytes as digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}
