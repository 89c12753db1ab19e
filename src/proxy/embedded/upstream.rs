//! One colour's instances: which of them gets a request.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::address::Address;
use super::claim::Claim;
use super::lease::Lease;
use super::running::Running;
use super::trouble::Trouble;
use crate::net::names::Place;
use crate::proxy::ProxyTimeouts;
use crate::proxy::control::Reach;

/// A request that nobody takes waits so long, and for so many lookups that end, for its colour to be found elsewhere. The first of them
/// may have begun before it was needed.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOKUPS: usize = 2;
/// Whoever takes a connection does so at once, or a switch had better wait.
const REACH: Duration = Duration::from_secs(1);

/// One colour's instances.
#[derive(Debug)]
pub(super) struct Upstream {
    known: RwLock<Arc<Known>>,
    turn: AtomicUsize,
    running: Arc<Running>,
    limits: ProxyTimeouts,
    workers: usize,
    /// None where its places are given by addresses, once and for all.
    lookups: Option<Lookups>,
    /// By which path one that was left out is asked whether it answers: known when the first one is.
    health: OnceLock<String>,
}

type Known = Vec<Arc<Address>>;

/// What ties requests to the lookups of the colour's names.
#[derive(Debug)]
struct Lookups {
    /// Somebody needs one at once.
    wanted: Notify,
    /// One has ended.
    ended: watch::Sender<()>,
}

impl Upstream {
    /// At no place yet, and with names that can be looked up again or without; for so many workers.
    pub(super) fn new(has_names: bool, running: Arc<Running>, limits: ProxyTimeouts, workers: usize) -> Self {
        let lookups = has_names.then(|| Lookups { wanted: Notify::new(), ended: watch::Sender::new(()) });
        Self { known: RwLock::default(), turn: AtomicUsize::new(0), running, limits, workers, lookups, health: OnceLock::new() }
    }

    /// From now on its instances are at these places: those that stay keep their connections. Says how many there are, if others than before.
    pub(super) fn know(&self, places: &[Place]) -> Option<usize> {
        let old = self.known();
        let is_same = old.iter().map(|address| &address.place).eq(places);
        if !is_same {
            let kept = |place: &Place| old.iter().find(|address| address.place == *place).cloned();
            let new: Known = places.iter().map(|place| kept(place).unwrap_or_else(|| Address::new(place.clone(), self.workers))).collect();
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
            for gone in old.iter().filter(|address| !places.contains(&address.place)) {
                gone.vanish();
            }
        }
        if let Some(lookups) = &self.lookups {
            lookups.ended.send_replace(());
        }
        (!is_same).then_some(places.len())
    }

