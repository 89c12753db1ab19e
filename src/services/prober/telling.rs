//! What the prober tells by itself, while no watcher acknowledges it.

use crate::domain::beat::Beat;

/// The prober's own telling.
#[derive(Debug, Default)]
pub(super) struct Telling {}

impl Telling {
    /// Hears what was observed.
    #[expect(clippy::unused_async, reason = "it will store")]
    pub(super) async fn hear(&self, beat: Beat) {
        tracing::trace!(check = beat.check, "heard");
    }

    /// The channels that were told of the check's present trouble.
    pub(super) fn told(&self, _check: &str) -> Vec<String> {
        Vec::new()
    }
}
