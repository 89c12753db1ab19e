//! Our own proxy, on hyper: a request claims its colour, is forwarded, and is counted until its answer has gone.

mod access_log;
mod address;
mod answer;
mod chunked;
mod claim;
mod client;
mod connection;
mod control;
mod doors;
mod forward;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod head;
mod headers;
mod http1;
mod lease;
mod listener;
mod lookup;
mod malformed;
mod metrics;
mod noted;
mod outgoing;
mod pages;
mod pause;
mod pool;
mod record;
mod redirect;
mod refused;
mod running;
mod said;
mod share;
mod shared;
mod shift;
mod standing;
mod state_file;
mod target;
mod trouble;
mod tunnel;
mod upstream;
mod websocket;
mod wiring;
mod worker;

pub use doors::DoorError;
pub use metrics::refresh as refresh_metrics;
pub use state_file::StateError;
pub use wiring::{BuildError, Embedded, Look};