    /// Resolves when a request needs a lookup at once.
    pub(super) async fn wants_lookup(&self) {
        match &self.lookups {
            Some(lookups) => lookups.wanted.notified().await,
            None => pending().await,
        }
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All of them, each time from another one on, so that equals take turns.
    fn in_turn<'a>(&self, known: &'a Known) -> impl Iterator<Item = &'a Arc<Address>> {
        let turn = if known.len() > 1 { self.turn.fetch_add(1, Ordering::Relaxed) % known.len() } else { 0 };
        let (before, after) = known.split_at(turn);
        after.iter().chain(before)
    }

    /// An idle connection to the least busy address, if it may carry this request. `now` is elapsed time.
    pub(super) fn pooled(&self, worker: usize, repeatable: bool, now: Duration) -> Option<Lease> {
        let known = self.known();
        self.in_turn(&known).min_by_key(|address| address.rank())?.pooled(worker, repeatable, self.limits.upstream_idle, now)
    }

    /// Whether there is more than one.
    pub(super) fn has_others(&self) -> bool {
        self.known().len() > 1
    }

    /// Leaves the instance that this is a connection to out, where there are others, until it answers a GET of `health`.
    pub(super) fn leave_out(&self, lease: &Lease, health: &str) {
        let known = self.known();
        if known.len() > 1
            && let Some(address) = known.iter().find(|address| address.has_lent(lease))
        {
            // Whoever comes second says the same.
            let _ = self.health.set(health.to_owned());
            address.falls_silent();
        }
    }

    /// A fresh connection, to the least busy address that takes one; to that of `broken` only where no other does. Where none does, the colour's
    /// names are looked up at once, and what is new is tried.
    ///
    /// # Errors
    /// Where none takes one: what the last one tried said.
    pub(super) async fn connect(&self, claim: &Claim, broken: Option<&Lease>) -> Result<Lease, Trouble> {
        let known = self.known();
        let failed = match self.first_of(&known, claim, broken).await {
            Err(Trouble::Cut) => return Err(Trouble::Cut),
            Err(failed) => failed,
            Ok(lease) => return Ok(lease),
        };
        match self.first_of(&self.found_now(&known).await, claim, broken).await {
            Err(Trouble::NoAddress) => Err(failed),
            tried => tried,
        }
    }

    async fn first_of(&self, known: &Known, claim: &Claim, broken: Option<&Lease>) -> Result<Lease, Trouble> {
        let mut addresses: Vec<&Arc<Address>> = self.in_turn(known).collect();
        addresses.sort_by_key(|address| (broken.is_some_and(|broken| address.has_lent(broken)), address.rank()));
        let mut trouble = Trouble::NoAddress;
        for address in addresses {
            if address.has_vanished() {
                continue;
            }
            match address.connect(claim, &self.running, &self.limits).await {
                Ok(lease) => return Ok(lease),
                Err(Trouble::Cut) => return Err(Trouble::Cut),
                Err(failed) => trouble = failed,
            }
        }
        Err(trouble)
    }

    /// What the names stand for now and did not before; none where that is not said in time.
    async fn found_now(&self, before: &Known) -> Known {
        let Some(lookups) = &self.lookups else { return Known::new() };
        let mut ended = lookups.ended.subscribe();
        lookups.wanted.notify_one();
        let looking = async {
            let is_new = |address: &&Arc<Address>| !before.iter().any(|old| Arc::ptr_eq(old, address));
            for _ in 0..LOOKUPS {
                if ended.changed().await.is_err() {
                    break;
                }
                let new: Known = self.known().iter().filter(is_new).cloned().collect();
                if !new.is_empty() {
                    return new;
                }
            }
            Known::new()
        };
        timeout(PATIENCE, looking).await.unwrap_or_default()
    }

    /// Finds out which of those that took no connection, or did not answer, do so again. An only one is tried by each request anyway.
    pub(super) async fn try_failed(&self) {
        let known = self.known();
        if known.len() > 1 {
            let health = self.health.get().map_or("/", String::as_str);
            let failed = known.iter().filter(|address| address.has_failed());
            join_all(failed.map(|address| address.recovers(health, self.limits.connect))).await;
        }
    }

    /// Tries every address now, at nobody's cost. Where none takes a connection, the colour's names are looked up at once.
    pub(super) async fn reach(&self) -> Reach {
        let known = self.known();
        let reach = try_all(&known).await;
        if !reach.taken.is_empty() {
            return reach;
        }
        let found = try_all(&self.found_now(&known).await).await;
        Reach { taken: found.taken, failed: [reach.failed, found.failed].concat() }
    }

    /// Those of these places that are known and take connections within `limit`.
    pub(super) async fn answering(&self, places: &[Place], limit: Duration) -> Vec<Place> {
        let known = self.known();
        let asked: Known = known.iter().filter(|address| places.contains(&address.place)).cloned().collect();
        join_all(asked.iter().map(|address| address.try_again(limit))).await;
        asked.iter().filter(|address| !address.refuses()).map(|address| address.place.clone()).collect()
    }

    /// Closes idle connections that will not be used again.
    pub(super) fn sweep(&self) {
        for address in self.known().iter() {
            address.sweep(self.limits.upstream_idle);
        }
    }
}

