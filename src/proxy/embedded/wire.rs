//! What a client's bytes go over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A client's connection, in the clear or over TLS.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes what the caller shuts the connection down behind, at once: the one may go with the other.
    fn poll_write_last(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write(cx, bytes)
    }
}

impl Wire for TcpStream {
    /// One packet, where there would be one for the bytes and one for the end. An end that does not come is not waited for longer than 200 ms.
    fn poll_write_last(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            let sent = self.try_io(Interest::WRITABLE, || Ok(send(&*self, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?));
            if !matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return Poll::Ready(sent);
            }
        }
    }
}

impl Wire for TlsStream<TcpStream> {}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Read;
    use std::net;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_said_last_goes_with_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut is_kept_back = false;
        // What this thread takes 200 ms for is not kept back so long.
        for _ in 0..20 {
            let mut client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let mut server = listener.accept().await.unwrap().0;
            let written = poll_fn(|cx| Pin::new(&mut server).poll_write_last(cx, b"bye")).await;
            client.set_nonblocking(true).unwrap();
            is_kept_back |= matches!(client.read(&mut [0; 8]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            assert_eq!(written.unwrap(), 3);
            server.shutdown().await.unwrap();
            client.set_nonblocking(false).unwrap();
            if is_kept_back {
                let mut heard = String::new();
                client.read_to_string(&mut heard).unwrap();
                return assert_eq!(heard, "bye");
            }
        }
        panic!("it was never kept back");
    }
}
