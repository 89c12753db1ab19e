//! What runs towards a colour: upstream connections and streams, so that a cut can end them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
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
    running: HashMap<u64, End>,
}

/// How something is ended.
#[derive(Debug)]
enum End {
    /// A connection: at once.
    Cut(Arc<Cut>),
    /// A stream: it says goodbye first.
    Tell(watch::Sender<bool>),
}

/// Whether a connection has been cut, for whoever drives it.
#[derive(Debug, Default)]
pub(super) struct Cut {
    is_done: AtomicBool,
    waker: AtomicWaker,
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
        let cut = Arc::new(Cut::default());
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
        let number = self.tasks(ticket.colour).add(&self.claims, ticket, End::Tell(tell))?;
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
                End::Tell(tell) => drop(tell.send_replace(true)),
            }
        }
        let ended = tasks.running.len();
        tasks.running.retain(|_, end| matches!(end, End::Tell(_)));
        ended
    }

    /// Tells every stream to end.
    pub(super) fn tell_streams(&self) {
        for colour in Colour::BOTH {
            for end in self.tasks(colour).running.values() {
                match end {
                    End::Cut(_) => {}
                    End::Tell(tell) => drop(tell.send_replace(true)),
                }
            }
        }
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
        self.next += 1;
        self.running.insert(self.next, end);
        Ok(self.next)
    }
}

impl Cut {
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
