//! Whole-system stories, run on the real executables.

mod harness;

mod channels;
mod commands;
mod control;
mod deaths;
mod deploys;
mod exits;
mod heartbeat;
mod lossless;
mod prober;
mod proxy;
mod recovery;
mod scroll;
mod switch;
mod telling;
mod up;
mod verify;
mod watcher;
mod watchers;