async fn try_all(known: &Known) -> Reach {
    join_all(known.iter().map(|address| address.try_again(REACH))).await;
    let (failed, taken): (Vec<_>, Vec<_>) = known.iter().partition(|address| address.refuses());
    let at = |addresses: Vec<&Arc<Address>>| addresses.iter().map(|address| address.place.to_string()).collect();
    Reach { taken: at(taken), failed: at(failed) }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::domain::colour::Colour;
    use crate::net::names::literal;
    use crate::proxy::embedded::claim::{Claims, Door, Live, Sender};

    fn upstream(has_names: bool, places: &[Place]) -> (Upstream, Claim) {
        let claims = Arc::new(Claims::new(Live { colour: Some(Colour::Blue), epoch: 0 }, Colour::Green, 2));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        let seconds = Duration::from_secs(5);
        let [header_read, client, connect, response_header, idle, upstream_idle] = [seconds; 6];
        let limits = ProxyTimeouts { header_read, client, connect, response_header, idle, upstream_idle };
        let upstream = Upstream::new(has_names, running, limits, 2);
        upstream.know(places);
        (upstream, claims.claim(1, Door::Live, Sender::Visitor).unwrap())
    }

    async fn listener() -> (TcpListener, Place) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = literal(&listener.local_addr().unwrap().to_string()).unwrap();
        (listener, place)
    }

    fn ranks(upstream: &Upstream) -> Vec<(bool, usize)> {
        upstream.known().iter().map(|address| address.rank()).collect()
    }

    #[tokio::test]
    async fn equals_take_turns_the_busiest_is_last_and_the_dead_is_avoided_until_it_takes_connections_again() {
        let (listeners, gone) = ([listener().await, listener().await], listener().await);
        let places = [gone.1.clone(), listeners[0].1.clone(), listeners[1].1.clone()];
        drop(gone.0);
        let (upstream, claim) = upstream(false, &places);
        let mut leases = Vec::new();
        for _ in 0..6 {
            leases.push(upstream.connect(&claim, None).await.unwrap());
        }
        assert_eq!(ranks(&upstream), [(true, 0), (false, 3), (false, 3)]);
        upstream.try_failed().await;
        assert_eq!(ranks(&upstream)[0], (true, 0));
        let back = TcpListener::bind(places[0].addresses()).await.unwrap();
        upstream.try_failed().await;
        leases.push(upstream.connect(&claim, None).await.unwrap());
        assert_eq!(ranks(&upstream), [(false, 1), (false, 3), (false, 3)]);
        drop(back);
    }

    #[tokio::test]
    async fn what_broke_at_one_instance_goes_to_another_also_where_that_is_busier() {
        let ((_one, one), (_two, two)) = (listener().await, listener().await);
        let (upstream, claim) = upstream(false, &[one, two]);
        let mut leases = Vec::new();
        for _ in 0..4 {
            leases.push(upstream.connect(&claim, None).await.unwrap());
        }
        let (broken, known) = (leases.remove(0), upstream.known());
        let there = known.iter().find(|address| address.has_lent(&broken)).unwrap();
        leases.retain(|lease| !there.has_lent(lease));
        let again = upstream.connect(&claim, Some(&broken)).await.unwrap();
        assert_eq!((there.rank(), there.has_lent(&again)), ((false, 1), false));
    }

    #[tokio::test]
    async fn who_does_not_answer_is_the_last_choice_until_it_answers_and_an_only_one_is_never_left_out() {
        let ((_one, one), (silent, two)) = (listener().await, listener().await);
        let (alone, claim) = upstream(false, std::slice::from_ref(&two));
        alone.leave_out(&alone.connect(&claim, None).await.unwrap(), "/healthz");
        assert_eq!(ranks(&alone), [(false, 0)]);
        drop(silent.accept().await.unwrap());
        let (upstream, claim) = upstream(false, &[one, two]);
        let leases = [upstream.connect(&claim, None).await.unwrap(), upstream.connect(&claim, None).await.unwrap()];
        let known = upstream.known();
        upstream.leave_out(leases.iter().find(|lease| known[1].has_lent(lease)).unwrap(), "/healthz");
        assert!(known[0].has_lent(&upstream.connect(&claim, None).await.unwrap()), "though it is busier");
        drop(silent.accept().await.unwrap());
        tokio::join!(upstream.try_failed(), async { drop(silent.accept().await.unwrap()) });
        assert_eq!(ranks(&upstream)[1], (true, 1), "it takes connections, and closes them");
        let answering = async {
            let (mut stream, mut asked) = (silent.accept().await.unwrap().0, [0; 1024]);
            let length = stream.read(&mut asked).await.unwrap();
            assert!(asked[..length].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        };
        tokio::join!(upstream.try_failed(), answering);
        assert_eq!(ranks(&upstream)[1], (false, 1));
    }

    #[tokio::test]
    async fn nobody_there_and_no_place_at_all_are_told_apart() {
        let (gone, place) = listener().await;
        drop(gone);
        let (at_one, claim) = upstream(false, &[place]);
        assert_eq!(at_one.connect(&claim, None).await.unwrap_err(), Trouble::Refused);
        let (nowhere, claim) = upstream(false, &[]);
        assert_eq!(nowhere.connect(&claim, None).await.unwrap_err(), Trouble::NoAddress);
        assert_eq!(Trouble::NoAddress.status(), hyper::StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn what_stays_keeps_its_requests_and_what_vanishes_gets_no_more() {
        let (stays, vanishes, comes) = (listener().await, listener().await, listener().await);
        let (upstream, claim) = upstream(true, &[stays.1.clone(), vanishes.1.clone()]);
        let before = upstream.known();
        let leases = [upstream.connect(&claim, None).await.unwrap(), upstream.connect(&claim, None).await.unwrap()];
        assert_eq!(ranks(&upstream), [(false, 1), (false, 1)]);
        assert_eq!(upstream.know(&[stays.1.clone(), comes.1.clone()]), Some(2));
        assert_eq!(upstream.know(&[stays.1.clone(), comes.1.clone()]), None, "nothing has changed");
        assert_eq!(ranks(&upstream), [(false, 1), (false, 0)]);
        assert_eq!(before[1].rank(), (false, 1), "what runs there goes on");
        // One that was chosen before the change goes elsewhere.
        let chosen_before = vec![Arc::clone(&before[1])];
        assert_eq!(upstream.first_of(&chosen_before, &claim, None).await.unwrap_err(), Trouble::NoAddress);
        drop(leases);
    }

    #[tokio::test]
    async fn a_request_that_nobody_takes_asks_for_a_lookup_and_goes_to_what_is_new() {
        let ((gone, old), (_new, new)) = (listener().await, listener().await);
        drop(gone);
        let (upstream, claim) = upstream(true, &[old]);
        let look_up = async {
            upstream.wants_lookup().await;
            upstream.know(std::slice::from_ref(&new));
        };
        let (taken, ()) = tokio::join!(upstream.connect(&claim, None), look_up);
        assert!(taken.is_ok());
        assert_eq!(ranks(&upstream), [(false, 1)]);
    }

    #[tokio::test]
    async fn what_is_reached_is_found_without_a_request_and_looked_up_where_nobody_is() {
        let ((gone, old), (_new, new)) = (listener().await, listener().await);
        drop(gone);
        let (upstream, _) = upstream(true, std::slice::from_ref(&old));
        let look_up = async {
            upstream.wants_lookup().await;
            upstream.know(&[old.clone(), new.clone()]);
        };
        let (reach, ()) = tokio::join!(upstream.reach(), look_up);
        assert_eq!(reach, Reach { taken: vec![new.to_string()], failed: vec![old.to_string()] });
        assert_eq!(upstream.reach().await, reach, "one is enough: nobody is there to look it up again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_does_not_end_is_not_waited_for_and_addresses_need_none() {
        let (waiting, claim) = upstream(true, &[]);
        let asked = timeout(PATIENCE * 2, waiting.connect(&claim, None)).await;
        assert_eq!(asked.expect("it does not wait for ever").unwrap_err(), Trouble::NoAddress);
        let (literal, claim) = upstream(false, &[]);
        assert_eq!(literal.connect(&claim, None).now_or_never().expect("it does not wait").unwrap_err(), Trouble::NoAddress);
    }

    #[tokio::test]
    async fn idle_connections_to_what_vanishes_close_while_others_there_are_in_use() {
        let ((listening, place), (_other, other)) = (listener().await, listener().await);
        let (upstream, claim) = upstream(true, &[place]);
        let (mut idle, mut in_use) = (upstream.connect(&claim, None).await.unwrap(), upstream.connect(&claim, None).await.unwrap());
        let mut ends = [listening.accept().await.unwrap().0, listening.accept().await.unwrap().0];
        idle.give_back();
        upstream.know(&[other]);
        assert_eq!(end(&mut ends[0]).await, Some(0));
        assert_eq!(end(&mut ends[1]).now_or_never(), None);
        in_use.give_back();
        assert_eq!(end(&mut ends[1]).await, Some(0), "it is not kept for another request");
    }

    async fn end(stream: &mut TcpStream) -> Option<usize> {
        timeout(Duration::from_secs(10), stream.read(&mut [0; 1])).await.ok()?.ok()
    }

    #[tokio::test]
    async fn who_has_not_taken_a_connection_yet_is_busy_with_it() {
        let ((_one, one), (_two, two)) = (listener().await, listener().await);
        let (upstream, claim) = upstream(false, &[one, two]);
        let mut connecting = [Box::pin(upstream.connect(&claim, None)), Box::pin(upstream.connect(&claim, None))];
        for attempt in &mut connecting {
            assert!(attempt.as_mut().now_or_never().is_none());
        }
        assert_eq!(ranks(&upstream), [(false, 1), (false, 1)]);
    }
}
