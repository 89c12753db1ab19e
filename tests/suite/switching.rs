//! Stories about: what a colour has to show before it goes live and while it is observed, and what is called meanwhile.

mod direct;
mod gate;
mod hooks;
mod observe;
mod streams;
mod websockets;
