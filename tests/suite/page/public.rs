//! What anybody may see.

use allswell::domain::beat::BeatKind;

use super::stage::{Stage, TOKEN, in_three_days};
use crate::harness::{Host, eventually};

const CONFIG: &str = "[public]\nchecks = [\"backup\"]\ntitle = \"shop status\"\n\
    [[check]]\nname = \"backup\"\nperiod = \"1h\"\n[[check]]\nname = \"secret ledger\"\nperiod = \"1h\"\n\
    [[maintenance]]\nname = \"new disks\"\nchecks = [\"backup\"]\nschedule = \"{maintenance}\"\nduration = \"1h\"\n\
    [[maintenance]]\nname = \"hidden works\"\nchecks = [\"secret ledger\"]\nschedule = \"{maintenance}\"\nduration = \"1h\"\n";
const AFAR: (&str, &str) = ("x-forwarded-for", "192.0.2.7");

fn config() -> String {
    CONFIG.replace("{maintenance}", &in_three_days())
}

#[tokio::test]
async fn anybody_sees_what_the_config_publishes_and_nothing_else() {
    let stage = Stage::new(&config()).await;
    for check in ["backup", "secret ledger"] {
        assert_eq!(stage.sender.say(check, BeatKind::Fail).await, Some(200));
        stage.incident(check).await;
    }
    for path in ["/public", "/public/status.json", "/public/feed.rss", "/public/badge.svg", "/public/badge/backup.svg"] {
        let answer = stage.get(path, &[AFAR]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.replace('_', " ").contains("not working"), "{path}: {}", answer.text);
        // Where the feed is found stands in it.
        let text = answer.text.replace(&stage.url(""), "");
        for hidden in ["secret", "hidden works", "answered 500", "127.", "green", TOKEN] {
            assert!(!text.contains(hidden), "{path} shows {hidden}");
        }
    }
    for path in ["/public/badge/secret%20ledger.svg", "/public/badge/blue.svg", "/public/nothing"] {
        assert_eq!(stage.get(path, &[AFAR]).await.status, 404, "{path}");
    }
    let status: serde_json::Value = serde_json::from_str(&stage.get("/public/status.json", &[AFAR]).await.text).unwrap();
    assert_eq!(status["checks"][0]["health"], "not_working");
    assert_eq!(status["maintenance"][0]["name"], "new disks");
    let feed = stage.get("/public/feed.rss", &[AFAR]).await;
    assert_eq!(feed.header("content-type"), "application/rss+xml; charset=utf-8");
    assert!(feed.text.starts_with("<?xml version=\"1.0\"") && feed.text.contains("<title>backup is not working</title>"), "{}", feed.text);
    assert_eq!(feed.text.matches("<link>").count(), feed.text.matches("</link>").count());
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    eventually("it works", || async { stage.get("/public", &[AFAR]).await.text.contains("Everything works").then_some(()) }).await;
}

#[tokio::test]
async fn the_public_s_own_listener_serves_nothing_but_that() {
    let host = Host::new();
    let config = config().replace("title =", &format!("listen = \"{}\"\ntitle =", host.at(7780)));
    let stage = Stage::on(host, "heartbeats = false", &config).await;
    let ask = async |path: &str| {
        let client = allswell::net::client::http(std::time::Duration::from_secs(20)).unwrap();
        client.get(format!("http://{}{path}", stage.host.at(7780))).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("/").await, 303);
    for path in ["/public", "/public/feed.rss", "/style.css", "/icon.svg"] {
        assert_eq!(ask(path).await, 200, "{path}");
    }
    for path in ["/checks", "/checks/backup", "/v1/overview", "/v1/checks", "/metrics", "/healthz", "/events", "/sign-in", "/ping/x"] {
        assert_eq!(ask(path).await, 404, "{path}");
    }
}
