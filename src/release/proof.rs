//! The proof of a shift: fresh connections to the front door, each answered well, by the new colour, under the new epoch.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{MaybeDone, join_all, maybe_done};
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
/// So many of the looks need not wait for their turn: a visitor whose first answer is late has it by then.
const EARLY: u32 = 2;
/// So long a shift that stands in the journal waits at the most for them before it is said.
const LONGEST: Duration = Duration::from_secs(1);

/// That a colour is live, as far as it is proven.
pub(super) struct Proof {
    cluster: Arc<Cluster>,
    wanted: Claimed,
    early: Option<Early>,
}

/// The first looks, one after another, where they do not wait for their turn.
struct Early {
    /// Has them begin; until then they are connected and have asked nothing.
    begin: Option<oneshot::Sender<()>>,
    /// Empty where they never began.
    looks: MaybeDone<JoinHandle<Vec<FrontDoor>>>,
}

impl Proof {
    /// That this colour is live, under this epoch.
    pub(super) fn new(cluster: &Arc<Cluster>, wanted: Claimed) -> Self {
        Self { cluster: Arc::clone(cluster), wanted, early: None }
    }

    /// The same for a shift to come: whoever is to look first connects meanwhile.
    pub(super) fn of_a_shift_to_come(cluster: &Arc<Cluster>, wanted: Claimed) -> Self {
        let (begin, begun) = oneshot::channel();
        let looks = maybe_done(tokio::spawn(look_early(Arc::clone(cluster), wanted, begun)));
        Self { early: Some(Early { begin: Some(begin), looks }), ..Self::new(cluster, wanted) }
    }

    /// Begins the first looks, beside whatever is done meanwhile, where somebody is connected for them.
    pub(super) fn begin(&mut self) {
        if let Some(begin) = self.early.as_mut().and_then(|early| early.begin.take()) {
            // A task that is gone has panicked; then they are had in their turn.
            let _ = begin.send(());
        }
    }

    /// Resolves when the looks that were begun have come back, whatever they have seen, and after a second all the same.
    pub(super) async fn early(&mut self) {
        if let Some(Early { begin: None, looks }) = &mut self.early {
            let _ = timeout(LONGEST, looks).await;
        }
    }

    /// Every look that the settings ask for; those that were begun are the first.
    ///
    /// # Errors
    /// What a look has seen instead, or why none can be had in time.
    pub(super) async fn whole(mut self) -> Result<(), String> {
        let deadline = clock::now() + self.cluster.settings.within;
        let mut early = self.seen_early().await.into_iter();
        let mut proofs = 0;
        while proofs < self.cluster.settings.passes {
            let front_door = match early.next() {
                Some(seen) => seen,
                None => self.cluster.targets.front_door().await,
            };
            judge(&front_door, self.wanted)?;
            match front_door.probed {
                Probed::Observed(_) => proofs += 1,
                Probed::Unable(ours) if clock::now() >= deadline => return Err(format!("the prober cannot probe: {ours}")),
                Probed::Unable(_) => sleep(PACE).await,
            }
        }
        Ok(())
    }

    async fn seen_early(&mut self) -> Vec<FrontDoor> {
        let Some(Early { begin: None, mut looks }) = self.early.take() else { return Vec::new() };
        (&mut looks).await;
        Pin::new(&mut looks).take_output().and_then(Result::ok).unwrap_or_default()
    }
}

/// The first looks, over connections that are made now, as soon as they are begun.
async fn look_early(cluster: Arc<Cluster>, wanted: Claimed, begun: oneshot::Receiver<()>) -> Vec<FrontDoor> {
    let places = 0..EARLY.min(cluster.settings.passes);
    let opened = join_all(places.map(|_| cluster.targets.open_front_door())).await;
    let mut seen = Vec::new();
    if begun.await.is_err() {
        return seen;
    }
    for opened in opened {
        let front_door = cluster.targets.front_door_over(opened).await;
        let judged = judge(&front_door, wanted);
        seen.push(front_door);
        // What is to be taken back waits for nothing more.
        if judged.is_err() {
            break;
        }
    }
    seen
}

