//! The connections of a listener, in the clear or by TLS, of HTTP/1.1 or HTTP/2: each has its time to say what it wants and to take what it
//! asked for, and ends in order.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::requests::{Answers, Requests};
use super::worker::Worker;
use crate::net::listen;

/// Where there are no more descriptors, there are some again after a while.
const BREATH: Duration = Duration::from_millis(500);
/// How a client begins that speaks HTTP/2 without having agreed on it (RFC 9113, 3.4).
const HTTP2: &[u8] = b"PRI * HTTP/2.0";
/// Requests at a time on one connection of HTTP/2.
const STREAMS: u32 = 64;
/// A longer head of a request is refused.
const LONGEST_HEAD: u32 = 64 * 1024;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Whoever has connected says something within this time, and has agreed on TLS within as much again.
    first_word: Duration,
    /// Whoever has connected says something within this time once we end.
    last_word: Duration,
    /// Whoever has no request under way for so long, at most twice as long, is cut; longer than clients keep a connection that nobody uses.
    rest: Duration,
    /// Whoever takes nothing of an answer for so long is gone.
    untaken: Duration,
}

const PATIENCE: Patience = Patience {
    first_word: Duration::from_secs(10),
    last_word: Duration::from_secs(1),
    rest: Duration::from_secs(120),
    untaken: Duration::from_secs(30),
};

/// Serves until `shutdown`, then lets what is running finish. By TLS alone where there is a config for it.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    answers: impl Into<Answers>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let room = Arc::new(Semaphore::new(listen::room()));
    let served = Served { tls: tls.map(TlsAcceptor::from), patience: PATIENCE };
    accept(listener, &Worker::all(answers.into()), served, room, shutdown).await;
}

/// What each connection is served.
#[derive(Clone)]
struct Served {
    tls: Option<TlsAcceptor>,
    patience: Patience,
}

async fn accept(
    listener: TcpListener,
    workers: &[Worker],
    served: Served,
    room: Arc<Semaphore>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut turns = workers.iter().cycle();
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // One too many is closed at once: the store and the channels need descriptors, too.
                    let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
                    let (Ok(stream), Some(worker)) = (stream.into_std(), turns.next()) else { continue };
                    let serving = taken(stream, peer, worker.answers.clone(), served.clone(), stopped.clone());
                    connections.spawn_on(
                        async move {
                            serving.await;
                            drop(place);
                        },
                        &worker.runtime,
                    );
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!("no connection can be taken: {error}");
                    sleep(BREATH).await;
                }
            },
        }
    }
    stop.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// On the runtime that serves it.
async fn taken(stream: std::net::TcpStream, peer: SocketAddr, answers: Answers, served: Served, stopped: watch::Receiver<bool>) {
    match TcpStream::from_std(stream) {
        Ok(stream) => connection(stream, Requests::new(answers, peer), served, stopped).await,
        Err(error) => tracing::error!("a connection of {peer} cannot be served: {error}"),
    }
}

async fn connection(stream: TcpStream, requests: Requests, served: Served, stopped: watch::Receiver<bool>) {
    let patience = served.patience;
    let mut ears = [0; HTTP2.len()];
    // Whoever was taken is served once, also at the end: its request may be on its way.
    let mut at_the_end = stopped.clone();
    let ending = async {
        let _ = at_the_end.wait_for(|stopped| *stopped).await;
        sleep(patience.last_word).await;
    };
    tokio::select! {
        said = timeout(patience.first_word, stream.peek(&mut ears)) => if !matches!(said, Ok(Ok(1..))) { return },
        () = ending => return,
    }
    // Answers are small: they wait for nothing. Where that cannot be set, they are later and no worse; nor is who takes nothing.
    let _ = stream.set_nodelay(true);
    let _ = set_tcp_user_timeout(&stream, u32::try_from(patience.untaken.as_millis()).unwrap_or(u32::MAX));
    let Some(tls) = served.tls else { return speak(stream, ears == HTTP2, requests, patience, stopped).await };
    // Somebody who asks for it in the clear would never know why nobody answers.
    let Ok(Ok(stream)) = timeout(patience.first_word, tls.accept(stream)).await else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    speak(stream, is_http2, requests, patience, stopped).await;
}

