//! Beats, API, control, page and metrics over HTTP.

mod alertmanager;
mod api;
pub mod beats;
mod body;
pub mod connections;
pub mod control;
pub mod directory;
pub mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub mod keys;
pub mod orders;
mod origin;
mod pace;
pub mod page;
mod ping;
mod ping_answer;
mod ping_url;
pub mod pings;
mod previews;
mod readers;
pub mod requests;
pub mod serve;
pub mod visit;
pub mod watcher;
pub mod watching;
mod worker;
