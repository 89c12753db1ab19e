//! What every story needs: an address of its own, real processes that end with the test, and waiting for a condition.

mod host;
mod process;
mod wait;

pub(crate) use host::Host;
pub(crate) use process::Process;
pub(crate) use wait::{eventually, within};
