//! The status page, drawn on the server. It shows; it does not act.

mod checks;
mod colours;
mod frame;
mod incidents;
mod notices;
mod words;

pub use frame::{STYLE, draw};
