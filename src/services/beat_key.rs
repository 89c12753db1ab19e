//! The key that signs beats: the config's, else the state directory's, which whoever comes first makes.

use anyhow::Context;

use crate::config::Config;
use crate::files::{self, StateDir};

/// Its text.
///
/// # Errors
/// Where it is named and not there, or cannot be made or read.
pub(super) fn beat_key(config: &Config, state: &StateDir) -> anyhow::Result<String> {
    let named = config.watcher.beat_key.as_ref().map(|secret| secret.reveal_if_set()).transpose().context("watcher.beat_key")?.flatten();
    let path = state.beat_key();
    named.map_or_else(|| files::token(&path).with_context(|| format!("{} cannot be made or read", path.display())), Ok)
}
