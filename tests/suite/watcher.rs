//! The watcher by itself: silence, a store that is locked, kills, bad input, the page.

mod backup;
mod bad_input;
mod day_file;
mod disk;
mod kills;
mod locked;
mod lost;
mod outside;
mod page;
mod server;
mod server_clock;
mod shared;
mod silence;
mod stage;
mod tls;
