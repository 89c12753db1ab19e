//! Stories about the embedded proxy: the real executable in front of two small apps.

mod answers;
mod faults;
mod forwarding;
mod framing;
mod front;
mod h2;
mod limits;
mod pauses;
mod shifting;
mod states;
mod tls;
mod uploads;
