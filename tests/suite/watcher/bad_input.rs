//! Bad input gets a clear answer, never a 5xx, and nothing is lost by it.

use std::time::Duration;

use allswell::domain::beat::BeatKind;
use allswell::domain::moment::Moment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{KEY, Stage};
use crate::harness::Sender;

const CHECK: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";

#[tokio::test]
async fn a_bad_beat_is_refused_in_clear_words_and_a_good_one_is_stored_after_it() {
    let stage = Stage::new(CHECK).await;
    let sender = &stage.sender;
    let good = sender.beat("backup", BeatKind::Success);
    let with = |change: &dyn Fn(&mut allswell::domain::beat::Beat)| {
        let mut beat = good.clone();
        change(&mut beat);
        serde_json::to_vec(&beat).unwrap()
    };
    // JSON can say a lone surrogate; a text cannot hold it.
    let half_a_letter = String::from_utf8(with(&|beat| beat.body = Some("HALF".into()))).unwrap().replace("HALF", "\\ud800").into_bytes();
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"".to_vec(), 400, "this is not a beat"),
        (b"{\"check\":".to_vec(), 400, "this is not a beat"),
        (b"[1,2]".to_vec(), 400, "this is not a beat"),
        (vec![0xff; 100], 400, "this is not a beat"),
        (with(&|beat| beat.check = "nobody".into()), 404, "there is no check named \"nobody\""),
        (with(&|beat| beat.check = String::new()), 400, "must have 1 to 200 bytes"),
        (with(&|beat| beat.identity.instance = "x".repeat(300)), 400, "must have 1 to 200 bytes"),
        (with(&|beat| beat.identity.sequence = u64::MAX), 400, "sequence"),
        (with(&|beat| beat.sent_at = Moment::from_millis(beat.sent_at.as_millis() - 301_000)), 401, "set the sender's clock"),
        (with(&|beat| beat.sent_at = Moment::from_millis(beat.sent_at.as_millis() + 400_000)), 401, "set the sender's clock"),
        (half_a_letter, 400, "this is not a beat"),
        (with(&|beat| beat.body = Some("x".repeat(110_000))), 413, "the body of a beat"),
        (with(&|beat| beat.body = Some("x".repeat(300_000))), 413, "at most 131072 bytes"),
    ];
    for (body, status, words) in cases {
        let (answered, error) = sender.send_raw(&body).await.expect("an answer");
        assert_eq!(answered, status, "{error}");
        assert!(error.contains(words), "{error}");
    }
    let stranger = Sender::new(&stage.host.at(7700), "another key");
    let (status, error) = stranger.send_raw(b"{}").await.unwrap();
    assert_eq!(status, 401);
    assert!(error.contains("is not known here"), "{error}");
    assert_eq!(sender.send(&good).await, Some(200));
    assert_eq!(sender.send(&good).await, Some(200), "the same again");
    let overview = sender.overview().await.unwrap();
    let backup = overview["checks"].as_array().unwrap().iter().find(|check| check["name"] == "backup").unwrap();
    assert_eq!(backup["status"], "up");
    let (_, metrics) = sender.get("/metrics").await.unwrap();
    assert!(metrics.contains("allswell_beats_total{kind=\"success\"} 1"), "the repeat is not counted: {metrics}");
}

#[tokio::test]
async fn a_sender_whose_clock_is_off_is_heard_and_its_skew_is_a_metric() {
    let stage = Stage::new(CHECK).await;
    let mut beat = stage.sender.beat("backup", BeatKind::Success);
    beat.sent_at = Moment::from_millis(beat.sent_at.as_millis() - 200_000);
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    let (_, metrics) = stage.sender.get("/metrics").await.unwrap();
    let skew = metrics.lines().find_map(|line| line.strip_prefix("allswell_beat_skew_seconds{sender=\"test\"} ")).expect("a metric");
    assert!((200..260).contains(&skew.parse::<i64>().unwrap()), "{skew}");
}

#[tokio::test]
async fn foreign_hosts_unknown_paths_and_broken_requests_get_a_4xx() {
    let stage = Stage::new(CHECK).await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(2_000));
    let unsigned = "POST /v1/beat HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    let forged =
        "POST /v1/beat HTTP/1.1\r\nhost: localhost\r\nx-allswell-key-id: KEY\r\nx-allswell-signature: 00ff\r\ncontent-length: 2\r\n\r\n{}";
    let forged = forged.replace("KEY", allswell::signing::Key::new(KEY).id());
    for (request, statuses) in [
        ("GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n", &[421][..]),
        ("GET /v1/overview HTTP/1.1\r\nhost: evil.example\r\n\r\n", &[421]),
        ("POST /v1/beat HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 2\r\n\r\n{}", &[421]),
        ("GET / HTTP/1.1\r\n\r\n", &[400, 421]),
        ("GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n", &[404]),
        ("GET /v1/beat HTTP/1.1\r\nhost: localhost\r\n\r\n", &[405]),
        ("DELETE / HTTP/1.1\r\nhost: localhost\r\n\r\n", &[405]),
        (unsigned, &[401]),
        (&forged, &[401]),
        ("POST /v1/beat HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n", &[413]),
        ("nonsense\r\n\r\n", &[400]),
        (&long, &[404, 414, 431]),
        (&many, &[400, 431]),
    ] {
        let status = raw(&stage.host.at(7700), request).await;
        assert!(statuses.contains(&status), "{status} for {}", request.chars().take(80).collect::<String>());
    }
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
}

/// Sends this text on a connection of its own; the status of the answer.
async fn raw(address: &str, request: &str) -> u16 {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        // It may answer and close before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.expect("an answer");
        let text = String::from_utf8_lossy(&answer[..read]).into_owned();
        text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    };
    tokio::time::timeout(Duration::from_secs(10), exchange).await.expect("an answer in time")
}
