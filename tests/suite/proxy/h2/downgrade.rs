//! A request by HTTP/2 becomes one by HTTP/1.1, and never more than one.

use std::sync::{Arc, Mutex};

use allswell::domain::colour::Colour;

use super::wire::{DATA, END_HEADERS, END_STREAM, Fate, HEADERS, Wire, block, frame};
use crate::proxy::framing::listening_app;
use crate::proxy::front::Front;
use crate::proxy::tls::{certificate, tls_lines};

use Fate::{Answered, Reset};

const PROTOCOL: u32 = 1;

/// What the client sends, what it hears, and what the app must have heard: lines of the head, and the body. None where it must hear no
/// whole request.
type Case = (&'static str, Vec<u8>, Fate, Option<(&'static [&'static str], &'static str)>);

fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "shop.example")];
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[&usual, more].concat()))
}

/// A POST whose body comes in these pieces.
fn post(more: &[(&str, &str)], pieces: &[&str]) -> Vec<u8> {
    let usual = [(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "shop.example")];
    let mut sent = frame(HEADERS, END_HEADERS, 1, &block(&[&usual, more].concat()));
    for (number, piece) in pieces.iter().enumerate() {
        let end = if number + 1 == pieces.len() { END_STREAM } else { 0 };
        sent.extend(frame(DATA, end, 1, piece.as_bytes()));
    }
    sent
}

/// A POST whose body is closed by these trailers.
fn trailed(trailers: &[(&str, &str)]) -> Vec<u8> {
    let open = frame(DATA, 0, 1, b"ab");
    [post(&[("te", "trailers")], &[]), open, frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(trailers))].concat()
}

const SMUGGLED: &str = "0\r\n\r\nGET /admin HTTP/1.1\r\nhost: h\r\n\r\n";

fn lengths_and_codings() -> Vec<Case> {
    vec![
        ("a body without a length", post(&[], &["ab", "c"]), Answered(200), Some((&["transfer-encoding: chunked"], "ab|c"))),
        ("a body with its length", post(&[("content-length", "3")], &["ab", "c"]), Answered(200), Some((&["content-length: 3"], "abc"))),
        ("a length of less (h2.cl)", post(&[("content-length", "0")], &[SMUGGLED]), Reset(PROTOCOL), None),
        ("a length of more", post(&[("content-length", "9")], &["ab"]), Reset(PROTOCOL), None),
        ("a length without a body", request("POST", "/", &[("content-length", "9")]), Reset(PROTOCOL), None),
        ("two lengths", post(&[("content-length", "2"), ("content-length", "3")], &["ab"]), Reset(PROTOCOL), None),
        ("a length that is none", post(&[("content-length", "+2")], &["ab"]), Reset(PROTOCOL), None),
        ("a coding (h2.te)", post(&[("transfer-encoding", "chunked")], &[SMUGGLED]), Reset(PROTOCOL), None),
        ("a coding in a value", post(&[("x", "a\r\ntransfer-encoding: chunked")], &[SMUGGLED]), Reset(PROTOCOL), None),
        ("a coding in a name", post(&[("x: a\r\ntransfer-encoding", "chunked")], &[SMUGGLED]), Reset(PROTOCOL), None),
        ("trailers", trailed(&[("x-sum", "195")]), Answered(200), Some((&["te: trailers"], "ab|x-sum: 195"))),
        (
            "trailers that are not for trailers",
            trailed(&[("content-length", "1"), ("host", "evil"), ("x-forwarded-for", "6.6.6.6"), ("x-sum", "1")]),
            Answered(200),
            Some((&["te: trailers"], "ab|x-sum: 1")),
        ),
    ]
}

fn targets() -> Vec<Case> {
    let of = |fields: &[(&str, &str)]| frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields));
    let [method, scheme, path] = [(":method", "GET"), (":scheme", "https"), (":path", "/")];
    vec![
        ("a host that is not the authority", request("GET", "/", &[("host", "evil")]), Answered(200), Some((&["host: shop.example"], ""))),
        ("a host alone", of(&[method, scheme, path, ("host", "h")]), Answered(200), Some((&["host: h"], ""))),
        ("neither", of(&[method, scheme, path]), Answered(400), None),
        ("a user in the authority", of(&[method, scheme, path, (":authority", "me@h")]), Answered(400), None),
        ("a path in the authority", of(&[method, scheme, path, (":authority", "h/x")]), Reset(PROTOCOL), None),
        ("a line in the authority", of(&[method, scheme, path, (":authority", "h\r\nx: y")]), Reset(PROTOCOL), None),
        ("a path that is a line", request("GET", "/ HTTP/1.1\r\nx: y", &[]), Reset(PROTOCOL), None),
        ("a path with a blank", request("GET", "/a b", &[]), Reset(PROTOCOL), None),
        ("a path that is absolute", request("GET", "http://evil/", &[]), Reset(PROTOCOL), None),
        ("a path without a slash", request("GET", "evil", &[]), Reset(PROTOCOL), None),
        ("all of it, to GET", request("GET", "*", &[]), Answered(400), None),
        ("all of it, to OPTIONS", request("OPTIONS", "*", &[]), Answered(200), Some((&["OPTIONS * HTTP/1.1"], ""))),
        ("a query as it is", request("GET", "/a%2Fb?c=%20&d=+;e", &[]), Answered(200), Some((&["GET /a%2Fb?c=%20&d=+;e HTTP/1.1"], ""))),
        ("a method that is a line", request("GET / HTTP/1.1\r\nx: y\r\n\r\nGET", "/", &[]), Reset(PROTOCOL), None),
        ("a tunnel", of(&[(":method", "CONNECT"), (":authority", "other:443")]), Answered(501), None),
        ("a tunnel with a path", request("CONNECT", "/", &[]), Reset(PROTOCOL), None),
    ]
}

#[tokio::test]
async fn what_comes_by_http_2_reaches_the_app_as_one_request_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let front = Front::start(&tls_lines(folder.path())).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let app = listening_app(&front.address(Colour::Blue), Arc::clone(&heard)).await;
    let mut wrong = Vec::new();
    for (name, sent, wanted, expected) in [lengths_and_codings(), targets()].concat() {
        heard.lock().unwrap().clear();
        let mut wire = Wire::connect(&front, &folder.path().join("shop.pem")).await;
        let fate = wire.fate(&sent, wanted).await;
        let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
        let is_right = match expected {
            None => !crate::proxy::framing::is_whole(&heard),
            Some((lines, body)) => {
                let (head, rest) = heard.split_once("\r\n\r\n").unwrap_or_default();
                lines.iter().all(|wanted| head.lines().any(|line| line == *wanted)) && plain(head, rest) == body
            }
        };
        if fate != Some(wanted) || !is_right {
            wrong.push(format!("{name}: {fate:?} instead of {wanted:?}, and the app heard {heard:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    app.abort();
}

/// The body; of a chunked one its chunks and trailers, each behind a bar.
fn plain(head: &str, body: &str) -> String {
    if !head.contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let lines: Vec<&str> = body.split("\r\n").collect();
    let end = lines.iter().position(|line| *line == "0").unwrap_or(lines.len());
    let chunks = lines[..end].iter().skip(1).step_by(2);
    chunks.chain(lines[end..].iter().skip(1)).filter(|line| !line.is_empty()).copied().collect::<Vec<_>>().join("|")
}
