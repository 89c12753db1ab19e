//! What runs towards a colour: upstream connections and streams, so that a cut can end them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::watch;

use super::claim::{Claims, Ticket};
use crate::domain::colour::Colour;

/// The tasks of both colours.
#[derive(Debug)]
pub(super) struct Running {
    claims: Arc<Claims>,
    blue: Mutex<Tasks>,
    green: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    next: u64,
    /// Streams that were claimed under an earlier epoch are over.
    streams_from: u64,
    running: HashMap<u64, End>,
}

/// How something is ended.
#[derive(Debug)]
enum End {
    /// A connection: at once.
    Cut(Arc<Cut>),
    /// A stream, claimed under this epoch: it says goodbye first.
    Tell(u64, watch::Sender<bool>),
}

/// Whether a connection has been cut, for whoever drives it.
#[derive(Debug)]
pub(super) struct Cut {
    is_done: AtomicBool,
    waker: AtomicWaker,
    /// The epoch under which the event stream that it carries was claimed; the highest of all while it carries none.
    stream: AtomicU64,
}

/// A connection's place in the list, until it is dropped.
#[derive(Debug)]
pub(super) struct Listing {
    all: Arc<Running>,
    colour: Colour,
    number: u64,
    cut: Arc<Cut>,
}

/// The colour was cut after the claim.
#[derive(Debug)]
pub(super) struct WasCut;

impl Running {
    /// Of these claims.
    pub(super) fn new(claims: Arc<Claims>) -> Self {
        Self { claims, blue: Mutex::default(), green: Mutex::default() }
    }

    /// Lists a connection, which a cut of the claimed colour ends.
    ///
    /// # Errors
    /// Where the colour was cut since the claim.
    pub(super) fn list(self: &Arc<Self>, ticket: Ticket) -> Result<Listing, WasCut> {
        let cut = Arc::new(Cut::new());
        let number = self.tasks(ticket.colour).add(&self.claims, ticket, End::Cut(Arc::clone(&cut)))?;
        Ok(Listing { all: Arc::clone(self), colour: ticket.colour, number, cut })
    }

    /// Starts a task that is told to end: by a cut of the claimed colour, and at the end of the proxy.
    ///
    /// # Errors
    /// Where the colour was cut since the claim: nothing is started.
    pub(super) fn start_told<F>(self: &Arc<Self>, ticket: Ticket, task: impl FnOnce(watch::Receiver<bool>) -> F) -> Result<(), WasCut>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (tell, told) = watch::channel(false);
        let task = task(told);
        let number = self.tasks(ticket.colour).add(&self.claims, ticket, End::Tell(ticket.epoch, tell))?;
        let all = Arc::clone(self);
        tokio::spawn(async move {
            task.await;
            all.tasks(ticket.colour).running.remove(&number);
        });
        Ok(())
    }

    /// Ends everything that runs towards a colour; says how much that was.
    pub(super) fn end(&self, colour: Colour) -> usize {
        let mut tasks = self.tasks(colour);
        for end in tasks.running.values() {
            match end {
                End::Cut(cut) => cut.end(),
                End::Tell(_, tell) => drop(tell.send_replace(true)),
            }
        }
        let ended = tasks.running.len();
        tasks.running.retain(|_, end| matches!(end, End::Tell(..)));
        ended
    }

    /// Ends the streams towards a colour that were claimed under an epoch below `from`, and whichever is yet to be listed of them. Says how
    /// many there were.
    pub(super) fn end_streams(&self, colour: Colour, from: u64) -> usize {
        let mut tasks = self.tasks(colour);
        tasks.streams_from = tasks.streams_from.max(from);
        tasks.running.values().filter(|end| end.ends_stream(from)).count()
    }

    fn tasks(&self, colour: Colour) -> MutexGuard<'_, Tasks> {
        let tasks = match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        };
        tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    /// A cut counts first and ends what is listed afterwards: under the lock one of the two is seen.
    fn add(&mut self, claims: &Claims, ticket: Ticket, end: End) -> Result<u64, WasCut> {
        if claims.is_cut(ticket) {
            return Err(WasCut);
        }
        // Where its time is over already, it hears so at once.
        end.ends_stream(self.streams_from);
        self.next += 1;
        self.running.insert(self.next, end);
        Ok(self.next)
    }
}

