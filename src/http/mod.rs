//! Beats, API, control, page and metrics over HTTP.

pub mod error;
pub mod serve;
