//! The proof of a shift: fresh connections to the front door, each answered well, by the new colour, under the new epoch.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{MaybeDone, maybe_done};
use tokio::sync::oneshot;
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
    first: Option<First>,
}

/// The first look, where it does not wait for its turn.
struct First {
    /// Has it begin; until then it is connected and has asked nothing.
    begin: Option<oneshot::Sender<()>>,
    /// None where it never began.
    look: MaybeDone<JoinHandle<Option<FrontDoor>>>,
}

impl Proof {
    /// That this colour is live, under this epoch.
    pub(super) fn new(cluster: &Arc<Cluster>, wanted: Claimed) -> Self {
        Self { cluster: Arc::clone(cluster), wanted, first: None }
    }

    /// The same for a shift to come: whoever is to look first connects meanwhile.
    pub(super) fn of_a_shift_to_come(cluster: &Arc<Cluster>, wanted: Claimed) -> Self {
        let ours = Arc::clone(cluster);
        let (begin, begun) = oneshot::channel();
        let look = maybe_done(tokio::spawn(async move {
            let opened = ours.targets.open_front_door().await;
            begun.await.ok()?;
            let over = match opened {
                Some(opened) => ours.targets.front_door_over(opened).await,
                None => None,
            };
            Some(match over {
                Some(seen) => seen,
                None => ours.targets.front_door().await,
            })
        }));
        Self { first: Some(First { begin: Some(begin), look }), ..Self::new(cluster, wanted) }
    }

    /// Begins the first look, beside whatever is done meanwhile, where somebody is connected for it.
    pub(super) fn begin(&mut self) {
        if let Some(begin) = self.first.as_mut().and_then(|first| first.begin.take()) {
            // A task that is gone has panicked; then the look is had in its turn.
            let _ = begin.send(());
        }
    }

    /// Resolves when a look that was begun has come back, whatever it has seen, and after a second all the same.
    pub(super) async fn first(&mut self) {
        if let Some(First { begin: None, look }) = &mut self.first {
            let _ = timeout(LONGEST, look).await;
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
        if let Some(First { begin: None, mut look }) = self.first.take() {
            (&mut look).await;
            if let Some(Ok(Some(seen))) = Pin::new(&mut look).take_output() {
                return seen;
            }
        }
        self.cluster.targets.front_door().await
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use axum::Router;
    use axum::routing::get;
    use tokio::io::copy_bidirectional;
    use tokio::net::{TcpListener, TcpStream};

    use super::super::cluster::tests::{cluster, serving};
    use super::super::targets::Targets;
    use super::*;
    use crate::config::Config;
    use crate::domain::colour::Colour::{self, Blue, Green};
    use crate::proxy::control::{COLOUR_HEADER, EPOCH_HEADER};

    /// Of a front door that claims these colours, the last of them first; three looks are asked for.
    async fn proof(claims: &Arc<Mutex<Vec<Colour>>>) -> (Proof, tempfile::TempDir) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        proof_through(claims, listener.local_addr().unwrap(), listener).await
    }

    /// The same where the front door that listens stands behind another address.
    async fn proof_through(claims: &Arc<Mutex<Vec<Colour>>>, outside: SocketAddr, listener: TcpListener) -> (Proof, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[proxy]\nlive = \"{outside}\"\n[runtime]\ncommand = \"x\"\n");
        let claims = Arc::clone(claims);
        let claim = || async move {
            let colour = claims.lock().unwrap().pop().expect("no more is looked than asked for");
            [(COLOUR_HEADER, colour.as_str()), (EPOCH_HEADER, "7")]
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/healthz", get(claim))).await });
        let config = Config::parse(&text).unwrap().config;
        let mut cluster = cluster(folder.path(), || serving((Green, 7))).await;
        cluster.targets = Targets::new(&config.app, &config.proxy, &config.probe, "token", cluster.proxy.clone()).unwrap();
        (Proof::of_a_shift_to_come(&Arc::new(cluster), (Green, 7)), folder)
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
    async fn whoever_looks_first_is_connected_before_the_shift_and_connects_anew_where_that_was_cut() {
        for cut in [false, true] {
            let claims = Arc::new(Mutex::new(vec![Green; 3]));
            let (listener, door) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
            let (outside, inside) = (listener.local_addr().unwrap(), door.local_addr().unwrap());
            let (mut proof, _folder) = proof_through(&claims, outside, door).await;
            let (mut visitor, _) = listener.accept().await.unwrap();
            proof.begin();
            if cut {
                drop(visitor);
                (visitor, _) = listener.accept().await.unwrap();
            }
            let mut behind = TcpStream::connect(inside).await.unwrap();
            let passing = async { copy_bidirectional(&mut visitor, &mut behind).await };
            tokio::select! {
                () = proof.first() => {}
                passed = passing => panic!("nothing was asked: {passed:?}"),
            }
            assert_eq!(claims.lock().unwrap().len(), 2);
        }
    }

    #[tokio::test]
    async fn whoever_is_connected_asks_nothing_before_that_is_begun() {
        let claims = Arc::new(Mutex::new(vec![Green; 3]));
        let (proof, _folder) = proof(&claims).await;
        assert_eq!(proof.whole().await, Ok(()), "more was asked than three looks ask");
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