impl End {
    /// Ends it where it is a stream that was claimed under an epoch below `from`: whether it is.
    fn ends_stream(&self, from: u64) -> bool {
        match self {
            Self::Cut(cut) => cut.ends_stream(from),
            Self::Tell(epoch, tell) if *epoch < from => {
                tell.send_replace(true);
                true
            }
            Self::Tell(..) => false,
        }
    }
}

impl Cut {
    fn new() -> Self {
        Self { is_done: AtomicBool::new(false), waker: AtomicWaker::new(), stream: AtomicU64::new(u64::MAX) }
    }

    fn ends_stream(&self, from: u64) -> bool {
        let is_over = self.stream.load(Ordering::Relaxed) < from;
        if is_over {
            self.end();
        }
        is_over
    }

    fn end(&self) {
        self.is_done.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it has been cut.
    pub(super) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }

    /// Whether it has been cut; if not, `waker` is woken when it is.
    pub(super) fn is_done_or_wakes(&self, waker: &Waker) -> bool {
        if self.is_done() {
            return true;
        }
        self.waker.register(waker);
        // Once more: it may have come meanwhile.
        self.is_done()
    }
}

impl Listing {
    /// Of the connection.
    pub(super) fn cut(&self) -> &Arc<Cut> {
        &self.cut
    }

    /// From now on the connection carries an event stream that was claimed under this epoch, to its end.
    pub(super) fn carries_stream(&self, epoch: u64) {
        let tasks = self.all.tasks(self.colour);
        self.cut.stream.store(epoch, Ordering::Relaxed);
        self.cut.ends_stream(tasks.streams_from);
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.all.tasks(self.colour).running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::embedded::claim::{Door, Live, Sender};

    #[tokio::test]
    async fn streams_end_with_their_window_whether_they_are_listed_before_it_or_after_and_nothing_else_does() {
        let claims = Arc::new(Claims::new(Live { colour: Some(Colour::Blue), epoch: 4 }, Colour::Green, 1));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        let claim = |door| claims.claim(0, door, Sender::Visitor).unwrap().ticket();
        let started = |ticket| {
            let (heard, hears) = tokio::sync::oneshot::channel();
            let task = |told: watch::Receiver<bool>| async move {
                let _ = heard.send(told);
            };
            running.start_told(ticket, task).unwrap();
            hears
        };
        let old = claim(Door::Live);
        let (request, events) = (running.list(old).unwrap(), running.list(old).unwrap());
        events.carries_stream(old.epoch);
        let websocket = started(old).await.unwrap();
        claims.swap(Live { colour: Some(Colour::Green), epoch: 5 });
        let preview = started(claim(Door::Idle)).await.unwrap();
        assert_eq!(running.end_streams(Colour::Blue, 5), 1, "the WebSocket's task has ended by itself");
        assert!(events.cut().is_done() && !request.cut().is_done());
        assert!(!*preview.borrow(), "it was claimed after the shift");
        drop(websocket);
        assert!(*started(old).await.unwrap().borrow(), "claimed before the shift, and opened after the window");
        let late = running.list(old).unwrap();
        late.carries_stream(old.epoch);
        assert!(late.cut().is_done());
    }

    #[tokio::test]
    async fn a_cut_ends_what_was_claimed_before_it_and_nothing_of_it_starts_afterwards() {
        let claims = Arc::new(Claims::new(Live { colour: Some(Colour::Blue), epoch: 0 }, Colour::Green, 1));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        let before = claims.claim(0, Door::Idle, Sender::Visitor).unwrap().ticket();
        let connection = running.list(before).unwrap();
        assert!(!connection.cut().is_done());
        let (ended, end) = tokio::sync::oneshot::channel();
        let tell = |mut told: watch::Receiver<bool>| async move {
            let _ = ended.send(told.wait_for(|told| *told).await.is_ok());
        };
        running.start_told(before, tell).unwrap();
        claims.cut(Colour::Green).unwrap();
        assert_eq!(running.end(Colour::Green), 2);
        assert!(connection.cut().is_done());
        assert!(end.await.unwrap(), "the stream was told");
        assert!(running.list(before).is_err(), "the claim is cut");
        assert!(running.list(claims.claim(0, Door::Idle, Sender::Visitor).unwrap().ticket()).is_ok());
    }
}
