//! Whole-system stories, run on the real executables.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a story that cannot go on ends, and says why")]

mod harness;

mod alarms;
mod bad_input;
mod channels;
mod clocks;
mod commands;
mod control;
mod deaths;
mod deploys;
mod docker;
mod exits;
mod heartbeat;
mod kills;
mod lossless;
mod names;
mod page;
mod pings;
mod places;
mod power_cuts;
mod prober;
mod prometheus;
mod proxies;
mod proxy;
mod recovery;
mod replicas;
mod runtimes;
mod schedule;
mod scroll;
mod start;
mod store;
mod switch;
mod switching;
mod telling;
mod terminal;
mod up;
mod verify;
mod watcher;
mod watchers;
