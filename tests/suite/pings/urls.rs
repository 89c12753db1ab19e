//! What is answered to whatever a client may send: as healthchecks answers it, and never a 5xx.

use super::stage::{ID, Stage};

const KEYED: &str = "[pings]\nkey = \"pingkey\"\nper_check = 100000\nper_address = 100000\n";

#[tokio::test]
async fn every_url_and_method_is_answered_as_the_clients_of_healthchecks_know_it() {
    let stage = Stage::with_check("1h", KEYED).await;
    let upper = ID.to_uppercase();
    let none = "00000000-0000-4000-8000-000000000000";
    for (path, wanted) in [
        (ID.to_owned(), (200, "OK")),
        (format!("{ID}/"), (200, "OK")),
        (format!("{ID}/start"), (200, "OK")),
        (format!("{ID}/log"), (200, "OK")),
        (format!("{ID}/0"), (200, "OK")),
        (format!("{ID}/007"), (200, "OK")),
        (format!("{ID}/256"), (400, "invalid url format")),
        (format!("{ID}/99999999999999999999"), (400, "invalid url format")),
        (format!("{ID}/foo"), (404, "not found")),
        (format!("{ID}/FAIL"), (400, "invalid url format")),
        (format!("{ID}/-1"), (404, "not found")),
        (upper.clone(), (404, "not found")),
        (format!("{upper}/fail"), (404, "not found")),
        (none.to_owned(), (404, "not found")),
        (format!("{none}/256"), (404, "not found")),
        (format!("{none}?rid=x"), (404, "not found")),
        (format!("{ID}?rid=x"), (400, "invalid uuid format")),
        (format!("{ID}?rid="), (400, "invalid uuid format")),
        (format!("{ID}?rid={ID}%0A"), (400, "invalid uuid format")),
        (format!("{ID}?rid=x&rid={upper}"), (200, "OK")),
        (format!("{ID}?%FF%00=%F0%28"), (200, "OK")),
        ("pingkey/backup".to_owned(), (200, "OK")),
        ("pingkey/backup/fail".to_owned(), (200, "OK")),
        ("pingkey/backup/0".to_owned(), (200, "OK")),
        ("pingkey/Backup".to_owned(), (400, "invalid url format")),
        ("pingkey/nothing".to_owned(), (404, "not found")),
        ("wrongkey/backup".to_owned(), (404, "not found")),
        ("pingkey/backup/stop".to_owned(), (404, "not found")),
        (format!("pingkey/{}", "a".repeat(101)), (400, "invalid url format")),
        (format!("pingkey/{}", "a".repeat(5_000)), (400, "invalid url format")),
    ] {
        assert_eq!(stage.ping(&path).await.short(), wanted, "{path}");
    }
    let (_, metrics) = stage.sender.get("/metrics").await.unwrap();
    assert!(!metrics.contains("allswell_beat_skew_seconds{sender=\"127."), "whoever pings has no clock, and no row: {metrics}");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO", "AVERYLONGMETHODNAMEOFNOBODY"] {
        assert_eq!(stage.curl(&["-X", method], &format!("/ping/{ID}")).await.short(), (200, "OK"), "{method}");
    }
    let head = stage.curl(&["-I"], &format!("/ping/{ID}")).await;
    assert_eq!(head.status, 200);
    assert_eq!((head.header("ping-body-limit"), head.header("access-control-allow-origin")), (Some("100000"), Some("*")));
    assert!(head.header("cache-control").is_some_and(|value| value.contains("no-store")), "{head:?}");
    assert_eq!(stage.ping(&format!("{ID}?rid=x")).await.header("ping-body-limit"), None);
}

#[tokio::test]
async fn whatever_a_client_sends_besides_is_taken_or_refused_in_words_and_never_a_5xx() {
    let stage = Stage::with_check("1h", "[pings]\nbody_limit = 1000\nper_check = 100000\n").await;
    let path = format!("/ping/{ID}");
    std::fs::write(stage.host.path("binary"), [0xff, 0x00, 0xfe, b'\n'].repeat(50_000)).unwrap();
    std::fs::write(stage.host.path("cut"), "é".repeat(600)).unwrap();
    std::fs::write(stage.host.path("large"), vec![b'x'; 11 * 1024 * 1024]).unwrap();
    let file = |name: &str| format!("@{}", stage.host.path(name).display());
    let (binary, cut, large) = (file("binary"), file("cut"), file("large"));
    let form = format!("log={binary}");
    let agent = format!("User-Agent: {}", "x".repeat(2_000));
    for (words, status) in [
        (vec!["--data-binary", binary.as_str()], 200),
        (vec!["--data-binary", cut.as_str()], 200),
        (vec!["-F", form.as_str()], 200),
        (vec!["-H", "Transfer-Encoding: chunked", "--data-binary", binary.as_str()], 200),
        (vec!["-H", "Content-Type: application/json", "-d", "{\"status\":"], 200),
        (vec!["-H", "X-Forwarded-For: not an address, nor this"], 200),
        (vec!["-H", "X-Forwarded-Proto: averylongprotocolindeed"], 200),
        (vec!["-H", agent.as_str()], 200),
        (vec!["-H", "Expect: 100-continue", "--data-binary", binary.as_str()], 200),
        (vec!["--data-binary", large.as_str()], 413),
    ] {
        let answer = stage.curl(&words, &path).await;
        assert_eq!(answer.status, status, "{words:?}: {answer:?}");
    }
    assert_eq!(stage.status("backup").await, "up");
    let foreign = stage.curl(&["-H", "Host: evil.example"], &path).await;
    assert_eq!(foreign.status, 421);
}
