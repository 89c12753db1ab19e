//! What anybody may see.

use allswell::domain::beat::BeatKind;

use super::stage::{Stage, TOKEN, in_three_days};
use crate::harness::{Host, eventually, self_signed};

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

#[tokio::test]
async fn the_public_s_own_listener_speaks_tls_where_it_has_a_certificate() {
    let host = Host::new();
    std::fs::create_dir(host.path("state")).unwrap();
    self_signed(&host.path("state/public"), &format!("IP:{}", host.ip), 5);
    let listen = format!("listen = \"{}\"\ntls = {{ certificate = \"public.pem\", key = \"public.key\" }}\ntitle =", host.at(7780));
    let stage = Stage::on(host, "heartbeats = false", &config().replace("title =", &listen)).await;
    let ask = async |scheme: &str| {
        let client = allswell::net::client::to_our_own(std::time::Duration::from_secs(20)).unwrap();
        client.get(format!("{scheme}://{}/public", stage.host.at(7780))).send().await.map(|answer| answer.status().as_u16())
    };
    assert_eq!(ask("https").await.unwrap(), 200);
    assert!(ask("http").await.is_err(), "nothing is said in the clear");
    assert_eq!(stage.get("/public", &[]).await.status, 200, "the watcher's own has none");
    let key = stage.incident("certificate-watcher").await;
    let words = stage.get(&format!("/incidents/{key}"), &[]).await.text;
    assert!(words.contains("the certificate of the public listener ends in 4 days"), "{words}");
}
