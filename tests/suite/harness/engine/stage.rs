//! One story's own part of the engine: a prefix, a network, addresses; all that bears the prefix goes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::demo::Demo;
use super::shared::Engine;
use crate::harness::Host;

/// Stories share the engine; one that stops it has it alone.
static TURNS: RwLock<()> = RwLock::const_new(());

#[expect(dead_code, reason = "held, not looked at")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A story's containers, services, networks, volumes, configs and secrets, removed with it. One story has one stage.
pub(crate) struct Stage {
    /// A directory of the story's own, and a place among the running stories.
    pub(crate) host: Host,
    /// The engine that it plays on.
    pub(crate) engine: Arc<Engine>,
    /// Its network, by which containers find each other by name; also the prefix of every name, before a dash.
    pub(crate) name: String,
    number: u32,
    _turn: Turn,
}

impl Stage {
    /// Beside other stories.
    pub(crate) async fn new() -> Self {
        let engine = Engine::shared().await;
        let turn = Turn::Shared(TURNS.read().await);
        Self::set(engine, Host::new(), turn).await
    }

    /// With nobody else, on the machine and on the engine: for those that measure, or that stop the engine.
    pub(crate) async fn alone() -> Self {
        let engine = Engine::shared().await;
        let turn = Turn::Alone(TURNS.write().await);
        Self::set(engine, Host::alone(), turn).await
    }

    async fn set(engine: Arc<Engine>, host: Host, turn: Turn) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let stage = Self { host, engine, name: format!("story{number}"), number, _turn: turn };
        stage.docker(&["network", "create", &stage.name]).await;
        stage
    }

    /// A name of this story: `PREFIX-what`.
    pub(crate) fn name_of(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    /// An address of ours that only this story uses: every port is free, and containers reach it.
    pub(crate) fn here(&self) -> String {
        format!("{}.{}", self.engine.net(), 65 + self.number % 62)
    }

    /// An address of the engine's that only this story uses: `--publish ADDRESS:80:80` with any port, reached from here.
    pub(crate) fn there(&self) -> String {
        format!("{}.{}", self.engine.net(), 129 + self.number % 62)
    }

    /// See [`Engine::docker`].
    pub(crate) async fn docker(&self, arguments: &[&str]) -> String {
        self.engine.docker(arguments).await
    }

    /// Runs a container `PREFIX-name` in the background, in this story's network under that name's alias too; gives its whole name.
    pub(crate) async fn run(&self, name: &str, options: &[&str], image: &str, command: &[&str]) -> String {
        let whole = self.name_of(name);
        let fixed = ["run", "--detach", "--name", &whole, "--network", &self.name, "--network-alias", name];
        self.docker(&[&fixed[..], options, &[image], command].concat()).await;
        whole
    }

    /// See [`Engine::demo`].
    pub(crate) async fn demo(&self, demo: Demo) -> String {
        self.engine.demo(demo).await
    }

    /// Builds an image from a Dockerfile that needs no files; it stays, so that the next run finds it in the cache.
    pub(crate) async fn build(&self, name: &str, dockerfile: &str) -> String {
        self.engine.build(name, dockerfile).await;
        name.to_owned()
    }

    fn clear(&self) {
        let docker = self.engine.client();
        let ours = |names: Vec<String>| {
            let prefix = self.name_of("");
            names.into_iter().filter(move |name| name.starts_with(&prefix) || *name == self.name).collect::<Vec<_>>()
        };
        let remove = |command: &[&str], names: Vec<String>| {
            for name in &names {
                // It may go by itself meanwhile.
                let _ = docker.run(&[command, &[name]].concat());
            }
        };
        let format = ["--format", "{{.Name}}"];
        remove(&["service", "rm"], ours(docker.names(&[&["service", "ls"], &format[..]].concat())));
        let all = ["ps", "--all", "--format", "{{.Names}}"];
        let mut containers = ours(docker.names(&all));
        containers.extend(docker.names(&[&all, &["--filter", &format!("network={}", self.name)][..]].concat()));
        containers.sort();
        containers.dedup();
        if std::thread::panicking() {
            for container in &containers {
                eprintln!("-- {container}\n{}", docker.all_output(&["logs", "--tail", "20", container]));
            }
        }
        remove(&["rm", "--force", "--volumes"], containers);
        for room in ["network", "volume", "config", "secret"] {
            remove(&[room, "rm"], ours(docker.names(&[&[room, "ls"], &format[..]].concat())));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.clear();
    }
}