async fn speak<S>(stream: S, is_http2: bool, requests: Requests, patience: Patience, stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(stream);
    let rest = requests.clone().rest(patience.rest);
    if is_http2 {
        let mut server = http2::Builder::new(TokioExecutor::new());
        server.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(LONGEST_HEAD);
        until_it_ends(server.serve_connection(stream, requests), rest, stopped).await;
    } else {
        let mut server = http1::Builder::new();
        // Who rests is cut as with HTTP/2, and not by a timer that is made anew for each head.
        server.header_read_timeout(None);
        until_it_ends(server.serve_connection(stream, requests), rest, stopped).await;
    }
}

/// How a client ends a connection is its own affair.
async fn until_it_ends<C: GracefulConnection>(connection: C, rest: impl Future<Output = ()>, mut stopped: watch::Receiver<bool>) {
    let mut serving = pin!(connection);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = rest => return,
        _ = stopped.wait_for(|stopped| *stopped) => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SHORT: Duration = Duration::from_millis(150);
    const HASTE: Patience = Patience { first_word: SHORT, last_word: SHORT, rest: SHORT, untaken: SHORT };
    const DEADLINE: Duration = Duration::from_secs(20);

    /// A listener with so much room; it serves more than a connection holds.
    async fn listener(room: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "well" })).route("/large", get(|| async { vec![b'x'; 64 << 20] }));
        let served = Served { tls: None, patience: HASTE };
        let accepting = async move {
            let workers = Worker::all(router.into());
            accept(listener, &workers, served, Arc::new(Semaphore::new(room)), std::future::pending()).await;
        };
        tokio::spawn(accepting);
        address
    }

    /// Says this and waits until the other side has closed; what was heard before.
    async fn heard_until_closed(address: SocketAddr, words: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words).await.unwrap();
        let mut heard = Vec::new();
        // A reset is an end, too.
        let _ = timeout(DEADLINE, stream.read_to_end(&mut heard)).await.expect("it is cut");
        heard
    }

    #[tokio::test]
    async fn whoever_says_nothing_or_half_of_it_is_cut() {
        let address = listener(10).await;
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for words in [b"".as_slice(), b"GET / HTTP/1.1\r\nhost: x\r\nx-slow", b"PRI * HTTP/2.0\r\n\r\nSM\r\n", preface] {
            heard_until_closed(address, words).await;
        }
        let well = heard_until_closed(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(well.ends_with(b"well"), "and what was asked before is answered");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn connections_are_served_by_workers_in_turn_and_the_router_stays_at_home() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let where_it_runs = || async { format!("{:?}", tokio::runtime::Handle::current().runtime_flavor()) };
        let answers = Answers::from(Router::new().route("/", get(where_it_runs)));
        let workers = [Worker::start(0, &answers).unwrap(), Worker::start(1, &answers).unwrap()];
        let served = Served { tls: None, patience: HASTE };
        let accepting = tokio::spawn(async move {
            let over = async { _ = stopped.await };
            accept(listener, &workers, served, Arc::new(Semaphore::new(10)), over).await;
        });
        for _ in 0..4 {
            let heard = heard_until_closed(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
            assert!(heard.ends_with(b"MultiThread"), "{}", String::from_utf8_lossy(&heard));
        }
        stop.send(()).unwrap();
        timeout(DEADLINE, accepting).await.expect("it ends when its connections have").unwrap();
    }

    #[tokio::test]
    async fn whoever_takes_nothing_of_its_answer_is_cut() {
        let address = listener(1).await;
        let mut stuck = TcpStream::connect(address).await.unwrap();
        stuck.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let room_again = async {
            while !heard_until_closed(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.ends_with(b"well") {
                sleep(SHORT).await;
            }
        };
        timeout(DEADLINE, room_again).await.expect("its place is free again, though it keeps the connection");
    }

    #[tokio::test]
    async fn one_too_many_is_closed_at_once() {
        let address = listener(0).await;
        assert_eq!(heard_until_closed(address, b"").await, b"");
    }
}
