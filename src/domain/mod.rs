//! What allswell decides: pure functions of a state and a moment. No I/O, no async, no clock, no logging.

pub mod acknowledgement;
pub mod beat;
pub mod calendar;
pub mod check;
pub mod clock_step;
pub mod colour;
pub mod container;
pub mod flip;
pub mod follow_up;
pub mod gate;
pub mod grouping;
pub mod incident;
pub mod instance;
pub mod maintenance;
pub mod moment;
pub mod notice;
pub mod quiet;
pub mod retry;
pub mod role;
pub mod roster;
pub mod schedule;
pub mod severity;
pub mod status;
pub mod switch;
pub mod trouble;
pub mod vigil;
