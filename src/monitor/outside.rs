//! Our own all's well to an address that is not ours: sent only after work has gone on, so that its silence means something.

use std::time::Duration;

use super::engine::Monitor;
use crate::domain::moment::Moment;
use crate::store::outbox;

/// A notice that no channel has taken for so long withholds it.
const HOMELESS: Duration = Duration::from_secs(120);

/// When the last one was sent.
#[derive(Debug, Clone, Copy)]
pub struct Outside {
    last: Moment,
}

impl Outside {
    /// None has been sent; work counts from `now`.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self { last: now }
    }

    /// Why it is withheld; none where it may be sent. Then it counts as sent at `now`.
    pub async fn withheld(&mut self, monitor: &Monitor, now: Moment) -> Option<String> {
        // The clock was set back: what comes now is new.
        self.last = self.last.min(now);
        if !monitor.pulse.advanced_since(self.last) {
            return Some("sweep, courier and commit have not all advanced".into());
        }
        let homeless = match monitor.store.read().await {
            Ok(mut reader) => outbox::homeless(&mut reader, now - HOMELESS).await,
            Err(error) => Err(error),
        };
        match homeless {
            Ok(0) => {
                self.last = now;
                None
            }
            Ok(count) => Some(format!("{count} notices have found no channel")),
            Err(error) => Some(error.to_string()),
        }
    }
}
