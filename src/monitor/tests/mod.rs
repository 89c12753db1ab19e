//! The steps, on a real store, with moments of the tests' own.

mod blindness;
mod causes;
mod clock_steps;
mod cut_off;
mod dead_channels;
mod ended;
mod following;
mod groups;
mod live;
mod one_fault;
mod outside;
mod own_trouble;
mod quieting;
mod reloads;
mod removed_channels;
mod replicas;
mod silence;
mod stage;
mod standing;
mod stopping;
mod storing;
mod strangers;
mod telling;
