//! Shift and cut: what the control socket orders.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::claim::{Claims, Live};
use super::metrics;
use super::running::Running;
use super::state_file::{Found, StateError, StateFile};
use crate::domain::colour::Colour;
use crate::files::aside;
use crate::proxy::control::{ProxyState, ShiftOrder, SignedShift};

/// Why an order was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// Somebody else has shifted meanwhile.
    #[error("epoch {given} is not above {seen}, the last one seen: somebody else has switched")]
    Stale {
        /// The order's.
        given: u64,
        /// Ours.
        seen: u64,
    },
    /// It could not be stored.
    #[error(transparent)]
    Unstored(#[from] StateError),
    /// It is not to be done.
    #[error("{0}")]
    Refused(String),
}

/// Carries out orders, one at a time.
#[derive(Debug)]
pub(super) struct Shifter {
    claims: Arc<Claims>,
    running: Arc<Running>,
    file: StateFile,
    trouble: Mutex<Option<String>>,
    /// Who asked for the shift under this epoch.
    by: Mutex<(u64, Option<String>)>,
    turn: Mutex<()>,
    /// How long the streams of a colour that was live go on.
    window: Option<Duration>,
    /// The epoch under which the live colour became so.
    since: Arc<AtomicU64>,
}

impl Shifter {
    /// For the state that was found in `file`.
    pub(super) fn new(claims: Arc<Claims>, running: Arc<Running>, file: StateFile, Found { live, by, trouble }: Found) -> Self {
        let (trouble, by, turn) = (Mutex::new(trouble), Mutex::new((live.epoch, by)), Mutex::default());
        Self { claims, running, file, trouble, by, turn, window: None, since: Arc::default() }
    }

    /// The same with an end for the streams of a colour so long after the other one has become live.
    pub(super) fn ending_streams_after(self, window: Option<Duration>) -> Self {
        Self { window, ..self }
    }

    /// Makes a colour live: stored first, then swapped, then acknowledged. It waits for nothing but the disk, so that it is done or not done, also
    /// where whoever ordered it hangs up.
    ///
    /// # Errors
    /// Where the epoch is not higher than the last, or where it cannot be stored.
    pub(super) fn shift(&self, order: SignedShift) -> Result<ProxyState, OrderError> {
        aside(|| self.shift_in_turn(order))
    }

    fn shift_in_turn(&self, SignedShift { order, by }: SignedShift) -> Result<ProxyState, OrderError> {
        let _turn = self.turn();
        let old = self.claims.live();
        if order.epoch <= old.epoch {
            return Err(OrderError::Stale { given: order.epoch, seen: old.epoch });
        }
        self.store(order, by.as_deref(), old)?;
        // Before the swap: whoever sees the new epoch sees who asked for it. With the old one nobody is seen for a moment.
        *self.last() = (order.epoch, by);
        self.claims.swap(Live { colour: Some(order.to), epoch: order.epoch });
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        tracing::info!(to = %order.to, epoch = order.epoch, by = self.by_of(order.epoch), "shifted");
        if old.colour != Some(order.to) {
            self.since.store(order.epoch, Ordering::Relaxed);
            self.end_streams_later(order);
        }
        Ok(self.state())
    }

    /// What has streamed from the other colour since before this shift ends with its window, unless that colour is live again by then.
    fn end_streams_later(&self, order: ShiftOrder) {
        let Some(window) = self.window else { return };
        let (running, since, old) = (Arc::clone(&self.running), Arc::clone(&self.since), order.to.other());
        tokio::spawn(async move {
            sleep(window).await;
            if since.load(Ordering::Relaxed) == order.epoch {
                let streams = running.end_streams(old, order.epoch);
                tracing::info!(colour = %old, streams, "the window of the streams is over");
            }
        });
    }

    fn store(&self, order: ShiftOrder, by: Option<&str>, old: Live) -> Result<(), StateError> {
        let stored = self.file.store(order.to, order.epoch, by, old.epoch);
        // What was written and not synced would shift at the next start: what is live is put back.
        if let (Err(_), Some(live)) = (&stored, old.colour)
            && let Err(error) = self.file.store(live, old.epoch, self.by_of(old.epoch).as_deref(), old.epoch)
        {
            tracing::error!(%error, live = %live, "the state file may name another colour than the live one");
        }
        stored
    }

