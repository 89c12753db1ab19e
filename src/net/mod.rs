//! Binding, Unix sockets, and the HTTP client.

pub mod client;
pub mod listen;
pub mod unix;
