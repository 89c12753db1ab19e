//! What apps answer: framed as RFC 9112 has it, once each, and never two for one request.

use std::time::Duration;

use allswell::domain::answers::Answers;
use allswell::domain::colour::Colour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::front::Front;
use crate::harness::listen;

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_answer_that_is_ambiguous_never_reaches_the_client() {
    let front = Front::start("").await;
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: y\r\n z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: y\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: y\rset-cookie: z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
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

#[tokio::test]
async fn where_there_is_no_body_none_is_waited_for_and_none_is_passed_on() {
    let front = Front::start("").await;
    for (method, answer, status, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 200, Some("5")),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 200, None),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, None),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, None),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc", 204, None),
        ("GET", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 204, None),
    ] {
        let app = saying_app(&front.address(Colour::Blue), answer).await;
        let mut client = front.client().await;
        for _ in 0..3 {
            client.send(format!("{method} / HTTP/1.1\r\nhost: h\r\n\r\n")).await.unwrap();
            let told = timeout(SECONDS, client.head()).await.expect("an answer").unwrap();
            assert_eq!((told.status, told.header("content-length").as_deref()), (status, length), "{method} {answer:?}");
            assert_eq!(told.header("transfer-encoding"), None, "{answer:?}");
        }
        app.abort();
        let _ = app.await;
    }
}

#[tokio::test]
async fn what_an_app_says_before_its_answer_is_not_its_answer() {
    let front = Front::start("").await;
    let app = saying_app(
        &front.address(Colour::Blue),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
    )
    .await;
    let mut client = front.client().await;
    for _ in 0..2 {
        let told = client.ask("POST", "/", &[], b"x").await.unwrap();
        assert_eq!((told.status, told.text().as_str(), told.header("link")), (200, "a", None));
    }
    app.abort();
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    let front = Front::start("").await;
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n-1\r\n",
    ] {
        let app = saying_app(&front.address(Colour::Blue), answer).await;
        let mut client = front.client().await;
        let told = timeout(SECONDS, client.ask("GET", "/", &[], b"")).await.expect("an end");
        assert!(told.is_err(), "{answer:?}: {told:?}");
        app.abort();
        let _ = app.await;
    }
    // And it is the colour's: a switch is taken back by it.
    let metrics = front.health("/metrics").await.1;
    assert!(metrics.contains("allswell_proxy_broken_off_total{colour=\"blue\"} 4\n"), "{metrics}");
    let answers = front.control.state().await.unwrap().answers.unwrap().blue;
    assert_eq!((answers.total, answers.failed), (4, 4));
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_a_body_that_ends_with_its_connection() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("GET /download?pieces=2 HTTP/1.0\r\nhost: h\r\n\r\n").await.unwrap();
    let told = client.head().await.unwrap();
    assert_eq!((told.status, told.header("transfer-encoding"), told.header("content-length")), (200, None, None));
    assert_eq!(client.take(2 * 64 * 1024).await.unwrap().len(), 2 * 64 * 1024);
    timeout(SECONDS, client.line()).await.expect("an end").unwrap_err();
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_their_order() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    let post = |body: &str| format!("POST /length HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let all = [post("a"), "GET /work?ms=50 HTTP/1.1\r\nhost: h\r\n\r\n".to_owned(), post("bb"), post("")].concat();
    client.send(all).await.unwrap();
    for wanted in ["1 97", "blue 0", "2 196", "0 0"] {
        assert_eq!(timeout(SECONDS, client.answer()).await.expect("an answer").unwrap().text(), wanted);
    }
}

#[tokio::test]
async fn what_the_app_has_no_part_in_is_not_counted_against_its_colour() {
    let front = Front::start("").await;
    let counted = async || front.control.state().await.unwrap().answers.unwrap().blue;
    assert_eq!(front.client().await.ask("GET", "/", &[], b"").await.unwrap().status, 502);
    assert_eq!(counted().await, Answers { total: 1, failed: 1 }, "that nobody listens there is the colour's own");
    let _blue = front.app(Colour::Blue).await;
    for request in [
        "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut scanner = front.client().await;
        scanner.send(request).await.unwrap();
        assert_eq!(timeout(SECONDS, scanner.head()).await.expect("an answer").unwrap().status, 501);
    }
    assert_eq!(front.client().await.ask("GET", "/healthz", &[], b"").await.unwrap().status, 200);
    assert_eq!(counted().await, Answers { total: 2, failed: 1 });
}

/// Says the same to every request, and closes where it says so.
async fn saying_app(address: &str, answer: &'static str) -> JoinHandle<()> {
    let listener = listen(address).await;
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {
                    let _ = stream.write_all(answer.as_bytes()).await;
                    if answer.contains("connection: close") {
                        break;
                    }
                }
            });
        }
    })
}
