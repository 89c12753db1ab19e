//! Stories about: what a colour has to show before it goes live, and while it is observed.

mod gate;
mod observe;
