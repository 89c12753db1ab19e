//! The wiring of the up.

use crate::config::Config;
use crate::files::StateDir;

/// A up that is bound and not yet running.
#[derive(Debug)]
pub struct Up {}

impl Up {
    /// Binds everything.
    ///
    /// # Errors
    /// Where something cannot be bound, opened or read; says what to do.
    pub async fn build(_config: &Config, _state: &StateDir) -> anyhow::Result<Self> {
        anyhow::bail!("not there yet")
    }

    /// Where it listens: a name and an address each, for the log and for tests.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Runs until `shutdown`, then ends in order.
    ///
    /// # Errors
    /// Where it could not go on.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        shutdown.await;
        Ok(())
    }
}
