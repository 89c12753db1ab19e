//! A request claims its colour and counts itself under one guard, so that no request claims the old colour after a shift has returned.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::domain::colour::Colour;
use crate::proxy::control::{Load, ProxyState};

/// Which listener a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// The public one, on the live colour.
    Live,
    /// The preview, on the idle colour.
    Idle,
}

impl Door {
    /// The word in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Idle => "idle",
        }
    }
}

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// A visitor's: a drain waits for it.
    Visitor,
    /// The prober's own: nobody misses it, so that no drain counts it.
    Prober,
}

/// What is live, and since which shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Live {
    /// None is undefined.
    pub(super) colour: Option<Colour>,
    pub(super) epoch: u64,
}

/// The live colour and everything that has claimed a colour.
#[derive(Debug)]
pub(super) struct Claims {
    /// Each worker claims by a copy of its own, so that no two meet; a shift holds all of them.
    shares: Vec<Share>,
    /// What the preview shows while live is undefined.
    preview: Colour,
    /// How often each colour was cut.
    cuts: [AtomicU64; 2],
}

/// One worker's part, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Share {
    live: RwLock<Live>,
    blue: Counts,
    green: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    in_flight: AtomicU64,
    streams: AtomicU64,
}

/// One request's hold on a colour, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Claims>,
    /// Who claimed it.
    pub(super) worker: usize,
    /// The colour.
    pub(super) colour: Colour,
    /// Under which epoch.
    pub(super) epoch: u64,
    cuts: u64,
    counted: Counted,
}

/// As what a claim is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Request,
    Stream,
    Not,
}

/// Which claim a task belongs to, for whoever must know whether it has been cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The colour.
    pub(super) colour: Colour,
    /// How often the colour had been cut before the claim.
    pub(super) cuts: u64,
    /// Under which epoch it was claimed.
    pub(super) epoch: u64,
}

/// The colour is live: it is not cut.
#[derive(Debug, thiserror::Error)]
#[error("{0} is live: only the idle colour is cut")]
pub(super) struct IsLive(Colour);

impl Claims {
    /// Of so many workers, at least one; with `preview` as the idle colour while live is undefined.
    pub(super) fn new(live: Live, preview: Colour, workers: usize) -> Self {
        let share = |_| Share { live: RwLock::new(live), blue: Counts::default(), green: Counts::default() };
        Self { shares: (0..workers.max(1)).map(share).collect(), preview, cuts: Default::default() }
    }

    /// How many workers there are.
    pub(super) fn workers(&self) -> usize {
        self.shares.len()
    }

    /// Claims the colour behind a listener for one of the workers; none where live is undefined.
    pub(super) fn claim(self: &Arc<Self>, worker: usize, door: Door, sender: Sender) -> Option<Claim> {
        let share = self.share(worker)?;
        let guard = share.live.read().unwrap_or_else(PoisonError::into_inner);
        let colour = match (door, guard.colour) {
            (Door::Live, live) => live?,
            (Door::Idle, Some(live)) => live.other(),
            (Door::Idle, None) => self.preview,
        };
        let counted = match sender {
            Sender::Visitor => Counted::Request,
            Sender::Prober => Counted::Not,
        };
        if counted == Counted::Request {
            share.counts(colour).in_flight.fetch_add(1, Ordering::Relaxed);
        }
        let cuts = self.cuts(colour).load(Ordering::Relaxed);
        Some(Claim { claims: Arc::clone(self), worker, colour, epoch: guard.epoch, cuts, counted })
    }

    /// What is live.
    pub(super) fn live(&self) -> Live {
        let first = self.shares.first().map(|share| *share.live.read().unwrap_or_else(PoisonError::into_inner));
        first.unwrap_or(Live { colour: None, epoch: 0 })
    }

    /// Swaps what is live, and hands back the old. From the return on, nothing claims the old colour by the live listener.
    pub(super) fn swap(&self, live: Live) -> Live {
        let mut old = live;
        for mut guard in self.guards() {
            old = std::mem::replace(&mut *guard, live);
        }
        old
    }

