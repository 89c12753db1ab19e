//! One file a protocol: target to observation. Probes try once; whether to try again is not theirs to decide.

pub mod http;
pub mod local;
mod settings;
mod wanted;
pub mod websocket;

pub use http::{HttpProbe, Probed, Target, held_up};
pub use settings::ProbeSettings;
pub use wanted::{Heard, Wanted};
