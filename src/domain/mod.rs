//! What allswell decides: pure functions of a state and a moment. No I/O, no async, no clock, no logging.

pub mod beat;
pub mod calendar;
pub mod check;
pub mod colour;
pub mod container;
pub mod flip;
pub mod gate;
pub mod incident;
pub mod instance;
pub mod moment;
pub mod notice;
pub mod retry;
pub mod role;
pub mod roster;
pub mod run;
pub mod schedule;
pub mod sent;
pub mod severity;
pub mod status;
pub mod strangers;
pub mod switch;
pub mod trouble;
pub mod vigil;
