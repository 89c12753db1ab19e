//! Engines beside the shared one, on the same wire: the nodes of a Swarm.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use super::shared::Engine;

/// The numbers of the engines that run; the shared one is 1.
static TAKEN: Mutex<BTreeSet<u8>> = Mutex::new(BTreeSet::new());

/// Engines of one story, which end with it. The first is the Swarm's manager, the others are workers that joined it.
pub(crate) struct Nodes {
    engines: Vec<Arc<Engine>>,
    numbers: Vec<u8>,
    shared: Arc<Engine>,
}

impl Nodes {
    /// So many engines, and one Swarm of them. Images of the shared engine are brought to them by [`Nodes::bring`].
    pub(crate) async fn swarm(count: usize) -> Self {
        let mut nodes = Self { engines: Vec::new(), numbers: Vec::new(), shared: Engine::shared().await };
        for _ in 0..count {
            let number = take_number();
            nodes.numbers.push(number);
            let started = tokio::task::spawn_blocking(move || Engine::another(number)).await.expect("starting does not panic");
            nodes.engines.push(Arc::new(started.unwrap_or_else(|why| panic!("engine {number} does not start: {why}"))));
        }
        let manager = nodes.manager();
        manager.docker(&["swarm", "init", "--advertise-addr", manager.address()]).await;
        let token = manager.docker(&["swarm", "join-token", "--quiet", "worker"]).await;
        for worker in nodes.engines.iter().skip(1) {
            worker.docker(&["swarm", "join", "--token", &token, "--advertise-addr", worker.address(), manager.address()]).await;
        }
        nodes
    }

    /// The first.
    pub(crate) fn manager(&self) -> &Arc<Engine> {
        &self.engines[0]
    }

    /// All of them; the manager first.
    pub(crate) fn all(&self) -> &[Arc<Engine>] {
        &self.engines
    }

    /// Copies an image of the shared engine to every node that has it not.
    pub(crate) async fn bring(&self, image: &str) {
        let id = ["image", "inspect", "--format", "{{.Id}}", image];
        let ours = self.shared.docker(&id).await;
        for engine in &self.engines {
            if engine.try_docker(&id).await.out.trim() != ours {
                let (from, to, image) = (Arc::clone(&self.shared), Arc::clone(engine), image.to_owned());
                tokio::task::spawn_blocking(move || copy(&from, &to, &image)).await.expect("copying does not panic");
            }
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.engines.clear();
        TAKEN.lock().expect("nobody panics holding it").retain(|number| !self.numbers.contains(number));
    }
}

fn take_number() -> u8 {
    let mut taken = TAKEN.lock().expect("nobody panics holding it");
    let number = (2..60).find(|number| !taken.contains(number)).expect("58 engines are enough");
    taken.insert(number);
    number
}

fn copy(from: &Engine, to: &Engine, image: &str) {
    let mut save = from.client().command("docker").args(["save", image]).stdout(Stdio::piped()).spawn().expect("docker starts");
    let tar = save.stdout.take().expect("it is piped");
    let load = to.client().command("docker").args(["load", "--quiet"]).stdin(tar).stdout(Stdio::null()).status().expect("docker starts");
    let saved = save.wait().expect("a child of ours");
    assert!(load.success() && saved.success(), "{image} is copied to {}", to.address());
}