/// What a look has shown, which may be that nothing could be seen.
///
/// # Errors
/// The opposite of what is to be proven.
fn judge(front_door: &FrontDoor, wanted: Claimed) -> Result<(), String> {
    match &front_door.probed {
        Probed::Observed(seen) if seen.passed() => prove(wanted, front_door.claim),
        Probed::Observed(seen) => Err(format!("the front door failed: {}", seen.reason.as_deref().unwrap_or_default())),
        Probed::Unable(_) => Ok(()),
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

    /// Of a front door that claims these colours, the last of them first; as many looks are asked for.
    async fn proof(claims: &Arc<Mutex<Vec<Colour>>>) -> (Proof, tempfile::TempDir) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        proof_through(claims, listener.local_addr().unwrap(), listener).await
    }

    /// The same where the front door that listens stands behind another address.
    async fn proof_through(claims: &Arc<Mutex<Vec<Colour>>>, outside: SocketAddr, listener: TcpListener) -> (Proof, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let text =
            format!("[switch]\npasses = {}\n[proxy]\nlive = \"{outside}\"\n[runtime]\ncommand = \"x\"\n", claims.lock().unwrap().len());
        let claims = Arc::clone(claims);
        let claim = || async move {
            let colour = claims.lock().unwrap().pop().expect("no more is looked than asked for");
            [(COLOUR_HEADER, colour.as_str()), (EPOCH_HEADER, "7")]
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/healthz", get(claim))).await });
        let config = Config::parse(&text).unwrap().config;
        let mut cluster = cluster(folder.path(), || serving((Green, 7))).await;
        cluster.settings = config.switch;
        cluster.targets = Targets::new(&config.app, &config.proxy, &config.probe, "token", cluster.proxy.clone()).unwrap();
        (Proof::of_a_shift_to_come(&Arc::new(cluster), (Green, 7)), folder)
    }

    #[tokio::test]
    async fn looks_that_were_begun_before_their_turn_are_the_first_of_those_asked_for() {
        for (asked_for, left) in [(3, 1), (2, 0), (1, 0)] {
            let claims = Arc::new(Mutex::new(vec![Green; asked_for]));
            let (mut proof, _folder) = proof(&claims).await;
            proof.early().await;
            assert_eq!(claims.lock().unwrap().len(), asked_for, "nothing was begun");
            proof.begin();
            proof.early().await;
            assert_eq!(claims.lock().unwrap().len(), left);
            assert_eq!(proof.whole().await, Ok(()));
            assert!(claims.lock().unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn whoever_look_first_are_connected_before_the_shift_and_connect_anew_where_that_was_cut() {
        for cut in [false, true] {
            let claims = Arc::new(Mutex::new(vec![Green; 3]));
            let (listener, door) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
            let (outside, inside) = (listener.local_addr().unwrap(), door.local_addr().unwrap());
            let pass = |mut visitor: TcpStream| {
                tokio::spawn(async move { copy_bidirectional(&mut visitor, &mut TcpStream::connect(inside).await.unwrap()).await })
            };
            let (mut proof, _folder) = proof_through(&claims, outside, door).await;
            let come = async || timeout(Duration::from_secs(10), listener.accept()).await.expect("nobody else has come").unwrap().0;
            let early = [come().await, come().await];
            proof.begin();
            if cut {
                drop(early);
            } else {
                early.into_iter().for_each(|visitor| drop(pass(visitor)));
            }
            let mut late = 0;
            let others = async {
                loop {
                    pass(listener.accept().await.unwrap().0);
                    late += 1;
                }
            };
            tokio::select! {
                () = proof.early() => {}
                () = others => {}
            }
            assert_eq!((late, claims.lock().unwrap().len()), (if cut { 2 } else { 0 }, 1));
        }
    }

    #[tokio::test]
    async fn whoever_is_connected_asks_nothing_before_that_is_begun() {
        let claims = Arc::new(Mutex::new(vec![Green; 3]));
        let (proof, _folder) = proof(&claims).await;
        assert_eq!(proof.whole().await, Ok(()), "more was asked than three looks ask");
    }

    #[tokio::test]
    async fn where_the_first_proves_the_opposite_no_other_is_waited_for() {
        let claims = Arc::new(Mutex::new(vec![Green, Green, Blue]));
        let (mut proof, _folder) = proof(&claims).await;
        proof.begin();
        proof.early().await;
        assert_eq!(claims.lock().unwrap().len(), 2);
        assert!(proof.whole().await.is_err());
        assert_eq!(claims.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_either_of_them_has_seen_is_not_outweighed_by_what_is_seen_otherwise() {
        for claims in [[Green, Green, Green, Blue], [Green, Green, Blue, Green]] {
            let claims = Arc::new(Mutex::new(claims.to_vec()));
            let (mut proof, _folder) = proof(&claims).await;
            proof.begin();
            let seen = proof.whole().await;
            assert_eq!(seen, Err("the front door is served by blue, epoch 7, not by green, epoch 7".to_owned()));
        }
    }
}
