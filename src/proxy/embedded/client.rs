//! A client's connection: what is expected on it, and when it has stood still for too long.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::claim::Door;
use super::metrics::Connected;
use super::running::Cut;
use crate::clock;
use crate::proxy::ProxyTimeouts;

/// A client that has not asked for so long is parked, and one that asks is looked after at least this often.
const PARKED_AFTER: Duration = Duration::from_millis(100);

/// What has come of a connection on which nothing moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It waits for the client's next request, with nothing left to send.
    Parked,
    /// It has stood still for longer than it may, or was cut.
    TooLong,
}

/// What is expected next on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// The rest of a request's header; counted from its first byte.
    Header = 0,
    /// The app's answer, which has limits of its own.
    App = 1,
    /// The rest of the answer, taken by the client.
    Answer = 2,
    /// Another request, whenever the client likes.
    Idle = 3,
    /// Whatever the requests that share the connection do: each of them has limits of its own.
    Shared = 4,
}

/// What happens on a connection, kept up by whoever makes it happen. One timer a connection reads it; nothing is set a request.
#[derive(Debug)]
pub(super) struct Activity {
    stage: AtomicU8,
    /// When the stage's clock began, in milliseconds of elapsed time.
    since: AtomicU64,
    /// What ends an answer that is under way, where it is long.
    cut: Mutex<Option<Arc<Cut>>>,
    is_long: AtomicBool,
    /// The client takes nothing more for now; of one request among others: a piece of its answer waits for room.
    is_blocked: AtomicBool,
    /// Something that was asked for is not sent yet.
    owes: AtomicBool,
    /// The answer that is under way is the last: the connection is closed behind it.
    is_last: AtomicBool,
    /// Of the last request's body something was left that nobody reads.
    is_unread: AtomicBool,
    /// Held for as long as anybody has to do with the connection: also by a stream that goes on after its request. One request among others
    /// has none.
    place: Option<Place>,
}

/// A client's place among all that may be connected.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _connected: Connected,
}

impl Place {
    /// By this listener.
    pub(super) fn new(permit: OwnedSemaphorePermit, door: Door) -> Self {
        Self { _permit: permit, _connected: Connected::new(door) }
    }
}

impl Activity {
    /// Of a connection that was accepted just now, with its place; or of one request among others on a connection.
    pub(super) fn new(place: Option<Place>) -> Self {
        Self {
            stage: AtomicU8::new(Stage::Header as u8),
            since: AtomicU64::new(now()),
            cut: Mutex::default(),
            is_long: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            owes: AtomicBool::new(false),
            is_last: AtomicBool::new(false),
            is_unread: AtomicBool::new(false),
            place,
        }
    }

    /// A request's header is complete.
    pub(super) fn awaits_app(&self) {
        self.owes.store(true, Ordering::Relaxed);
        self.is_unread.store(false, Ordering::Relaxed);
        self.stage.store(Stage::App as u8, Ordering::Relaxed);
    }

    /// Requests share the connection from now on, and each has an activity of its own.
    pub(super) fn is_shared(&self) {
        self.owes.store(true, Ordering::Relaxed);
        self.stage.store(Stage::Shared as u8, Ordering::Relaxed);
    }

    /// The header of an answer is there, or a stream that nobody need ask for more of.
    pub(super) fn answers(&self) {
        self.owes.store(true, Ordering::Relaxed);
        self.since.store(now(), Ordering::Relaxed);
        self.stage.store(Stage::Answer as u8, Ordering::Relaxed);
    }

    /// The answer that is under way is the last.
    pub(super) fn closes(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    /// Whether whatever is still to be sent is handed over, and the connection is closed behind it.
    pub(super) fn ends(&self) -> bool {
        self.is_last.load(Ordering::Relaxed) && self.stage.load(Ordering::Relaxed) == Stage::Idle as u8
    }

    /// Nobody reads what is left of the request's body.
    pub(super) fn leaves_unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    /// Whether the client may still be sending the body of its last request to nobody.
    pub(super) fn has_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }

    /// The answer has gone.
    pub(super) fn is_idle(&self) {
        if self.is_long.load(Ordering::Relaxed) {
            self.is_long.store(false, Ordering::Relaxed);
            *self.cut() = None;
        }
        self.stage.store(Stage::Idle as u8, Ordering::Relaxed);
    }

    /// The answer that is under way is long, and ends by this.
    pub(super) fn ends_by(&self, cut: &Arc<Cut>) {
        *self.cut() = Some(Arc::clone(cut));
        self.is_long.store(true, Ordering::Relaxed);
    }

    fn cut(&self) -> MutexGuard<'_, Option<Arc<Cut>>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a long answer was cut; if not, `waker` is woken when it is. A client that takes nothing would never ask for more of it.
    pub(super) fn is_cut(&self, waker: &Waker) -> bool {
        self.is_long.load(Ordering::Relaxed) && self.cut().as_ref().is_some_and(|cut| cut.is_done_or_wakes(waker))
    }

