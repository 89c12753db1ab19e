//! Checks that are made by their first ping.

use super::stage::Stage;

const KEYED: &str = "[pings]\nkey = \"pingkey\"\nmost_made = 3\n[[check]]\nname = \"the backup\"\nslug = \"backup\"\nperiod = \"1h\"\n";

#[tokio::test]
async fn a_check_is_made_by_its_first_ping_survives_a_restart_and_goes_down_in_its_own_time() {
    let mut stage = Stage::new("", KEYED).await;
    assert_eq!(stage.ping("pingkey/nightly?create=1&period=1h&grace=5m").await.short(), (201, "Created"));
    assert_eq!(stage.ping("pingkey/nightly?create=1").await.short(), (200, "OK"));
    assert_eq!(stage.ping("pingkey/hasty?create=1&period=1s").await.short(), (201, "Created"));
    assert_eq!(stage.ping("pingkey/only-started/start?create=1&period=1s&grace=1h").await.short(), (201, "Created"));
    stage.told("check.down hasty").await;
    stage.again().await;
    assert_eq!(stage.status("nightly").await, "up");
    assert_eq!(stage.status("hasty").await, "down");
    assert_eq!(stage.status("only-started").await, "new", "it waits until it is heard");
    assert_eq!(stage.ping("pingkey/nightly/fail").await.short(), (200, "OK"));
    assert_eq!(stage.status("nightly").await, "down");
    stage.ping("pingkey/hasty").await;
    stage.told("check.resolved hasty").await;
}

#[tokio::test]
async fn a_ping_that_is_refused_makes_nothing() {
    let stage = Stage::new("", KEYED).await;
    for (path, wanted) in [
        ("pingkey/one/256?create=1", (400, "invalid url format")),
        ("pingkey/one?create=1&rid=x", (400, "invalid uuid format")),
        ("pingkey/one?create=1&period=soon", (400, "period is a duration from 1s to 365d, such as 30m")),
        ("pingkey/one?create=1&grace=0", (400, "grace is a duration from 1s to 365d, such as 30m")),
        ("pingkey/one?create=true", (404, "not found")),
        ("pingkey/One?create=1", (400, "invalid url format")),
        ("wrongkey/one?create=1", (404, "not found")),
        ("pingkey/blue?create=1", (409, "there is another check named \"blue\"")),
    ] {
        assert_eq!(stage.ping(path).await.short(), wanted, "{path}");
    }
    let crawler = stage.curl(&["-A", "Twitterbot/1.0"], "/ping/pingkey/one?create=1").await;
    assert_eq!(crawler.short(), (404, "not found"));
    assert_eq!(stage.status("one").await, "absent");
    assert_eq!(stage.ping("pingkey/backup?create=1").await.short(), (200, "OK"), "the config's own");
    assert_eq!(stage.status("the backup").await, "up");
    for slug in ["a", "b", "c"] {
        assert_eq!(stage.ping(&format!("pingkey/{slug}?create=1")).await.status, 201);
    }
    let full = stage.ping("pingkey/d?create=1").await;
    assert_eq!(full.status, 403, "{full:?}");
    assert_eq!(stage.status("d").await, "absent");
}
