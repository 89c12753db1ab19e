//! What a client hears when the app or another client misbehaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;
use futures_util::StreamExt;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::front::Front;
use crate::harness::{App, Raw, eventually, listen};

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn refused_broken_and_late_are_told_apart_and_the_client_stays_connected() {
    let front = Front::start("response_header_timeout = \"300ms\"").await;
    let mut client = front.client().await;
    let refused = client.ask("GET", "/", &[], b"").await.unwrap();
    assert_eq!((refused.status, refused.text().as_str()), (502, "502: blue refuses connections\n"));
    let breaking = breaking_app(&front.address(Colour::Blue)).await;
    let broken = client.ask("POST", "/", &[], b"x").await.unwrap();
    assert_eq!((broken.status, broken.text().as_str()), (502, "502: blue broke the connection before it answered\n"));
    breaking.abort();
    let _ = breaking.await;
    let _blue = front.app(Colour::Blue).await;
    for method in ["GET", "POST"] {
        let late = client.ask(method, "/hang", &[], b"").await.unwrap();
        assert_eq!((late.status, late.text().as_str()), (504, "504: blue did not answer within 300ms\n"));
    }
    assert_eq!(client.ask("GET", "/healthz", &[], b"").await.unwrap().text(), "ok");
}

#[tokio::test]
async fn who_does_not_take_the_connection_is_told_apart_from_who_does_not_answer() {
    let front = Front::start("connect_timeout = \"300ms\"").await;
    let address = front.address(Colour::Blue);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(address.parse().unwrap()).unwrap();
    // Nobody accepts, and the kernel keeps two in waiting at most: further ones hear nothing.
    let _full = socket.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(&address)).await {
        waiting.push(stream);
    }
    let mut client = front.client().await;
    for method in ["GET", "POST"] {
        let late = timeout(SECONDS, client.ask(method, "/", &[], b"")).await.expect("an answer").unwrap();
        assert_eq!((late.status, late.text().as_str()), (504, "504: blue did not take the connection within 300ms\n"));
        assert_eq!(late.header("retry-after"), None);
    }
}

/// Reads a request and closes.
async fn breaking_app(address: &str) -> JoinHandle<()> {
    let listener = listen(address).await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
        }
    })
}

#[tokio::test]
async fn a_long_upload_is_not_the_apps_delay() {
    let front = Front::start("response_header_timeout = \"200ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("POST /length HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    for _ in 0..5 {
        // A client of this pace takes longer than the limit for all of it, however slow the machine makes it besides.
        sleep(Duration::from_millis(150)).await;
        client.send("a").await.unwrap();
    }
    assert_eq!(client.answer().await.unwrap().text(), "5 485");
}

#[tokio::test]
async fn an_app_that_closes_idle_connections_costs_no_request() {
    let front = Front::start("").await;
    let closing = closing_app(&front.address(Colour::Blue)).await;
    let mut clients = JoinSet::new();
    for number in 0..12_u64 {
        let mut client = front.client().await;
        clients.spawn(async move {
            let method = if number % 2 == 0 { "GET" } else { "POST" };
            for round in 0..3 {
                let answer = client.ask(method, "/", &[], b"").await.unwrap();
                assert_eq!(answer.status, 200, "{method} by client {number} in round {round}: {}", answer.text());
                // Around the moment at which the app closes: the gap is what is tested.
                sleep(Duration::from_millis(1_000 + (number * 3) + round * 50)).await;
            }
        });
    }
    clients.join_all().await;
    closing.abort();
}

/// Closes a connection that was idle for a second.
async fn closing_app(address: &str) -> JoinHandle<()> {
    let listener = listen(address).await;
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper::service::service_fn(|_| async { Ok::<_, hyper::Error>(hyper::Response::new("here".to_owned())) });
            let mut server = hyper::server::conn::http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(1));
            connections.spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    })
}

