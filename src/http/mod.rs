//! Beats, API, control, page and metrics over HTTP.

pub mod control;
pub mod error;
pub mod serve;
