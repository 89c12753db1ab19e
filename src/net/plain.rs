//! HTTP in the clear to a part of ours: a connection for each request, driven by whoever asks. A command asks so, and waits for nothing that TLS, a
//! pool or another task would need first.

use std::pin::pin;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap};
use hyper::http::request::Builder;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::client::{io_words, root_words};
use super::names::connect;

/// What moves the bytes of one request; none once it has ended.
type Connection = Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>;

/// An answer whose body is still coming.
#[derive(Debug)]
pub struct Answer {
    response: Response<Incoming>,
    connection: Connection,
}

/// A connection over which nothing was asked yet.
#[derive(Debug)]
pub struct Opened {
    at: String,
    sender: http1::SendRequest<Full<Bytes>>,
    connection: Connection,
}

/// Sends a request to whoever listens there (`HOST:PORT`), and reads the head of the answer.
///
/// # Errors
/// Why there is none, in the user's words.
pub async fn ask(at: &str, request: Builder, body: Vec<u8>) -> Result<Answer, String> {
    open(at).await?.ask(request, body).await
}

/// Connects to whoever listens there (`HOST:PORT`).
///
/// # Errors
/// Why not, in the user's words.
pub async fn open(at: &str) -> Result<Opened, String> {
    let stream = connect(at).await.map_err(|error| io_words(&error))?;
    // What is written is the whole request: there is nothing for which it should wait.
    stream.set_nodelay(true).map_err(|error| io_words(&error))?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| root_words(&error))?;
    Ok(Opened { at: at.to_owned(), sender, connection: Some(connection) })
}

impl Opened {
    /// Sends a request, and reads the head of the answer.
    ///
    /// # Errors
    /// As [`ask`].
    pub async fn ask(mut self, request: Builder, body: Vec<u8>) -> Result<Answer, String> {
        let request = request.header(HOST, self.at).body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
        let response = driving(&mut self.connection, self.sender.send_request(request)).await.map_err(|error| root_words(&error))?;
        Ok(Answer { response, connection: self.connection })
    }
}

/// Waits for what the connection brings. How that ends, whoever waits hears by himself.
async fn driving<T>(connection: &mut Connection, brought: impl Future<Output = T>) -> T {
    let brought = pin!(brought);
    let Some(moving) = connection else { return brought.await };
    match select(brought, moving).await {
        Either::Left((brought, _)) => brought,
        Either::Right((_, brought)) => {
            *connection = None;
            brought.await
        }
    }
}

impl Answer {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// What comes next of the body; none at its end.
    ///
    /// # Errors
    /// Why it broke off, in the user's words.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, String> {
        while let Some(frame) = driving(&mut self.connection, self.response.frame()).await {
            if let Ok(piece) = frame.map_err(|error| root_words(&error))?.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// The whole body.
    ///
    /// # Errors
    /// Why it broke off, in the user's words.
    pub async fn whole(mut self) -> Result<Bytes, String> {
        let body = driving(&mut self.connection, self.response.into_body().collect()).await;
        body.map(Collected::to_bytes).map_err(|error| root_words(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use hyper::Request;

    use super::*;

    /// Answers one request with this, and says what it was.
    fn answering(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let answers = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(b"an order") {
                let mut piece = [0; 1024];
                let count = stream.read(&mut piece).unwrap();
                heard.extend_from_slice(&piece[..count]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(heard).unwrap()
        });
        (at, answers)
    }

    async fn order(at: &str) -> Result<Answer, String> {
        ask(at, Request::post("/v1/switch"), b"an order".to_vec()).await
    }

    #[tokio::test]
    async fn an_answer_is_heard_piece_by_piece_and_how_it_broke_off() {
        let (at, answers) = answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        let mut answer = order(&at).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.piece().await.unwrap().unwrap(), "first");
        let request = answers.join().unwrap();
        assert!(request.starts_with("POST /v1/switch HTTP/1.1\r\n") && request.contains(&format!("host: {at}\r\n")), "{request}");
        assert_eq!(answer.piece().await.unwrap_err(), "connection closed before the answer");
    }

    #[tokio::test]
    async fn an_answer_is_had_as_a_whole_and_has_an_end() {
        let (at, _answers) = answering("HTTP/1.1 409 Conflict\r\ncontent-length: 4\r\n\r\nlate");
        assert_eq!(order(&at).await.unwrap().whole().await.unwrap(), "late");
        let (at, _answers) = answering("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone");
        let mut answer = order(&at).await.unwrap();
        assert_eq!(answer.piece().await.unwrap().unwrap(), "done");
        assert_eq!(answer.piece().await.unwrap(), None);
    }

    #[tokio::test]
    async fn why_nobody_answers_is_said_in_the_users_words() {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        assert_eq!(order(&at).await.unwrap_err(), "connection refused");
        assert!(order("nowhere.invalid:7701").await.unwrap_err().contains("lookup"), "the hint goes by this word");
    }
}