    /// All copies at once: while they are held nobody claims.
    fn guards(&self) -> Vec<RwLockWriteGuard<'_, Live>> {
        self.shares.iter().map(|share| share.live.write().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    /// Declares every claim on an idle colour so far as cut.
    ///
    /// # Errors
    /// Where the colour is live.
    pub(super) fn cut(&self, colour: Colour) -> Result<(), IsLive> {
        let guards = self.guards();
        if guards.iter().any(|live| live.colour.is_none_or(|live| live == colour)) {
            return Err(IsLive(colour));
        }
        self.cuts(colour).fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a claim's colour has been cut since.
    pub(super) fn is_cut(&self, ticket: Ticket) -> bool {
        self.cuts(ticket.colour).load(Ordering::Relaxed) != ticket.cuts
    }

    /// What the control socket says.
    pub(super) fn state(&self) -> ProxyState {
        let live = self.live();
        let (blue, green) = (self.load(Colour::Blue), self.load(Colour::Green));
        ProxyState { live: live.colour, epoch: live.epoch, by: None, blue, green, answers: None }
    }

    fn load(&self, colour: Colour) -> Load {
        let loads = self.shares.iter().map(|share| share.counts(colour).load());
        loads.fold(Load::default(), |all, one| Load { in_flight: all.in_flight + one.in_flight, streams: all.streams + one.streams })
    }

    fn cuts(&self, colour: Colour) -> &AtomicU64 {
        let [blue, green] = &self.cuts;
        match colour {
            Colour::Blue => blue,
            Colour::Green => green,
        }
    }

    fn share(&self, worker: usize) -> Option<&Share> {
        self.shares.get(worker)
    }
}

impl Share {
    fn counts(&self, colour: Colour) -> &Counts {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

impl Counts {
    fn load(&self) -> Load {
        Load { in_flight: self.in_flight.load(Ordering::Relaxed), streams: self.streams.load(Ordering::Relaxed) }
    }
}

impl Claim {
    /// Counts as a stream from now on.
    pub(super) fn into_stream(mut self) -> Self {
        if self.counted == Counted::Request {
            self.counted = Counted::Stream;
            if let Some(counts) = self.counts() {
                counts.streams.fetch_add(1, Ordering::Relaxed);
                counts.in_flight.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self
    }

    fn counts(&self) -> Option<&Counts> {
        Some(self.claims.share(self.worker)?.counts(self.colour))
    }

    /// Whether the colour has been cut since.
    pub(super) fn is_cut(&self) -> bool {
        self.claims.is_cut(self.ticket())
    }

    /// What a task of this claim is known by.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket { colour: self.colour, cuts: self.cuts, epoch: self.epoch }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let Some(counts) = self.counts() else { return };
        match self.counted {
            Counted::Request => drop(counts.in_flight.fetch_sub(1, Ordering::Relaxed)),
            Counted::Stream => drop(counts.streams.fetch_sub(1, Ordering::Relaxed)),
            Counted::Not => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;
    use crate::clock;

    const WORKERS: usize = 4;

    fn claims(colour: Option<Colour>) -> Arc<Claims> {
        Arc::new(Claims::new(Live { colour, epoch: 1 }, Colour::Green, WORKERS))
    }

    /// Who holds a claim is seen by the shift that follows: hammered by threads that are taken off their processor at any instruction.
    #[test]
    fn once_a_colour_has_drained_after_a_shift_nobody_holds_an_older_claim_on_it() {
        let claims = claims(Some(Colour::Green));
        let drained = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let hammer = |worker| {
            let (claims, drained, over) = (Arc::clone(&claims), Arc::clone(&drained), Arc::clone(&over));
            std::thread::spawn(move || {
                let mut late = 0;
                while !over.load(Ordering::Relaxed) {
                    let claim = claims.claim(worker, Door::Live, Sender::Visitor).unwrap();
                    late += u64::from(drained.load(Ordering::SeqCst) > claim.epoch);
                }
                late
            })
        };
        let hammers: Vec<_> = (0..8).map(|number| hammer(number % WORKERS)).collect();
        let started = clock::elapsed();
        let mut epoch = 1;
        while clock::elapsed() < started + Duration::from_millis(1_500) {
            epoch += 1;
            let colour = if epoch % 2 == 0 { Colour::Blue } else { Colour::Green };
            let old = claims.swap(Live { colour: Some(colour), epoch }).colour.unwrap();
            while claims.state().load(old).in_flight > 0 {
                std::thread::yield_now();
            }
            drained.store(epoch, Ordering::SeqCst);
        }
        over.store(true, Ordering::Relaxed);
        let late: u64 = hammers.into_iter().map(|hammer| hammer.join().unwrap()).sum();
        assert_eq!(late, 0, "claims that nobody had counted when their colour was drained");
        assert_eq!(claims.state().blue.in_flight + claims.state().green.in_flight, 0);
    }

    #[test]
    fn a_stream_is_counted_as_a_stream_and_no_longer_in_flight() {
        let claims = claims(Some(Colour::Blue));
        let claim = claims.claim(0, Door::Live, Sender::Visitor).unwrap();
        assert_eq!(claims.state().blue, Load { in_flight: 1, streams: 0 });
        let stream = claim.into_stream();
        assert_eq!(claims.state().blue, Load { in_flight: 0, streams: 1 });
        drop(stream);
        assert_eq!(claims.state().blue, Load::default());
    }

    #[test]
    fn a_probe_has_a_colour_and_is_not_waited_for() {
        let claims = claims(Some(Colour::Blue));
        let claim = claims.claim(0, Door::Idle, Sender::Prober).unwrap();
        assert_eq!((claim.colour, claims.state().green), (Colour::Green, Load::default()));
        drop(claim.into_stream());
        assert_eq!(claims.state().green, Load::default());
    }

    #[test]
    fn undefined_gives_no_live_colour_and_the_preview_goes_on() {
        let claims = claims(None);
        assert!(claims.claim(0, Door::Live, Sender::Visitor).is_none());
        assert_eq!(claims.claim(0, Door::Idle, Sender::Visitor).unwrap().colour, Colour::Green);
    }

    #[test]
    fn only_the_idle_colour_is_cut_and_only_what_claimed_it_before() {
        let claims = claims(Some(Colour::Blue));
        assert!(claims.cut(Colour::Blue).is_err());
        let before = claims.claim(0, Door::Idle, Sender::Visitor).unwrap();
        claims.cut(Colour::Green).unwrap();
        assert!(before.is_cut());
        assert!(!claims.claim(0, Door::Idle, Sender::Visitor).unwrap().is_cut());
    }
}
