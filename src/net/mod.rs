//! Binding, names, Unix sockets, and the HTTP client.

pub mod client;
pub mod listen;
pub mod names;
pub mod reached;
pub mod unix;