    /// Ends what runs on an idle colour.
    ///
    /// # Errors
    /// Where the colour is live.
    pub(super) fn cut(&self, colour: Colour) -> Result<ProxyState, OrderError> {
        let _turn = aside(|| self.turn());
        self.claims.cut(colour).map_err(|error| OrderError::Refused(error.to_string()))?;
        let ended = self.running.end(colour);
        tracing::info!(%colour, connections = ended, "cut");
        Ok(self.state())
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is live, what each colour has to do, and what it has answered.
    pub(super) fn state(&self) -> ProxyState {
        let state = self.claims.state();
        ProxyState { by: self.by_of(state.epoch), answers: Some(metrics::answers()), ..state }
    }

    /// Who asked for the shift under this epoch, where that was the last one.
    fn by_of(&self, epoch: u64) -> Option<String> {
        let last = self.last();
        if last.0 == epoch { last.1.clone() } else { None }
    }

    fn last(&self) -> MutexGuard<'_, (u64, Option<String>)> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why live is undefined, while it is.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifter(folder: &std::path::Path) -> Shifter {
        let file = StateFile::new(&folder.join("proxy.json"));
        let found = file.load(Colour::Blue).unwrap();
        let claims = Arc::new(Claims::new(found.live, Colour::Green, 2));
        Shifter::new(Arc::clone(&claims), Arc::new(Running::new(claims)), file, found)
    }

    /// By nobody in particular.
    fn order(to: Colour, epoch: u64) -> SignedShift {
        SignedShift { order: ShiftOrder { to, epoch }, by: None }
    }

    #[test]
    fn who_asked_for_the_last_shift_is_said_also_after_a_restart_and_of_no_other_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = shifter(folder.path());
        assert_eq!(first.state().by, None);
        let by_ann = SignedShift { by: Some("ann@desk".to_owned()), ..order(Colour::Green, 5) };
        assert_eq!(first.shift(by_ann).unwrap().by.as_deref(), Some("ann@desk"));
        let by_bob = SignedShift { by: Some("bob@table".to_owned()), ..order(Colour::Blue, 5) };
        first.shift(by_bob).expect_err("it is stale");
        assert_eq!(first.state().by.as_deref(), Some("ann@desk"));
        let again = shifter(folder.path());
        assert_eq!((again.state().by.as_deref(), again.by_of(4)), (Some("ann@desk"), None));
        assert_eq!(again.shift(order(Colour::Blue, 6)).unwrap().by, None);
    }

    #[test]
    fn an_epoch_that_was_seen_is_refused_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let shifter = shifter(folder.path());
        shifter.shift(order(Colour::Green, 5)).unwrap();
        for epoch in [0, 4, 5] {
            let refused = shifter.shift(order(Colour::Blue, epoch));
            assert!(matches!(refused, Err(OrderError::Stale { seen: 5, .. })), "{refused:?}");
        }
        assert_eq!(shifter.state().live, Some(Colour::Green));
    }

    #[test]
    fn a_state_that_cannot_be_stored_is_not_taken_on() {
        let folder = tempfile::tempdir().unwrap();
        let shifter = shifter(folder.path());
        std::fs::remove_file(folder.path().join("proxy.json")).unwrap();
        std::fs::create_dir(folder.path().join("proxy.json")).unwrap();
        let refused = shifter.shift(order(Colour::Green, 1));
        assert!(matches!(refused, Err(OrderError::Unstored(_))), "{refused:?}");
        assert_eq!((shifter.state().live, shifter.state().epoch), (Some(Colour::Blue), 0));
    }

    #[test]
    fn a_shift_cures_an_unreadable_state() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("proxy.json"), "{\"epoch\":3}").unwrap();
        let shifter = shifter(folder.path());
        assert!(shifter.trouble().is_some());
        assert!(shifter.shift(order(Colour::Green, 3)).is_err());
        shifter.shift(order(Colour::Green, 4)).unwrap();
        assert_eq!(shifter.trouble(), None);
        assert_eq!(StateFile::new(&folder.path().join("proxy.json")).load(Colour::Blue).unwrap().live.colour, Some(Colour::Green));
    }
}
