//! A world of senders, watchers, a store and channels, in which everything that can go wrong does, as a seed says.

mod channel;
mod cluster;
mod dice;
mod end;
mod fault;
mod ground;
mod idle;
mod judge;
mod plan;
mod post;
mod report;
mod run;
mod sender;
mod step;
mod truth;
mod watcher;
mod world;

pub(crate) use run::run;
