//! HTTP over a Unix socket: a request, a JSON answer, and the connection stays for the next one.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::client::io_words;

/// Answers larger than this are refused.
const LARGEST: usize = 16 * 1024 * 1024;
/// So many connections are kept: nobody of ours asks for more at a time.
const KEPT: usize = 2;

/// Why a request over a Unix socket failed.
#[derive(Debug, thiserror::Error)]
pub enum UnixError {
    /// Nobody answers there, or not in time.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that is not a success: its status and what it said.
    #[error("{1}")]
    Refused(StatusCode, String),
}

/// Whoever listens on a Unix socket. To connect takes as long as to ask, so connections are kept; one that the other side has closed, or
/// that leads to somebody who does not listen there any more, is not used.
#[derive(Debug, Clone)]
pub struct Lines {
    socket: Arc<Path>,
    idle: Arc<Mutex<Vec<Line>>>,
}

impl Lines {
    /// To the socket at this path.
    #[must_use]
    pub fn to(socket: &Path) -> Self {
        Self { socket: socket.into(), idle: Arc::default() }
    }

    /// Where it is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sends one request, with a JSON body if given, and reads the JSON answer.
    ///
    /// # Errors
    /// Where nobody answers within `limit`, or where the answer is not a success.
    pub async fn request<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        limit: Duration,
    ) -> Result<A, UnixError> {
        let unreachable = |error: String| UnixError::Unreachable(error);
        let body = body.map(serde_json::to_vec).transpose().map_err(|error| unreachable(error.to_string()))?.unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| unreachable(error.to_string()))?;
        let (status, bytes) = timeout(limit, self.exchange(request)).await.map_err(|_| unreachable("no answer in time".to_owned()))??;
        if !status.is_success() {
            return Err(UnixError::Refused(status, String::from_utf8_lossy(&bytes).into_owned()));
        }
        serde_json::from_slice(&bytes).map_err(|error| unreachable(format!("the answer was not understood: {error}")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), UnixError> {
        let mut line = match self.kept().await {
            Some(line) => line,
            None => Line::open(&self.socket).await?,
        };
        let answer = line.ask(request).await?;
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(line);
        }
        Ok(answer)
    }

    /// One that is still open, and leads to whoever listens there now, if there is any.
    async fn kept(&self) -> Option<Line> {
        loop {
            let mut line = self.idle().pop()?;
            if line.leads_to == identity(&self.socket) && line.is_open().await {
                return Some(line);
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, which does nothing unless it is asked.
#[derive(Debug)]
struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<UnixStream>, Full<Bytes>>,
    /// The same connection, to be looked at past whoever reads it.
    end: OwnedFd,
    leads_to: Identity,
}

/// Which socket a path leads to: device, number, and when that was last changed. None where it leads nowhere.
type Identity = Option<(u64, u64, i64, i64)>;

/// A number alone may be another socket's by now.
fn identity(socket: &Path) -> Identity {
    let at = std::fs::symlink_metadata(socket).ok()?;
    Some((at.dev(), at.ino(), at.ctime(), at.ctime_nsec()))
}

impl Line {
    async fn open(socket: &Path) -> Result<Self, UnixError> {
        let unreachable = |error: io::Error| UnixError::Unreachable(io_words(&error));
        // Before: where somebody takes the place meanwhile, it is asked for again, and not missed.
        let leads_to = identity(socket);
        let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
        let end = stream.as_fd().try_clone_to_owned().map_err(unreachable)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        Ok(Self { sender, connection, end, leads_to })
    }

    /// Whoever has nothing to answer says something only by closing.
    async fn is_open(&mut self) -> bool {
        if poll(&mut [PollFd::new(&self.end, PollFlags::IN)], Some(&Timespec::default())) != Ok(0) {
            return false;
        }
        match select(pin!(&mut self.connection), pin!(self.sender.ready())).await {
            Either::Left(_) => false,
            Either::Right((ready, _)) => ready.is_ok(),
        }
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), UnixError> {
        let answered = async {
            let answer = self.sender.send_request(request).await.map_err(broken)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| UnixError::Unreachable(error.to_string()))
        };
        // On one task: another one for the connection would have to be woken for each step.
        match select(pin!(answered), pin!(&mut self.connection)).await {
            Either::Left((answer, _)) => answer,
            Either::Right((_, answered)) => answered.await,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn broken(error: hyper::Error) -> UnixError {
    UnixError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::sync::mpsc::channel;
    use std::thread;

    use hyper::Response;
    use hyper::body::Incoming;
    use hyper::server::conn::http1 as server;
    use hyper::service::service_fn;
    use tokio::net::UnixListener;
    use tokio::sync::Notify;
    use tokio::task::JoinSet;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Listens there and answers with the number of the connection, to `/late` when it is told to; until it is dropped.
    fn listening(socket: &Path, told: Arc<Notify>) -> JoinSet<()> {
        let listener = UnixListener::bind(socket).unwrap();
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (number, told) = (connections.len() + 1, Arc::clone(&told));
                connections.spawn(server::Builder::new().serve_connection(
                    TokioIo::new(stream),
                    service_fn(move |request: Request<Incoming>| {
                        let told = Arc::clone(&told);
                        async move {
                            if request.uri().path() == "/late" {
                                told.notified().await;
                            }
                            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(number.to_string()))))
                        }
                    }),
                ));
            }
        });
        listening
    }

    async fn ask(lines: &Lines, path: &str) -> Result<u32, UnixError> {
        lines.request(Method::GET, path, None::<&()>, LIMIT).await
    }

    #[tokio::test]
    async fn a_connection_serves_one_request_after_the_other_and_two_at_a_time_have_two() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, told) = (folder.path().join("x.sock"), Arc::new(Notify::new()));
        let _listening = listening(&socket, Arc::clone(&told));
        let lines = Lines::to(&socket);
        for _ in 0..3 {
            assert_eq!(ask(&lines, "/").await.unwrap(), 1);
        }
        let first = ask(&lines, "/late");
        let second = async {
            let second = ask(&lines.clone(), "/").await;
            told.notify_one();
            second
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
    }

    #[tokio::test]
    async fn whoever_listens_there_by_now_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("x.sock");
        let lines = Lines::to(&socket);
        for _ in 0..3 {
            let mut former = listening(&socket, Arc::default());
            assert_eq!(ask(&lines, "/").await.unwrap(), 1);
            former.shutdown().await;
            std::fs::remove_file(&socket).unwrap();
        }
        assert!(matches!(ask(&lines, "/").await, Err(UnixError::Unreachable(_))), "nobody does");
    }

    #[tokio::test]
    async fn whoever_has_given_up_the_place_is_not_asked_though_it_would_answer() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("x.sock");
        let lines = Lines::to(&socket);
        let _former = listening(&socket, Arc::default());
        assert_eq!(ask(&lines, "/").await.unwrap(), 1);
        std::fs::remove_file(&socket).unwrap();
        assert!(matches!(ask(&lines, "/").await, Err(UnixError::Unreachable(_))), "nobody listens there");
        let _latter = listening(&socket, Arc::default());
        assert_eq!(ask(&lines, "/").await.unwrap(), 1);
    }

    #[tokio::test]
    async fn one_that_was_closed_a_moment_ago_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("x.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let lines = Lines::to(&socket);
        for number in 1..=3 {
            let (listener, (answered, is_answered)) = (listener.try_clone().unwrap(), channel());
            let answers_once = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}").unwrap();
                is_answered.recv().unwrap();
                // A program that another test is about to start would keep it open for a moment.
                stream.shutdown(Shutdown::Both).unwrap();
            });
            assert_eq!(ask(&lines, "/").await.unwrap(), number);
            answered.send(()).unwrap();
            // Nothing else runs here meanwhile: the runtime has not heard of it.
            answers_once.join().unwrap();
        }
    }

    #[tokio::test]
    async fn what_was_not_answered_in_time_is_not_taken_for_the_next_answer() {
        let folder = tempfile::tempdir().unwrap();
        let (socket, told) = (folder.path().join("x.sock"), Arc::new(Notify::new()));
        let _listening = listening(&socket, Arc::clone(&told));
        let lines = Lines::to(&socket);
        let late = lines.request::<u32>(Method::GET, "/late", None::<&()>, Duration::from_millis(50)).await;
        assert!(matches!(late, Err(UnixError::Unreachable(_))), "{late:?}");
        told.notify_one();
        assert_eq!(ask(&lines, "/").await.unwrap(), 2);
    }
}
