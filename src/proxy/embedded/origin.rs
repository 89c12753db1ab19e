//! Where a request comes from.

use std::sync::Arc;

use super::claim::Door;
use super::client::Activity;
use super::peer::Peer;

/// Where a request comes from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) worker: usize,
    pub(super) door: Door,
    pub(super) peer: Arc<Peer>,
    pub(super) activity: Arc<Activity>,
}