#[tokio::test]
async fn what_breaks_on_a_used_connection_is_asked_again_where_that_does_nothing_twice() {
    let front = Front::start("").await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let once = app_of_one_answer_each(&front.address(Colour::Blue), Arc::clone(&asked)).await;
    let mut client = front.client().await;
    for (method, body, status) in
        [("GET", "", 200), ("GET", "", 200), ("PUT", "", 200), ("POST", "", 502), ("POST", "x", 200), ("PUT", "x", 502)]
    {
        let answer = client.ask(method, "/", &[], body.as_bytes()).await.unwrap();
        assert_eq!(answer.status, status, "{method} {body}: {}", answer.text());
    }
    // The second GET and the first PUT were asked twice, the POST was not.
    assert_eq!(*asked.lock().unwrap(), ["GET", "GET", "GET", "PUT", "PUT", "POST", "POST", "PUT"]);
    let metrics = front.health("/metrics").await.1;
    for line in ["allswell_proxy_stale_total{outcome=\"repeated\"} 2", "allswell_proxy_stale_total{outcome=\"failed\"} 2"] {
        assert!(metrics.lines().any(|given| given == line), "{line} in {metrics}");
    }
    once.abort();
}

/// Answers the first request on a connection, and closes on the second.
async fn app_of_one_answer_each(address: &str, asked: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let listener = listen(address).await;
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            connections.spawn(async move {
                for turn in 0..2 {
                    let mut piece = [0; 2048];
                    let length = stream.read(&mut piece).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&piece[..length]).into_owned();
                    asked.lock().expect("a list").extend(text.split_once(' ').map(|(method, _)| method.to_owned()));
                    if turn == 0 {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                    }
                }
            });
        }
    })
}

#[tokio::test]
async fn an_instance_that_ends_costs_no_request_that_may_be_sent_again() {
    let front = Front::start_wide("").await;
    let _blue = front.app(Colour::Blue).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ending = app_of_no_answer(&front.second(), Arc::clone(&asked)).await;
    let mut client = front.client().await;
    for round in 0..20 {
        let answer = client.ask("GET", "/healthz", &[], b"").await.unwrap();
        assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
    }
    assert!(!asked.lock().unwrap().is_empty(), "it was asked");
    ending.abort();
}

#[tokio::test]
async fn an_instance_that_breaks_every_request_is_left_out_until_it_answers() {
    let front = Front::start_wide("").await;
    let blue = front.app(Colour::Blue).await;
    let breaking = app_of_no_answer(&front.second(), Arc::default()).await;
    // What breaks at once is never busy: it would be everyone's choice.
    let mut busy = front.client().await;
    busy.send("GET /hang HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    eventually("the other one is busy", || async { (blue.seen.arrivals() == 1).then_some(()) }).await;
    let mut client = front.client().await;
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(client.ask("POST", "/work", &[], b"x").await.unwrap().status);
    }
    assert!(statuses.iter().filter(|status| **status != 200).count() <= 1, "{statuses:?}");
    breaking.abort();
    let _ = breaking.await;
    let again = App::start(&front.second(), Colour::Blue, Arc::clone(&front.marks)).await;
    eventually("it is chosen again", || async {
        assert_eq!(front.client().await.ask("GET", "/work", &[], b"").await.unwrap().status, 200);
        (again.seen.arrivals() > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_answers_nobody_keeps_one_client_waiting_and_no_more() {
    let front = Front::start_wide("response_header_timeout = \"2s\"").await;
    let _blue = front.app(Colour::Blue).await;
    // As one that is stopped: the kernel takes connections for it.
    let _silent = listen(&front.second()).await;
    let (mut clients, mut statuses) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        // Each of them stays, so that the one that answers is always the busier one.
        let mut client = front.client().await;
        client.send("GET /drip HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        statuses.push(timeout(SECONDS, client.head()).await.expect("an answer").unwrap().status);
        clients.push(client);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 504]);
}

#[tokio::test]
async fn what_breaks_a_fresh_connection_is_not_sent_to_the_same_instance_again() {
    let front = Front::start("").await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ending = app_of_no_answer(&front.address(Colour::Blue), Arc::clone(&asked)).await;
    let answer = front.client().await.ask("GET", "/", &[], b"").await.unwrap();
    assert_eq!((answer.status, asked.lock().unwrap().len()), (502, 1));
    ending.abort();
}

/// Takes a request, and closes.
async fn app_of_no_answer(address: &str, asked: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    let listener = listen(address).await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut piece = [0; 2048];
            let length = stream.read(&mut piece).await.unwrap_or(0);
            asked.lock().expect("a list").push(String::from_utf8_lossy(&piece[..length]).into_owned());
        }
    })
}

