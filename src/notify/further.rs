//! The channels of watcher and prober that a heartbeat does not have: behind a pointer, so that it does not carry what sends to them.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::receipt::{Receipt, SendError};
use crate::domain::notice::Notice;

/// An attempt under way.
pub(super) type Sending<'a> = BoxFuture<'a, Result<Receipt, SendError>>;

/// What sends to somebody.
pub(super) trait Further: Send + Sync {
    /// Sends once.
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a>;

    /// Sends once, where the receipt of the first notice of the same incident is known: what follows may stand under it.
    fn send_after<'a>(&'a self, notice: &'a Notice, _earlier: Option<&'a str>) -> Sending<'a> {
        self.send(notice)
    }

    /// How often it is to be told again what it has taken and what is not over: it forgets. None: it does not.
    fn again_every(&self) -> Option<Duration> {
        None
    }

    /// Says again of what it has taken that it is not over; or, where `is_over`, that it is. Nothing to who does not forget.
    fn send_again<'a>(&'a self, _taken: &'a [Notice], _is_over: bool) -> Sending<'a> {
        Box::pin(async { Ok(Receipt(String::new())) })
    }
}
