//! Stories about what people see on a terminal, and what scripts read instead.

mod completions;
mod documents;
mod errors;
mod hostile;
mod json;
mod progress;
pub(crate) mod shapes;
mod version;
mod watch;
