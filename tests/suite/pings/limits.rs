//! Whoever comes too often is told to wait, and nobody else is.

use allswell::domain::beat::{Beat, BeatKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stage::{ID, Stage};

#[tokio::test]
async fn too_many_pings_of_one_check_wait_and_the_other_checks_do_not() {
    let other = "22222222-2222-4333-8444-555555555555";
    let more = format!("[pings]\nper_check = 3\n[[check]]\nname = \"other\"\nuuid = \"{other}\"\nperiod = \"1h\"\n");
    let stage = Stage::with_check("1h", &more).await;
    for _ in 0..3 {
        assert_eq!(stage.ping(ID).await.status, 200);
    }
    let refused = stage.ping(&format!("{ID}/fail")).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let wait: u64 = refused.header("retry-after").expect("how long").parse().unwrap();
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(stage.status("backup").await, "up", "what is refused does not count");
    assert_eq!(stage.ping(other).await.status, 200);
    assert_eq!(stage.ping(&format!("{other}/fail")).await.status, 200);
}

#[tokio::test]
async fn too_many_requests_of_one_address_wait_and_signed_beats_within_their_promise_do_not() {
    let stage = Stage::with_check("1h", "[pings]\nper_address = 5\ntrusted = [\"127.0.0.0/8\"]\n").await;
    let from = |address: &str| format!("X-Forwarded-For: 6.6.6.6, {address}");
    let (one, two) = (from("192.0.2.1"), from("192.0.2.2"));
    let path = format!("/ping/{ID}");
    for _ in 0..5 {
        assert_eq!(stage.curl(&["-H", &one], "/ping/guess/guess").await.status, 404);
    }
    assert_eq!(stage.curl(&["-H", &one], &path).await.status, 429);
    assert_eq!(stage.curl(&["-H", &two], &path).await.status, 200);
    for _ in 0..6 {
        stage.curl(&[], "/ping/guess/guess").await;
    }
    assert_eq!(stage.curl(&[], &path).await.status, 429, "this very address");
    let promise = |beat: Beat| Beat { every_ms: Some(5_000), ..beat };
    for number in 0..100 {
        let beat = promise(stage.sender.beat("backup", BeatKind::Success));
        assert_eq!(stage.sender.send(&beat).await, Some(200), "{number}");
    }
    let mut refused = None;
    for _ in 0..20 {
        refused = stage.sender.send(&promise(stage.sender.beat("backup", BeatKind::Success))).await.filter(|status| *status != 200);
    }
    assert_eq!(refused, Some(429), "a hundred times as often as it has promised");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_cut_and_others_are_served_meanwhile() {
    let stage = Stage::with_check("1h", "").await;
    let mut silent = tokio::net::TcpStream::connect(stage.host.at(7700)).await.unwrap();
    let mut slow = tokio::net::TcpStream::connect(stage.host.at(7700)).await.unwrap();
    let head = format!("POST /ping/{ID} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhello");
    slow.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(stage.ping(ID).await.status, 200);
    let mut answer = vec![0; 1_000];
    let read = tokio::time::timeout(std::time::Duration::from_secs(30), slow.read(&mut answer)).await.expect("it is cut").unwrap();
    let said_nothing = tokio::time::timeout(std::time::Duration::from_secs(30), silent.read(&mut [0; 10])).await.expect("it is cut, too");
    assert_eq!(said_nothing.unwrap(), 0);
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("the body did not come in time"), "{answer}");
}
