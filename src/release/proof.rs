//! The proof of a shift: fresh connections to the front door, each answered well, by the new colour, under the new epoch.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{MaybeDone, maybe_done};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::cluster::Cluster;
use super::targets::FrontDoor;
use crate::clock;
use crate::domain::shift::{Claimed, prove};
use crate::probe::Probed;

/// How often a prober that cannot probe tries again.
const PACE: Duration = Duration::from_millis(100);
/// So long a shift that stands in the journal waits at the most for the first look before it is said.
const LONGEST: Duration = Duration::from_secs(1);

/// That a colour is live, as far as it is proven.
pub(super) struct Proof {
    cluster: Arc<Cluster>,
    wanted: Claimed,
    /// The first look, where it was begun before its turn.
    begun: Option<MaybeDone<JoinHandle<FrontDoor>>>,
}

impl Proof {
    /// That this colour is live, under this epoch.
    pub(super) fn new(cluster: &Arc<Cluster>, wanted: Claimed) -> Self {
        Self { cluster: Arc::clone(cluster), wanted, begun: None }
    }

    /// Begins the first look, beside whatever is done meanwhile.
    pub(super) fn begin(&mut self) {
        let cluster = Arc::clone(&self.cluster);
        self.begun = Some(maybe_done(tokio::spawn(async move { cluster.targets.front_door().await })));
    }

    /// Resolves when a look that was begun has come back, whatever it has seen, and after a second all the same.
    pub(super) async fn first(&mut self) {
        if let Some(begun) = &mut self.begun {
            let _ = timeout(LONGEST, begun).await;
        }
    }

    /// Every look that the settings ask for; the one that was begun is the first.
    ///
    /// # Errors
    /// What a look has seen instead, or why none can be had in time.
    pub(super) async fn whole(mut self) -> Result<(), String> {
        let deadline = clock::now() + self.cluster.settings.within;
        let mut proofs = 0;
        while proofs < self.cluster.settings.passes {
            let front_door = self.look().await;
            match (front_door.probed, front_door.claim) {
                (Probed::Observed(seen), _) if !seen.passed() => {
                    return Err(format!("the front door failed: {}", seen.reason.unwrap_or_default()));
                }
                (Probed::Observed(_), claim) => {
                    prove(self.wanted, claim)?;
                    proofs += 1;
                }
                (Probed::Unable(ours), _) if clock::now() >= deadline => return Err(format!("the prober cannot probe: {ours}")),
                (Probed::Unable(_), _) => sleep(PACE).await,
            }
        }
        Ok(())
    }

    async fn look(&mut self) -> FrontDoor {
        if let Some(mut begun) = self.begun.take() {
            (&mut begun).await;
            if let Some(Ok(seen)) = Pin::new(&mut begun).take_output() {
                return seen;
            }
        }
        self.cluster.targets.front_door().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::super::cluster::tests::{cluster, serving};
    use super::super::targets::Targets;
    use super::*;
    use crate::config::Config;
    use crate::domain::colour::Colour::{self, Blue, Green};
    use crate::proxy::control::{COLOUR_HEADER, EPOCH_HEADER};

    /// Of a front door that claims these colours, the last of them first; three looks are asked for.
    async fn proof(claims: &Arc<Mutex<Vec<Colour>>>) -> (Proof, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let text = format!("[proxy]\nlive = \"{}\"\n[runtime]\ncommand = \"x\"\n", listener.local_addr().unwrap());
        let claims = Arc::clone(claims);
        let claim = || async move {
            let colour = claims.lock().unwrap().pop().expect("no more is looked than asked for");
            [(COLOUR_HEADER, colour.as_str()), (EPOCH_HEADER, "7")]
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/healthz", get(claim))).await });
        let config = Config::parse(&text).unwrap().config;
        let mut cluster = cluster(folder.path(), || serving((Green, 7))).await;
        cluster.targets = Targets::new(&config.app, &config.proxy, &config.probe, "token", cluster.proxy.clone()).unwrap();
        (Proof::new(&Arc::new(cluster), (Green, 7)), folder)
    }

    #[tokio::test]
    async fn a_look_that_was_begun_before_its_turn_is_the_first_of_those_asked_for() {
        let claims = Arc::new(Mutex::new(vec![Green; 3]));
        let (mut proof, _folder) = proof(&claims).await;
        proof.first().await;
        assert_eq!(claims.lock().unwrap().len(), 3, "nothing was begun");
        proof.begin();
        proof.first().await;
        assert_eq!(claims.lock().unwrap().len(), 2);
        assert_eq!(proof.whole().await, Ok(()));
        assert!(claims.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_it_has_seen_is_not_outweighed_by_what_is_seen_later() {
        let claims = Arc::new(Mutex::new(vec![Green, Green, Green, Blue]));
        let (mut proof, _folder) = proof(&claims).await;
        proof.begin();
        let seen = proof.whole().await;
        assert_eq!(seen, Err("the front door is served by blue, epoch 7, not by green, epoch 7".to_owned()));
    }
}
