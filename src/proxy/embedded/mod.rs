//! Our own proxy, on hyper: a request claims its colour, is forwarded, and is counted until its answer has gone.

mod address;
mod answer;
mod claim;
mod client;
mod control;
mod forward;
mod headers;
mod listener;
mod lookup;
mod metrics;
mod pool;
mod running;
mod shift;
mod state_file;
mod trouble;
mod tunnel;
mod upload;
mod upstream;
mod websocket;
mod wiring;

pub use metrics::refresh as refresh_metrics;
pub use state_file::StateError;
pub use wiring::{BuildError, Embedded, Look};