    /// The client has said something.
    pub(super) fn has_read(&self) {
        let stage = self.stage.load(Ordering::Relaxed);
        // Whoever takes nothing may go on talking where requests share the connection.
        if stage == Stage::Header as u8 || stage == Stage::Shared as u8 {
            return;
        }
        self.since.store(now(), Ordering::Relaxed);
        if stage == Stage::Idle as u8 {
            self.stage.store(Stage::Header as u8, Ordering::Relaxed);
        }
    }

    /// Something was sent, if the client has taken it.
    pub(super) fn has_written(&self, is_taken: bool) {
        if is_taken {
            self.since.store(now(), Ordering::Relaxed);
        }
        self.blocks(!is_taken);
    }

    /// The next piece of an answer was asked for: it is handed over, or has not come yet. Of one request among others this is all that is known:
    /// a piece is asked for when there is room for those before it. A connection of its own knows by what is written.
    pub(super) fn has_passed(&self, is_there: bool) {
        if self.place.is_some() {
            return;
        }
        if is_there || self.is_blocked.load(Ordering::Relaxed) {
            self.since.store(now(), Ordering::Relaxed);
        }
        self.blocks(is_there);
    }

    /// Whatever was to be sent is sent, or the client takes nothing more for now.
    pub(super) fn has_flushed(&self, is_taken: bool) {
        self.blocks(!is_taken);
        let stage = self.stage.load(Ordering::Relaxed);
        // Between two requests, wherever the second stands.
        if is_taken && (stage == Stage::Idle as u8 || stage == Stage::Header as u8) {
            self.owes.store(false, Ordering::Relaxed);
        }
    }

    /// Whether anything that was asked for is not sent yet. Whatever is sent while nothing is, nobody has asked us for.
    pub(super) fn owes(&self) -> bool {
        self.owes.load(Ordering::Relaxed)
    }

    fn blocks(&self, is_blocked: bool) {
        if self.is_blocked.load(Ordering::Relaxed) != is_blocked {
            self.is_blocked.store(is_blocked, Ordering::Relaxed);
        }
    }

    /// How long until the connection, or the request among others, has stood still for too long; none while it waits for the app.
    pub(super) fn left(&self, limits: &ProxyTimeouts) -> Option<Duration> {
        let stage = self.stage.load(Ordering::Relaxed);
        if stage == Stage::App as u8 {
            return None;
        }
        let limit = match stage {
            _ if self.is_blocked.load(Ordering::Relaxed) => limits.client,
            stage if stage == Stage::Header as u8 => limits.header_read,
            stage if stage == Stage::Shared as u8 => return None,
            _ => limits.idle,
        };
        Some(limit.saturating_sub(self.still()))
    }

    /// How long until the client is parked; none while anything else is expected of either side. What is left of a body would be taken for a
    /// request.
    fn until_parked(&self) -> Option<Duration> {
        let is_idle = self.stage.load(Ordering::Relaxed) == Stage::Idle as u8;
        let is_parked_next = is_idle && !self.is_blocked.load(Ordering::Relaxed) && !self.has_unread();
        is_parked_next.then(|| PARKED_AFTER.saturating_sub(self.still()))
    }

    /// How long nothing has happened that counts for the stage; of a connection that requests share, how long nothing was taken.
    pub(super) fn still(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.since.load(Ordering::Relaxed)))
    }

    /// Resolves when the connection has stood still for too long. Cheap to poll.
    pub(super) async fn stands_still(&self, limits: &ProxyTimeouts) {
        let shortest = limits.header_read.min(limits.idle).min(limits.client);
        let look = || match self.left(limits) {
            Some(Duration::ZERO) => Ok(()),
            left => Err(left.unwrap_or(shortest)),
        };
        self.watched(shortest, look).await;
    }

    /// Resolves when the client is to be parked, or has stood still for too long. Cheap to poll.
    pub(super) async fn rests(&self, limits: &ProxyTimeouts) -> Rest {
        let shortest = limits.header_read.min(limits.idle).min(limits.client).min(PARKED_AFTER);
        let look = || match (self.left(limits), self.until_parked()) {
            (Some(Duration::ZERO), _) => Ok(Rest::TooLong),
            (_, Some(Duration::ZERO)) => Ok(Rest::Parked),
            (left, until_parked) => Err(left.into_iter().chain(until_parked).min().unwrap_or(shortest)),
        };
        self.watched(shortest, look).await.unwrap_or(Rest::TooLong)
    }

    /// Resolves with what `look` finds; without, where a long answer was cut. Where nothing is found it says when to look again.
    async fn watched<T>(&self, shortest: Duration, look: impl Fn() -> Result<T, Duration>) -> Option<T> {
        let mut timer = std::pin::pin!(sleep(shortest));
        std::future::poll_fn(|cx| {
            if self.is_cut(cx.waker()) {
                return Poll::Ready(None);
            }
            // Polled whenever the connection is, and it looks again at the latest after the shortest limit.
            while timer.as_mut().poll(cx).is_ready() {
                match look() {
                    Ok(found) => return Poll::Ready(Some(found)),
                    Err(again) => timer.set(sleep(again.min(shortest))),
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn now() -> u64 {
    u64::try_from(clock::elapsed().as_millis()).unwrap_or(u64::MAX)
}
