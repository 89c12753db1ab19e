//! One worker's part of an address: its connections there, and how many requests they carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::connection::Connection;
use super::pool::Pool;
use crate::clock;

/// On cache lines of its own: no other worker writes to it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Share {
    in_flight: AtomicUsize,
    pub(super) pool: Pool<Connection>,
}

/// One request at an address, from the attempt to connect until its answer has ended.
#[derive(Debug)]
pub(super) struct Busy(Arc<Share>);

impl Share {
    /// How many requests there are.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Busy {
    /// One more.
    pub(super) fn new(share: &Arc<Share>) -> Self {
        share.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(share))
    }

    /// Whether it is one of these.
    pub(super) fn is_of(&self, share: &Arc<Share>) -> bool {
        Arc::ptr_eq(&self.0, share)
    }

    /// Keeps a connection for another request.
    pub(super) fn put(&self, connection: Connection) {
        self.0.pool.put(connection, clock::elapsed());
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
