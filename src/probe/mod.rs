//! One file a protocol: target to observation. Probes try once; whether to try again is not theirs to decide.

mod settings;

pub use settings::ProbeSettings;
