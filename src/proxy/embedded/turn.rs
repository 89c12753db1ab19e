//! How much a client moves at a time, so that whoever shares its worker is not kept waiting.

use std::pin::pin;
use std::task::{Context, Poll};

use tokio::task::yield_now;

/// So many bytes are one turn: about a tenth of a millisecond.
const LENGTH: usize = 128 * 1024;

/// A client's turn, which ends by itself where the client is waited for.
#[derive(Debug, Default)]
pub(super) struct Turn {
    moved: usize,
}

impl Turn {
    /// Ready while the turn lasts. Pending once behind it: its task is woken when all others have had theirs, also those of whom the operating system
    /// has yet to tell.
    pub(super) fn poll_lasts(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.moved < LENGTH {
            return Poll::Ready(());
        }
        self.moved = 0;
        pin!(yield_now()).poll(cx)
    }

    /// So many bytes were moved.
    pub(super) fn moves(&mut self, length: usize) {
        self.moved += length;
    }

    /// The client is waited for: whatever comes next is another turn.
    pub(super) fn ends(&mut self) {
        self.moved = 0;
    }
}
