//! What every config section is made of: durations, secrets, and errors with lines.

mod address;
mod app;
mod duration;
mod keys;
mod secret;
mod section;
mod words;

pub use address::{address, address_or};
pub use app::{AppSettings, ColourSettings};
pub use duration::{NotADuration, parse_duration};
pub use keys::Keys;
pub use secret::{Secret, SecretError};
pub use section::{Document, Problem, Section};
pub use words::words;
