//! A beat that is let in, on its way to the store.

use super::arrivals::Arrival;
use crate::domain::beat::Beat;
use crate::domain::sent::Sent;

/// A beat whose signature was good, or whose address is known to its sender alone.
#[derive(Debug)]
pub struct Arrived {
    /// The key that signed it; [`PING`] where its address is its key.
    pub key_id: String,
    /// What it says.
    pub beat: Beat,
    /// When it arrived; held until it is committed.
    pub arrival: Arrival,
    /// How it came.
    pub sent: Sent,
}

/// In place of the key id of what came by a ping URL.
pub const PING: &str = "ping";