#[tokio::test]
async fn a_slow_header_is_cut_off_and_an_idle_client_is_not() {
    let front = Front::start("header_read_timeout = \"300ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut idle = front.client().await;
    assert_eq!(idle.ask("GET", "/healthz", &[], b"").await.unwrap().text(), "ok");
    for beginning in ["", "GET / HT"] {
        let mut slow = front.client().await;
        slow.send(beginning).await.unwrap();
        timeout(SECONDS, slow.closed()).await.expect("the slow one is closed").unwrap();
    }
    let mut slow = front.client().await;
    assert_eq!(slow.ask("GET", "/healthz", &[], b"").await.unwrap().text(), "ok");
    slow.send("GET / HT").await.unwrap();
    timeout(SECONDS, slow.closed()).await.expect("the slow one is closed").unwrap();
    assert_eq!(idle.ask("GET", "/healthz", &[], b"").await.unwrap().text(), "ok");
}

#[tokio::test]
async fn a_stream_on_which_nothing_moves_ends_and_one_that_moves_does_not() {
    const LIMIT: Duration = Duration::from_millis(400);
    let front = Front::start(&format!("idle_timeout = \"{}ms\"", LIMIT.as_millis())).await;
    let _blue = front.app(Colour::Blue).await;
    let upgrade = "GET /ws HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut client = front.client().await;
    client.send(upgrade).await.unwrap();
    assert_eq!(client.head().await.unwrap().status, 101);
    assert_eq!(front.control.state().await.unwrap().blue.streams, 1);
    // It moves for longer than the limit, many times within it: a machine that halts for a moment ends nothing.
    let begun = clock::elapsed();
    while clock::elapsed().saturating_sub(begun) < LIMIT * 2 {
        sleep(LIMIT / 20).await;
        // A masked "a" as text, with a mask of zeros.
        client.send([0x81, 0x81, 0, 0, 0, 0, b'a']).await.unwrap();
        assert_eq!(client.take(8).await.unwrap(), b"\x81\x06blue a");
    }
    timeout(SECONDS, client.closed()).await.expect("it ends").unwrap();
    eventually("nothing is left", || async { (front.control.state().await.ok()?.blue.streams == 0).then_some(()) }).await;
}

#[tokio::test]
async fn told_to_end_it_finishes_what_is_under_way_and_takes_no_more() {
    let mut front = Front::start("").await;
    let blue = front.app(Colour::Blue).await;
    let mut idle = front.client().await;
    idle.ask("GET", "/healthz", &[], b"").await.unwrap();
    let mut client = front.client().await;
    client.send("GET /work?ms=1000 HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    eventually("the request is under way", || async { (blue.seen.working() == 1).then_some(()) }).await;
    let (mut websocket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", front.live())).await.unwrap();
    front.tell_to_end();
    let last = timeout(SECONDS, websocket.next()).await.expect("a stream is told");
    assert!(matches!(&last, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1001), "{last:?}");
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "blue 0"));
    assert_eq!(answer.header("connection").as_deref(), Some("close"));
    timeout(SECONDS, idle.closed()).await.expect("idle clients are told").unwrap();
    assert!(front.end().await.success());
    assert!(Raw::connect(&front.live()).await.is_err());
}
