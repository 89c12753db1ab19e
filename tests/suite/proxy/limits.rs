//! What is too much, too slow, or told of.

use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::proxy::control::HoldOrder;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::timeout;

use super::front::Front;
use crate::harness::{eventually, within};

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_body_or_a_header_that_is_too_large_is_told_apart() {
    let front = Front::start("body_size = \"1KB\"\nheader_size = \"8KB\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    assert_eq!(client.ask("POST", "/length", &[], &[b'a'; 1024]).await.unwrap().status, 200);
    let told = client.ask("POST", "/length", &[], &[b'a'; 1025]).await.unwrap();
    assert_eq!((told.status, told.text().as_str()), (413, "413: the request's body is larger than 1 KB\n"));
    // One that does not say how large it is.
    let mut client = front.client().await;
    let piece = format!("200\r\n{}\r\n", "a".repeat(512));
    client.send(format!("POST /length HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{}", piece.repeat(3))).await.unwrap();
    assert_eq!(client.answer().await.unwrap().status, 413);
    let mut client = front.client().await;
    let long = format!("x: {}", "a".repeat(9 * 1024));
    let told = client.ask("GET", "/healthz", &[&long], b"").await.unwrap();
    assert_eq!((told.status, told.text().as_str()), (431, "431: the request's header is larger than 8 KB\n"));
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_words_told_of_and_counted() {
    let front = Front::start("header_size = \"8KB\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    assert_eq!(client.ask("GET", "/healthz", &[], b"").await.unwrap().status, 200);
    client.send("no request\r\nhost: h\r\n\r\n").await.unwrap();
    let told = client.answer().await.unwrap();
    assert_eq!((told.status, told.text().as_str()), (400, "400: this is no request of HTTP/1.1\n"));
    assert_eq!((told.header("connection").as_deref(), told.header("date").is_some()), (Some("close"), true));
    client.closed().await.unwrap();
    // It has far more to say than is read, and hears its answer nevertheless.
    let mut client = front.client().await;
    let cookies = "a".repeat(200 * 1024);
    client.send(format!("GET /shop?full HTTP/1.1\r\nhost: h\r\naccept: text/html\r\ncookie: {cookies}\r\n\r\n")).await.unwrap();
    let told = client.answer().await.unwrap();
    assert_eq!((told.status, told.header("content-type").as_deref()), (431, Some("text/html; charset=utf-8")));
    assert!(told.text().contains("431 Request Header Fields Too Large"), "{}", told.text());
    client.closed().await.unwrap();
    let log = front.host.path("state/access.log");
    let line = |status: u64| {
        let log = log.clone();
        move || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            std::future::ready(lines.find(|line| line["status"] == status))
        }
    };
    let full = eventually("a line about the header", line(431)).await;
    assert_eq!(
        (full["target"].as_str(), full["host"].as_str(), full["colour"].as_str()),
        (Some("/shop?full"), Some("h"), Some("undefined"))
    );
    assert_eq!(full["bytes"].as_u64(), Some(told.body.len() as u64));
    eventually("a line about what is no request", line(400)).await;
    let metrics = front.health("/metrics").await.1;
    for reason in ["header_too_large", "bad_request"] {
        assert!(metrics.contains(&format!("allswell_proxy_errors_total{{listener=\"live\",reason=\"{reason}\"}} 1\n")), "{metrics}");
    }
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_told_and_lets_go_of_the_app() {
    let front = Front::start("client_timeout = \"300ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("POST /length HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nab").await.unwrap();
    let told = timeout(SECONDS, client.answer()).await.expect("an answer").unwrap();
    assert_eq!((told.status, told.text().as_str()), (408, "408: the request's body did not arrive\n"));
    assert_eq!(front.control.state().await.unwrap().blue.in_flight, 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let front = Front::start("client_timeout = \"300ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("GET /download?pieces=1000 HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    eventually("it is under way", || async { (front.control.state().await.ok()?.blue.in_flight == 1).then_some(()) }).await;
    eventually("it is given up", || async { (front.control.state().await.ok()?.blue.in_flight == 0).then_some(()) }).await;
}

#[tokio::test]
async fn one_client_too_many_is_closed_and_a_place_that_is_free_is_taken() {
    let front = Front::start("connections = 2").await;
    let _blue = front.app(Colour::Blue).await;
    let (mut one, mut two) = (front.client().await, front.client().await);
    for client in [&mut one, &mut two] {
        assert_eq!(client.ask("GET", "/healthz", &[], b"").await.unwrap().status, 200);
    }
    timeout(SECONDS, front.client().await.closed()).await.expect("the third is closed").unwrap();
    drop(one);
    eventually("a place is free", || async { front.client().await.ask("GET", "/healthz", &[], b"").await.ok() }).await;
}

#[tokio::test]
async fn a_stream_keeps_its_place_until_it_ends() {
    let front = Front::start("connections = 1").await;
    let _blue = front.app(Colour::Blue).await;
    let (websocket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", front.live())).await.unwrap();
    timeout(SECONDS, front.client().await.closed()).await.expect("another is closed").unwrap();
    let metrics = front.health("/metrics").await.1;
    assert!(metrics.contains("allswell_proxy_connections_open{listener=\"live\"} 1\n"), "{metrics}");
    drop(websocket);
    eventually("its place is free", || async { front.client().await.ask("GET", "/healthz", &[], b"").await.ok() }).await;
}

#[tokio::test]
async fn a_client_that_comes_back_after_a_rest_is_served_as_before() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut clients = Vec::new();
    // One with half a request behind its first, which is there when the second half comes.
    for half in ["GET /work HT", ""] {
        let mut client = front.client().await;
        client.send(format!("GET /work HTTP/1.1\r\nhost: h\r\n\r\n{half}")).await.unwrap();
        assert_eq!(client.answer().await.unwrap().text(), "blue 0");
        clients.push((client, half));
    }
    within(Duration::from_secs(30), "the one that asks for nothing more is parked", || async {
        let metrics = front.health("/metrics").await.1;
        metrics.contains("allswell_proxy_connections_parked{listener=\"live\"} 1\n").then_some(())
    })
    .await;
    for (client, half) in &mut clients {
        let rest = "GET /work HTTP/1.1\r\nhost: h\r\n\r\n".strip_prefix(*half).unwrap();
        client.send(format!("{rest}POST /length HTTP/1.1\r\nhost: h\r\ncontent-length: 200\r\n\r\n{}", "a".repeat(200))).await.unwrap();
        for wanted in ["blue 0", "200 19400"] {
            assert_eq!(timeout(SECONDS, client.answer()).await.expect("an answer").unwrap().text(), wanted);
        }
    }
}

#[tokio::test]
async fn browsers_programs_and_own_pages_each_get_their_words() {
    let pages = tempfile::tempdir().unwrap();
    std::fs::write(pages.path().join("502.html"), "<h1>back soon</h1>").unwrap();
    let front = Front::start(&format!("pages = \"{}\"", pages.path().display())).await;
    let mut client = front.client().await;
    let browser = client.ask("GET", "/", &["accept: text/html,*/*"], b"").await.unwrap();
    assert_eq!((browser.status, browser.text().as_str()), (502, "<h1>back soon</h1>"));
    let program = client.ask("GET", "/", &["accept: application/json"], b"").await.unwrap();
    assert_eq!(program.header("content-type").as_deref(), Some("application/problem+json"));
    let problem: Value = serde_json::from_str(&program.text()).unwrap();
    assert_eq!((problem["status"].as_u64(), problem["detail"].as_str()), (Some(502), Some("blue refuses connections")));
}

#[tokio::test]
async fn every_answer_is_a_line_of_the_access_log_also_after_it_was_moved_away() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let path = front.host.path("state/access.log");
    let line = |target: &'static str| {
        let path = path.clone();
        move || {
            let path = path.clone();
            async move {
                let text = std::fs::read_to_string(path).ok()?;
                text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| line["target"] == target)
            }
        }
    };
    let mut client = front.client().await;
    client.ask("POST", "/length?first", &["user-agent: me"], b"abc").await.unwrap();
    let first = eventually("the first line", line("/length?first")).await;
    assert_eq!((first["status"].as_u64(), first["bytes"].as_u64(), first["colour"].as_str()), (Some(200), Some(5), Some("blue")));
    assert_eq!((first["agent"].as_str(), first["peer"].as_str(), first["method"].as_str()), (Some("me"), Some("127.0.0.1"), Some("POST")));
    assert_eq!(first["id"].as_str().map(str::len), Some(32));
    std::fs::rename(&path, front.host.path("state/moved.log")).unwrap();
    front.signal(Signal::USR1);
    client.ask("GET", "/healthz?second", &[], b"").await.unwrap();
    eventually("a new file", line("/healthz?second")).await;
    assert!(!std::fs::read_to_string(&path).unwrap().contains("?first"));
}

#[tokio::test]
async fn a_request_whose_client_does_not_wait_for_it_is_told_of_and_is_no_colours_failure() {
    let mut front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("GET /hang?gone HTTP/1.1\r\nhost: h\r\nuser-agent: me\r\n\r\n").await.unwrap();
    let in_flight = |number: u8| {
        let words = format!("allswell_proxy_in_flight{{colour=\"blue\"}} {number}\n");
        let health = front.health("/metrics");
        async move { health.await.1.contains(&words).then_some(()) }
    };
    eventually("it is with the app", || in_flight(1)).await;
    drop(client);
    eventually("it is over", || in_flight(0)).await;
    let metrics = front.health("/metrics").await.1;
    assert!(metrics.contains("allswell_proxy_abandoned_total{listener=\"live\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("allswell_proxy_errors_total{listener=\"live\""), "{metrics}");
    front.end().await;
    let log = std::fs::read_to_string(front.host.path("state/access.log")).unwrap();
    let line: Value =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).find(|line: &Value| line["target"] == "/hang?gone").unwrap();
    assert_eq!((line["status"].as_u64(), line["colour"].as_str(), line["agent"].as_str()), (Some(499), Some("blue"), Some("me")));
}

#[tokio::test]
async fn an_access_log_that_cannot_be_written_is_told_beside_whatever_else_is() {
    let front = Front::start("access_log = \"/dev/full\"\nhold_time = \"200ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    assert_eq!(front.client().await.ask("GET", "/healthz", &[], b"").await.unwrap().status, 200);
    let said = |words: &'static str| {
        let control = &front.control;
        async move { control.warning().await.ok().flatten().filter(|warning| warning.contains(words)) }
    };
    eventually("that lines are lost is told", || said("/dev/full: lines are lost")).await;
    front.control.hold(&HoldOrder { on: true, by: None }).await.unwrap();
    let both = eventually("the hold is told too", || said("requests have been held")).await;
    assert!(both.contains("/dev/full: lines are lost"), "{both}");
}

#[tokio::test]
async fn clients_leave_descriptors_for_the_app_and_one_too_many_is_not_left_waiting() {
    let front = Front::start_with_descriptors(256, "threads = 1").await;
    let _blue = front.app(Colour::Blue).await;
    let mut served = Vec::new();
    for _ in 0..256 {
        let mut client = front.client().await;
        if let Ok(answer) = timeout(SECONDS, client.ask("GET", "/healthz", &[], b"")).await.expect("it is answered or closed") {
            assert_eq!(answer.status, 200, "{}", answer.text());
            served.push(client);
        }
    }
    assert_eq!(served.len(), 192);
}
