//! What every story needs: an address of its own, real processes that end with the test, and waiting for a condition.

mod app;
mod clients;
mod host;
mod marks;
mod process;
mod raw;
mod wait;

pub(crate) use app::{APP_COLOUR, App};
pub(crate) use clients::Crowd;
pub(crate) use host::Host;
pub(crate) use marks::Marks;
pub(crate) use process::Process;
pub(crate) use raw::Raw;
pub(crate) use wait::{eventually, within};
