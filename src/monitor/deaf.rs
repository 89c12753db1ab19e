//! Whether we could hear anybody: a host that is on no network and hears nobody knows nothing of others.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::moment::Moment;

/// When we were found to be on no network. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Deafness(Arc<Mutex<State>>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    lost_at: Option<Moment>,
    was_deaf: bool,
}

impl Deafness {
    /// Whether silence says nothing at this moment: there is no network, and nobody was heard since it went. Senders beside us are heard without.
    pub(super) fn at(&self, now: Moment, on_no_network: bool, heard: Option<Moment>) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !on_no_network {
            state.lost_at = None;
            return false;
        }
        let lost_at = *state.lost_at.get_or_insert(now);
        let is_deaf = heard.is_none_or(|heard| heard <= lost_at);
        if is_deaf && !state.was_deaf {
            tracing::error!("this host is on no network and hears nobody: no silence is told until it is back");
        }
        state.was_deaf |= is_deaf;
        is_deaf
    }

    /// Whether we were deaf since this was asked last.
    pub(super) fn take(&self) -> bool {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).was_deaf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_network_silence_says_nothing_until_somebody_is_heard() {
        let at = Moment::from_millis;
        let deafness = Deafness::default();
        assert!(!deafness.at(at(1_000), false, None), "there is a network, and nobody speaks");
        assert!(deafness.at(at(2_000), true, Some(at(1_500))));
        assert!(deafness.at(at(9_000), true, Some(at(1_500))));
        assert!(!deafness.at(at(9_500), true, Some(at(9_400))), "somebody beside us");
        assert!(deafness.take() && !deafness.take());
        assert!(!deafness.at(at(10_000), false, Some(at(1_500))), "the network is back");
        assert!(deafness.at(at(20_000), true, Some(at(1_500))), "and gone again");
    }
}
