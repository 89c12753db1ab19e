//! RFC 9112 on framing, and what smugglers make of it: refused, or read in the one way in which the app reads it too.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::domain::colour::Colour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::front::Front;
use crate::harness::listen;

const SECONDS: Duration = Duration::from_secs(5);

/// What must become of a request.
enum Fate {
    /// The client hears this, and the app nothing.
    Refused(u16),
    /// The app hears the beginning, and never an end.
    Unended,
    /// The app gets these lines and this body, and nothing else.
    Passed(&'static [&'static str], &'static str),
}

use Fate::{Passed, Refused, Unended};

const CASES: &[(&str, &str, Fate)] = &[
    // 6.1 and 6.3: length and coding. Where both are given the coding counts, and the app never sees the length.
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
        Passed(&["transfer-encoding: chunked"], "1\r\na\r\n0\r\n\r\n"),
    ),
    (
        "coding and length",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n",
        Passed(&["transfer-encoding: chunked"], "1\r\na\r\n0\r\n\r\n"),
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
    ("a coding in another script", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chun\u{212A}ed\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a length with a blank", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1 1\r\n\r\na", Refused(400)),
    // 5.1 and 5.2: lines
    ("a blank before the colon", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length : 1\r\n\r\na", Refused(400)),
    ("a folded line", "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n", Refused(400)),
    ("a line without a colon", "GET / HTTP/1.1\r\nhost: h\r\nno colon\r\n\r\n", Refused(400)),
    ("a nul in a value", "GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n", Refused(400)),
    ("a bare return in a value", "GET / HTTP/1.1\r\nhost: h\r\nx: a\rtransfer-encoding: chunked\r\n\r\n", Refused(400)),
    ("a bare return before a name", "GET / HTTP/1.1\r\nhost: h\r\n\rx: a\r\n\r\n", Refused(400)),
    ("a blank before the colon of a coding", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a folded coding", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a coding behind a tab", "POST / HTTP/1.1\r\nhost: h\r\n\ttransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400)),
    ("a nul in a name", "GET / HTTP/1.1\r\nhost: h\r\nx\0: a\r\n\r\n", Refused(400)),
    ("no name", "GET / HTTP/1.1\r\nhost: h\r\n: a\r\n\r\n", Refused(400)),
    ("a name with a slash", "GET / HTTP/1.1\r\nhost: h\r\nx/y: a\r\n\r\n", Refused(400)),
    ("a method in brackets", "G(T / HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("a first line that is blank", "GET / HTTP/1.1\r\n host: h\r\n\r\n", Refused(400)),
    // 3.2: target and host
    ("no host", "GET / HTTP/1.1\r\n\r\n", Refused(400)),
    ("two hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", Refused(400)),
    ("a blank in the target", "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("a version of its own", "GET / HTTP/1.7\r\nhost: h\r\n\r\n", Refused(400)),
    ("a tunnel", "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n", Refused(501)),
    ("a host with a path", "GET / HTTP/1.1\r\nhost: h/x\r\n\r\n", Refused(400)),
    ("a host with a user", "GET / HTTP/1.1\r\nhost: me@h\r\n\r\n", Refused(400)),
    ("a list of hosts", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n", Refused(400)),
    ("an empty host", "GET / HTTP/1.1\r\nhost:\r\n\r\n", Refused(400)),
    ("a user in an absolute target", "GET http://me@h/ HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("another scheme", "GET ftp://h/ HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("the form of CONNECT", "GET h:80 HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("the form of OPTIONS", "GET * HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("a path without a slash", "GET a/b HTTP/1.1\r\nhost: h\r\n\r\n", Refused(400)),
    ("no version", "GET /\r\nhost: h\r\n\r\n", Refused(400)),
    ("a later version", "GET / HTTP/2.0\r\nhost: h\r\n\r\n", Refused(400)),
    // 7.1: chunks
    ("a negative size", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n", Refused(400)),
    ("a size with a prefix", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", Refused(400)),
    ("no size", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\r\na\r\n0\r\n\r\n", Refused(400)),
    ("a size that ends in a bare feed", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", Refused(400)),
    (
        "an extension that ends in a bare feed",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n",
        Refused(400),
    ),
    ("a chunk shorter than it says", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n9\r\na\r\n0\r\n\r\n", Unended),
    ("a size of all memory", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\na\r\n0\r\n\r\n", Unended),
    ("a trailer without a colon", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", Refused(400)),
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
    (
        "an absolute target",
        "GET http://other:81/a?b HTTP/1.1\r\nhost: h\r\n\r\n",
        Passed(&["GET /a?b HTTP/1.1", "host: other:81", "x-forwarded-host: other:81"], ""),
    ),
    ("an absolute target without a path", "GET http://other?b HTTP/1.1\r\nhost: h\r\n\r\n", Passed(&["GET /?b HTTP/1.1"], "")),
    ("all of it", "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n", Passed(&["OPTIONS * HTTP/1.1", "host: h"], "")),
    ("HTTP/1.0", "GET /a HTTP/1.0\r\nhost: h\r\n\r\n", Passed(&["GET /a HTTP/1.1", "host: h"], "")),
    ("HTTP/1.0 without a host", "GET /a HTTP/1.0\r\n\r\n", Passed(&["GET /a HTTP/1.1", "host: "], "")),
    ("lines that end in bare feeds", "POST / HTTP/1.1\nhost: h\ncontent-length: 1\n\na", Passed(&["host: h", "content-length: 1"], "a")),
    ("blank lines first", "\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n", Passed(&["GET / HTTP/1.1"], "")),
    ("a blank length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: \t1 \r\n\r\na", Passed(&["content-length: 1"], "a")),
    (
        "a size with noughts",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0001\r\na\r\n00\r\n\r\n",
        Passed(&[], "1\r\na\r\n0\r\n\r\n"),
    ),
    (
        "trailers",
        "POST / HTTP/1.1\r\nhost: h\r\nte: trailers\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 97\r\n\r\n",
        Passed(&["trailer: x-sum"], "1\r\na\r\n0\r\nx-sum: 97\r\n\r\n"),
    ),
    (
        "trailers that are not for trailers",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\ncontent-length: 9\r\nhost: evil\r\n\
         X-Forwarded-For: 6.6.6.6\r\nauthorization: x\r\n\r\n",
        Passed(&[], "1\r\na\r\n0\r\n\r\n"),
    ),
    ("a host that Connection names", "GET / HTTP/1.1\r\nhost: h\r\nconnection: host\r\n\r\n", Passed(&["host: h"], "")),
];

#[tokio::test]
async fn a_request_is_refused_or_read_as_the_app_reads_it() {
    let front = Front::start("").await;
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
            Unended => !heard.is_empty() && !is_whole(&heard),
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
pub(super) fn is_whole(heard: &str) -> bool {
    let Some((head, body)) = heard.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length.map(|length| length.parse::<usize>().expect("a length")) {
        _ if head.contains("transfer-encoding") => body.ends_with("0\r\n\r\n"),
        Some(length) => body.len() >= length,
        None => true,
    }
}

/// Notes every byte, and answers when nothing more comes for a moment.
pub(super) async fn listening_app(address: &str, heard: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let listener = listen(address).await;
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
