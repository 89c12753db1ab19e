//! What runs towards a colour: upstream connections and streams, so that a cut can end them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
    handles: HashMap<u64, AbortHandle>,
}

/// The colour was cut after the claim.
#[derive(Debug)]
pub(super) struct WasCut;

impl Running {
    /// Of these claims.
    pub(super) fn new(claims: Arc<Claims>) -> Self {
        Self { claims, blue: Mutex::default(), green: Mutex::default() }
    }

    /// Starts a task that a cut of the claimed colour ends.
    ///
    /// # Errors
    /// Where the colour was cut since the claim: nothing is started.
    pub(super) fn start(self: &Arc<Self>, ticket: Ticket, task: impl Future<Output = ()> + Send + 'static) -> Result<(), WasCut> {
        let colour = ticket.colour;
        let mut tasks = self.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner);
        // A cut counts first and ends what is registered afterwards: under this lock one of the two is seen.
        if self.claims.is_cut(ticket) {
            return Err(WasCut);
        }
        tasks.next += 1;
        let number = tasks.next;
        let running = Arc::clone(self);
        let handle = tokio::spawn(async move {
            task.await;
            running.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner).handles.remove(&number);
        });
        tasks.handles.insert(number, handle.abort_handle());
        Ok(())
    }

    /// Ends everything that runs towards a colour; says how many there were.
    pub(super) async fn end(&self, colour: Colour) -> usize {
        let handles = std::mem::take(&mut self.tasks(colour).lock().unwrap_or_else(PoisonError::into_inner).handles);
        for handle in handles.values() {
            handle.abort();
        }
        handles.len()
    }

    fn tasks(&self, colour: Colour) -> &Mutex<Tasks> {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}
