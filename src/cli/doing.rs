//! What a command does until it has ended.

use std::pin::Pin;

use super::exit::Outcome;

/// In a box: a future that may be any command's is as large as the largest.
pub(super) type Doing<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// What this one does. Each has a frame of its own, so that a command touches the pages of no other's.
#[inline(never)]
pub(super) fn doing<'a, D: Future<Output = Outcome> + 'a>(begin: impl FnOnce() -> D) -> Doing<'a> {
    Box::pin(begin())
}
