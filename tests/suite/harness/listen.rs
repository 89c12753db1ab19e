//! A listener of a test's own part.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::wait::eventually;

/// Listens there. Waits while the address is taken: a child that another test starts holds every socket of this process
/// from its fork to its exec, also one that was closed in between.
pub(crate) async fn listen(address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().expect("an address with a port");
    eventually(&format!("{address} is free"), || async move {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => None,
            bound => Some(bound.expect("an address of this machine")),
        }
    })
    .await
}
