//! Stories about the embedded proxy: the real executable in front of two small apps.

mod faults;
mod forwarding;
mod front;
mod shifting;
mod states;
