//! Binding, interfaces, names, Unix sockets, the HTTP client, and the service manager.

pub mod client;
mod expiry;
mod getent;
pub mod interfaces;
pub mod listen;
pub mod manager;
pub mod names;
pub mod network;
pub mod parcel;
pub mod passed;
pub mod place;
pub mod plain;
pub mod question;
pub mod reached;
pub mod tls;
pub mod unix;
