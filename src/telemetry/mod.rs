//! What is said about ourselves: tracing, the daily log file, and every metric in one table.

pub mod day_log;
pub mod logging;
pub mod metrics;
mod settings;

pub use settings::LogSettings;
