//! Beats, API, control, page and metrics over HTTP.

pub mod beats;
pub mod control;
pub mod error;
pub mod orders;
pub mod page;
pub mod serve;
pub mod watcher;
pub mod watching;
