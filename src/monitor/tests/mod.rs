//! The steps, on a real store, with moments of the tests' own.

mod blindness;
mod causes;
mod clock_steps;
mod cut_off;
mod dead_channels;
mod following;
mod groups;
mod live;
mod one_fault;
mod outside;
mod quieting;
mod removed_channels;
mod replicas;
mod silence;
mod stage;
mod storing;
mod telling;
