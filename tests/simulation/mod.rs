//! A world of senders, watchers, a store and channels, in which everything that can go wrong does, as a seed says.

mod channel;
mod cluster;
mod dice;
mod end;
mod fault;
mod flicker;
mod ground;
mod idle;
mod judge;
mod operator;
mod over;
mod plan;
mod post;
mod report;
mod run;
mod sender;
mod step;
mod truth;
mod watcher;
mod world;

#[allow(unused_imports, reason = "the example runs many, and the tests one as well")]
pub(crate) use run::{run, run_all};
