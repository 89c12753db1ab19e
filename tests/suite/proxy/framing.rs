//! RFC 9112 on framing, and what smugglers make of it: refused, or read in the one way in which the app reads it too.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::domain::colour::Colour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::front::Front;

const SECONDS: Duration = Duration::from_secs(5);

/// What must become of a request.
enum Fate {
    /// The client hears this, and the app nothing.
    Refused(u16),
    /// The app gets these lines and this body, and nothing else.
    Passed(&'static [&'static str], &'static str),
}

use Fate::{Passed, Refused};

const CASES: &[(&str, &str, Fate)] = &[
    // 6.1 and 6.3: length and coding
    ("two lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", Refused(400)),
    ("a list of two lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1, 2\r\n\r\nab", Refused(400)),
    ("a signed length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: +1\r\n\r\na", Refused(400)),
    ("a negative length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\na", Refused(400)),
    ("a length in hex", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0x1\r\n\r\na", Refused(400)),
    ("a length beyond all numbers", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999\r\n\r\na", Refused(400)),
    ("an empty length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length:\r\n\r\na", Refused(400)),
    (
        "length and coding",
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        Refused(400),
    ),
    (
        "coding and length",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n",
        Refused(400),
    ),
    ("another coding", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\n", Refused(400)),
    ("chunked is not the last", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding before chunked", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused(501)),
    ("chunked twice", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", Refused(501)),
    (
        "two lines of coding",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    ("a coding with a tail", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunkedx\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding in quotes", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: \"chunked\"\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding of HTTP/1.0", "POST / HTTP/1.0\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    // 5.1 and 5.2: lines
    ("a blank before the colon", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length : 1\r\n\r\na", Refused(400)),
    ("a folded line", "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n", Refused(400)),
    ("a line without a colon", "GET / HTTP/1.1\r\nhost: h\r\nno colon\r\n\r\n", Refused(400)),
    ("a nul in a value", "GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n", Refused(400)),
    ("a bare return in a value", "GET / HTTP/1.1\r\nhost: h\r\nx: a\rtransfer-encoding: chunked\r\n\r\n", Refused(400)),
    ("a first line that is blank", "GET / HTTP/1.1\r\n host: h\r\n\r\n", Refused(400)),
    // 3.2: target and host
    ("no host", "GET / HTTP/1.1\r\n\r\n", Refused(400)),
    ("two hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", Refused(400)),
    ("a blank in the target", "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("a version of its own", "GET / HTTP/1.7\r\nhost: h\r\n\r\n", Refused(400)),
    ("a tunnel", "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n", Refused(501)),
    // 7.1: chunks
    ("a chunk longer than it says", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", Refused(400)),
    ("a size that is no number", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nx\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a size that overflows", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", Refused(400)),
    // What is right
    (
        "the same length twice",
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
        Passed(&["content-length: 1"], "a"),
    ),
    (
        "chunks with extensions",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n",
        Passed(&["transfer-encoding: chunked"], "1\r\na\r\n0\r\n\r\n"),
    ),
    ("a GET with a body", "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nab", Passed(&["content-length: 2"], "ab")),
    ("a query as it is", "GET /a%2Fb?c=%20&d=+;e HTTP/1.1\r\nhost: h\r\n\r\n", Passed(&["GET /a%2Fb?c=%20&d=+;e HTTP/1.1"], "")),
    (
        "a length that Connection names",
        "POST / HTTP/1.1\r\nhost: h\r\nconnection: content-length\r\ncontent-length: 1\r\n\r\na",
        Passed(&["content-length: 1"], "a"),
    ),
    ("a host that Connection names", "GET / HTTP/1.1\r\nhost: h\r\nconnection: host\r\n\r\n", Passed(&["host: h"], "")),
];

#[tokio::test]
async fn a_request_is_refused_or_read_as_the_app_reads_it() {
    let front = Front::start("response_header_timeout = \"2s\"").await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let app = listening_app(&front.address(Colour::Blue), Arc::clone(&heard)).await;
    let mut wrong = Vec::new();
    for (name, request, fate) in CASES {
        heard.lock().unwrap().clear();
        let mut client = front.client().await;
        // Whatever follows is another request, and must never be part of this one's body.
        client.send(request).await.unwrap();
        let status = match timeout(SECONDS, client.head()).await {
            Ok(Ok(answer)) => answer.status,
            Ok(Err(_)) => 0,
            Err(_) => panic!("{name}: no answer"),
        };
        let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
        let is_right = match fate {
            // A body that turns out wrong is broken off towards the app, which has then not heard a whole request.
            Refused(wanted) => status == *wanted && !is_whole(&heard),
            Passed(lines, body) => {
                let (head, rest) = heard.split_once("\r\n\r\n").unwrap_or_default();
                let framings = head.lines().filter(|line| line.starts_with("content-length") || line.starts_with("transfer-enc")).count();
                status == 200 && rest == *body && framings <= 1 && lines.iter().all(|wanted| head.lines().any(|line| line == *wanted))
            }
        };
        if !is_right {
            wrong.push(format!("{name}: {status}, and the app heard {heard:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    app.abort();
}

/// A request whose end the app has seen.
fn is_whole(heard: &str) -> bool {
    let Some((head, body)) = heard.split_once("\r\n\r\n") else { return false };
    if head.contains("transfer-encoding") { body.ends_with("0\r\n\r\n") } else { !head.contains("content-length") || !body.is_empty() }
}

/// Notes every byte, and answers when nothing more comes for a moment.
async fn listening_app(address: &str, heard: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).await.expect("a free address");
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = Arc::clone(&heard);
            connections.spawn(async move {
                let mut piece = [0; 4096];
                loop {
                    match timeout(Duration::from_millis(200), stream.read(&mut piece)).await {
                        Ok(Ok(length)) if length > 0 => heard.lock().expect("bytes").extend_from_slice(&piece[..length]),
                        Ok(_) => return,
                        Err(_) => break,
                    }
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
            });
        }
    })
}

#[tokio::test]
async fn an_answer_that_is_ambiguous_never_reaches_the_client() {
    let front = Front::start("").await;
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
    ] {
        let app = saying_app(&front.address(Colour::Blue), answer).await;
        let told = front.client().await.ask("GET", "/", &[], b"").await.unwrap();
        assert_eq!((told.status, told.text().as_str()), (502, "502: blue answered what is no HTTP/1.1\n"), "{answer:?}");
        app.abort();
        let _ = app.await;
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_nobodys_answer() {
    let front = Front::start("").await;
    let app = saying_app(
        &front.address(Colour::Blue),
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nX",
    )
    .await;
    let mut client = front.client().await;
    for _ in 0..3 {
        assert_eq!(client.ask("GET", "/", &[], b"").await.unwrap().text(), "a");
    }
    app.abort();
}

/// Says the same to every request.
async fn saying_app(address: &str, answer: &'static str) -> JoinHandle<()> {
    let listener = TcpListener::bind(address).await.expect("a free address");
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    })
}
