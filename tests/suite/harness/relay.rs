//! A way to a server that can be cut: whatever is on it then never arrives, and nobody is told.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::listen::listen;

/// Carries TCP connections to a Unix socket, until it is dropped.
pub(crate) struct Relay {
    /// How often it was cut; an odd number is that it is cut now.
    cuts: Arc<watch::Sender<u32>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Relay {
    /// From this address to this socket.
    pub(crate) async fn start(from: &str, to: PathBuf) -> Self {
        let listener = listen(from).await;
        let cuts = Arc::new(watch::Sender::new(0));
        let watched = Arc::clone(&cuts);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(stream, to.clone(), watched.subscribe()));
            }
        });
        Self { cuts, serving }
    }

    /// From now on nothing arrives.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// New connections arrive again; those of before the cut never say another word.
    pub(crate) fn mend(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn carry(mut stream: TcpStream, to: PathBuf, mut cuts: watch::Receiver<u32>) {
    let is_whole = cuts.borrow_and_update().is_multiple_of(2);
    if is_whole && let Ok(mut server) = UnixStream::connect(to).await {
        tokio::select! {
            _ = copy_bidirectional(&mut stream, &mut server) => return,
            _ = cuts.changed() => {}
        }
        // The server has seen the end; our side of it is never told.
        drop(server);
    }
    std::future::pending::<()>().await;
}
