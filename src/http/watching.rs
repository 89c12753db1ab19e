//! What the watcher's listener needs.

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::pings::Pings;
use super::visit::door::Door;
use crate::monitor::orders::ConfigView;
use crate::monitor::{Ingest, Monitor};
use crate::signing::Key;

/// What the listener needs; clones are the same, for every request has one.
#[derive(Debug, Clone)]
pub struct Watching(Arc<Needs>);

impl Watching {
    /// All of it.
    #[must_use]
    pub fn new(needs: Needs) -> Self {
        Self(Arc::new(needs))
    }
}

impl Deref for Watching {
    type Target = Needs;

    fn deref(&self) -> &Needs {
        &self.0
    }
}

/// What there is of it.
#[derive(Debug)]
pub struct Needs {
    /// For reading.
    pub monitor: Monitor,
    /// For beats.
    pub ingest: Ingest,
    /// Signs beats.
    pub key: Key,
    /// Whoever has it may give orders.
    pub token: Arc<str>,
    /// The config that is in force.
    pub config: ConfigView,
    /// Takes orders to read it anew.
    pub reload: mpsc::Sender<oneshot::Sender<Result<ConfigView, String>>>,
    /// Who would not hear of what.
    pub unheard: Arc<Vec<String>>,
    /// For pings.
    pub pings: Arc<Pings>,
    /// For the pages.
    pub door: Arc<Door>,
}
