//! What runs towards a colour: upstream connections and streams, so that a cut can end them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::AbortHandle;

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

/// How a task is ended.
#[derive(Debug)]
enum End {
    /// At once.
    Abort(AbortHandle),
    /// It says goodbye first.
    Tell(watch::Sender<bool>),
}

/// The colour was cut after the claim.
#[derive(Debug)]
pub(super) struct WasCut;

impl Running {
    /// Of these claims.
    pub(super) fn new(claims: Arc<Claims>) -> Self {
        Self { claims, blue: Mutex::default(), green: Mutex::default() }
    }

    /// Starts a task that a cut of the claimed colour aborts.
    ///
    /// # Errors
    /// Where the colour was cut since the claim: nothing is started.
    pub(super) fn start(self: &Arc<Self>, ticket: Ticket, task: impl Future<Output = ()> + Send + 'static) -> Result<(), WasCut> {
        self.spawn(ticket, task, End::Abort)
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
        self.spawn(ticket, task(told), |_| End::Tell(tell))
    }

    fn spawn<F>(self: &Arc<Self>, ticket: Ticket, task: F, end: impl FnOnce(AbortHandle) -> End) -> Result<(), WasCut>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let colour = ticket.colour;
        let mut tasks = self.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner);
        // A cut counts first and ends what is registered afterwards: under this lock one of the two is seen.
        if self.claims.is_cut(ticket) {
            return Err(WasCut);
        }
        tasks.next += 1;
        let number = tasks.next;
        let all = Arc::clone(self);
        let handle = tokio::spawn(async move {
            task.await;
            all.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner).running.remove(&number);
        });
        tasks.running.insert(number, end(handle.abort_handle()));
        Ok(())
    }

    /// Ends everything that runs towards a colour; says how much that was.
    pub(super) fn end(&self, colour: Colour) -> usize {
        let mut tasks = self.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner);
        for end in tasks.running.values() {
            match end {
                End::Abort(handle) => handle.abort(),
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
            let tasks = self.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner);
            for end in tasks.running.values() {
                match end {
                    End::Abort(_) => {}
                    End::Tell(tell) => drop(tell.send_replace(true)),
                }
            }
        }
    }

    fn tasks(&self, colour: Colour) -> &Mutex<Tasks> {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::proxy::embedded::claim::{Door, Live, Sender};

    #[tokio::test]
    async fn a_cut_ends_what_was_claimed_before_it_and_nothing_of_it_starts_afterwards() {
        let claims = Arc::new(Claims::new(Live { colour: Some(Colour::Blue), epoch: 0 }, Colour::Green));
        let running = Arc::new(Running::new(Arc::clone(&claims)));
        let before = claims.claim(Door::Idle, Sender::Visitor).unwrap().ticket();
        let (held, mut released) = tokio::sync::mpsc::channel::<()>(1);
        running
            .start(before, async move {
                pending::<()>().await;
                drop(held)
            })
            .unwrap();
        let (ended, end) = tokio::sync::oneshot::channel();
        let tell = |mut told: watch::Receiver<bool>| async move {
            let _ = ended.send(told.wait_for(|told| *told).await.is_ok());
        };
        running.start_told(before, tell).unwrap();
        claims.cut(Colour::Green).unwrap();
        assert_eq!(running.end(Colour::Green), 2);
        assert_eq!(released.recv().await, None, "the task is gone");
        assert!(end.await.unwrap(), "the stream was told");
        assert!(running.start(before, async {}).is_err(), "the claim is cut");
        assert!(running.start(claims.claim(Door::Idle, Sender::Visitor).unwrap().ticket(), async {}).is_ok());
    }
}
