//! Stories about the embedded proxy: the real executable in front of two small apps.

mod faults;
mod forwarding;
mod framing;
mod front;
mod limits;
mod pauses;
mod shifting;
mod states;
mod tls;
