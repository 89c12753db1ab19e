//! What the watcher's listener needs.

use std::sync::Arc;

use super::pings::Pings;
use crate::monitor::{Ingest, Monitor};
use crate::signing::Key;

/// What the listener needs.
#[derive(Debug, Clone)]
pub struct Watching {
    /// For reading.
    pub monitor: Monitor,
    /// For beats.
    pub ingest: Ingest,
    /// Signs beats.
    pub key: Key,
    /// Who would not hear of what.
    pub unheard: Arc<Vec<String>>,
    /// For pings.
    pub pings: Arc<Pings>,
}
