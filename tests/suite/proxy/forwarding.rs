//! What goes through, what is replaced, what stays.

use std::time::Duration;

use allswell::domain::colour::Colour;

use super::front::Front;
use crate::harness::{APP_COLOUR, Raw, within};

const SECONDS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_app_sees_the_clients_host_and_what_a_stranger_forwards_is_replaced() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    let lines = ["host: Shop.example", "x-forwarded-for: 6.6.6.6", "x-forwarded-proto: https", "connection: x-secret", "x-secret: 1"];
    let answer = client.ask("GET", "/headers?a=%20b", &lines, b"").await.unwrap();
    let seen = answer.text();
    let has = |line: &str| seen.lines().any(|given| given == line);
    assert!(seen.starts_with("GET /headers?a=%20b\n"), "{seen}");
    for line in ["host: Shop.example", "x-forwarded-for: 127.0.0.1", "x-forwarded-proto: http", "x-forwarded-host: Shop.example"] {
        assert!(has(line), "{line} in {seen}");
    }
    assert!(seen.contains("x-request-id: ") && !seen.contains("6.6.6.6") && !seen.contains("x-secret"), "{seen}");
    assert_eq!(answer.header("x-kept").as_deref(), Some("yes"));
    for ours in ["x-allswell-colour", "x-allswell-epoch", "keep-alive"] {
        assert_eq!(answer.header(ours), None, "{ours}");
    }
    // An absolute target names the host.
    let answer = client.ask("GET", "http://other.example/headers", &[], b"").await.unwrap();
    assert!(answer.text().starts_with("GET /headers\n") && answer.text().contains("\nhost: other.example"), "{}", answer.text());
}

#[tokio::test]
async fn what_a_trusted_peer_forwards_is_added_to() {
    let front = Front::start("trusted = [\"127.0.0.0/8\"]").await;
    let _blue = front.app(Colour::Blue).await;
    let lines = ["x-forwarded-for: 6.6.6.6", "x-forwarded-proto: https", "x-request-id: theirs"];
    let seen = front.client().await.ask("GET", "/headers", &lines, b"").await.unwrap().text();
    for line in ["x-forwarded-for: 6.6.6.6, 127.0.0.1", "x-forwarded-proto: https", "x-request-id: theirs"] {
        assert!(seen.lines().any(|given| given == line), "{line} in {seen}");
    }
}

#[tokio::test]
async fn only_who_has_the_token_is_told_the_colour_and_the_app_never_sees_it() {
    let front = Front::start("").await;
    let blue = front.app(Colour::Blue).await;
    let token = front.token_line();
    let mut client = front.client().await;
    let answer = client.ask("GET", "/headers", &[&token], b"").await.unwrap();
    assert_eq!(answer.header("x-allswell-colour").as_deref(), Some("blue"));
    assert_eq!(answer.header("x-allswell-epoch").as_deref(), Some("0"));
    assert!(!answer.text().contains("probe-token"), "{}", answer.text());
    let answer = client.ask("GET", "/headers", &["x-allswell-probe-token: wrong"], b"").await.unwrap();
    assert_eq!(answer.header("x-allswell-colour"), None);
    assert!(!answer.text().contains("probe-token"), "{}", answer.text());
    drop(blue);
    front.shift(Colour::Green, 3).await;
    let answer = client.ask("GET", "/", &[&token], b"").await.unwrap();
    assert_eq!(answer.status, 502, "our own answers say it too");
    assert_eq!(answer.header("x-allswell-colour").as_deref(), Some("green"));
    assert_eq!(answer.header("x-allswell-epoch").as_deref(), Some("3"));
}

#[tokio::test]
async fn the_preview_shows_the_idle_colour() {
    let front = Front::start("").await;
    let _apps = [front.app(Colour::Blue).await, front.app(Colour::Green).await];
    let mut preview = Raw::connect(&front.host.at(8080)).await.unwrap();
    let mut colours = Vec::new();
    for epoch in 1..=2 {
        colours.push(preview.ask("GET", "/work", &[], b"").await.unwrap().header(APP_COLOUR).unwrap());
        front.shift(if epoch == 1 { Colour::Green } else { Colour::Blue }, epoch).await;
    }
    assert_eq!(colours, ["green", "blue"]);
}

#[tokio::test]
async fn bodies_of_many_megabytes_stream_both_ways() {
    const LENGTH: usize = 8 * 1024 * 1024;
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    let answer = client.ask("POST", "/length", &[], &vec![3; LENGTH]).await.unwrap();
    assert_eq!(answer.text(), format!("{LENGTH} {}", 3 * LENGTH));
    let answer = client.ask("GET", "/download?pieces=200", &[], b"").await.unwrap();
    assert_eq!(answer.body.len(), 200 * 64 * 1024);
    assert!(answer.body.chunks(64 * 1024).enumerate().all(|(number, piece)| piece.iter().all(|byte| usize::from(*byte) == number % 251)));
    // A body of unknown length, even with a method that seldom has one.
    for method in ["POST", "GET"] {
        client
            .send(format!("{method} /length HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))
            .await
            .unwrap();
        assert_eq!(client.answer().await.unwrap().text(), "3 294", "{method}");
    }
    assert_eq!(client.ask("HEAD", "/headers", &[], b"").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_piece_of_an_answer_arrives_before_the_answer_ends() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("GET /drip HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let first = tokio::time::timeout(SECONDS, async {
        client.head().await.unwrap();
        client.line().await.unwrap();
        client.line().await.unwrap()
    });
    assert_eq!(first.await.unwrap(), "first");
    assert_eq!(front.control.state().await.unwrap().blue.in_flight, 1);
    drop(client);
    within(SECONDS, "the claim ends with the client", || async {
        (front.control.state().await.unwrap().blue.in_flight == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn trailers_are_kept_both_ways() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    let head = "POST /trailers HTTP/1.1\r\nhost: h\r\nte: trailers\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{head}2\r\nab\r\n0\r\nx-sum: 195\r\n\r\n")).await.unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.text(), "body");
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "195".to_owned())]);
}

#[tokio::test]
async fn who_expects_a_100_gets_it_before_the_body() {
    let front = Front::start("").await;
    let _blue = front.app(Colour::Blue).await;
    let mut client = front.client().await;
    client.send("POST /length HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await.unwrap();
    let first = tokio::time::timeout(SECONDS, client.head()).await.expect("a 100 in time").unwrap();
    assert_eq!(first.status, 100);
    client.send("ab").await.unwrap();
    assert_eq!(client.answer().await.unwrap().text(), "2 195");
}
