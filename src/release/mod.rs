//! Deploy and switch, each told as a story; the journal; the client of the prober's control.

mod settings;

pub use settings::{ProberSettings, SwitchSettings};
