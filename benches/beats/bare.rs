//! A bare axum handler that answers `OK`, as a process of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tokio::net::{TcpListener, TcpStream};

const ADDRESS: &str = "127.0.0.1:17690";

/// It, while it runs.
pub(crate) struct Bare(Child);

impl Bare {
    pub(crate) async fn start() -> Self {
        let child = Command::new(std::env::current_exe().unwrap()).args(["bare", ADDRESS]).stdin(Stdio::null()).spawn().unwrap();
        while TcpStream::connect(ADDRESS).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self(child)
    }

    pub(crate) fn address(&self) -> String {
        ADDRESS.to_owned()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

pub(crate) async fn serve(address: &str) {
    let router = Router::new().fallback(any(|| async { "OK" }));
    axum::serve(TcpListener::bind(address).await.unwrap(), router).await.unwrap();
}
