//! Who forgets what it has taken is told again what is not over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;

use super::stage::{Stage, at, settings};
use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::NoticeKind;
use crate::domain::quiet::QuietKind;
use crate::monitor::Monitor;
use crate::monitor::orders::QuietOrder;
use crate::monitor::standing::Standing;
use crate::notify::{Channel, ChannelKind, ChannelSettings};
use crate::settings::Secret;
use crate::store::Store;

/// What stands for a channel, in short: `check.down blue`.
async fn standing(stage: &Stage, channel: &str) -> Vec<String> {
    let standing = stage.monitor.standing(channel).await.unwrap();
    standing.iter().map(|notice| format!("{} {}", notice.kind, notice.subject.check)).collect()
}

#[tokio::test]
async fn what_a_channel_has_taken_stands_until_it_is_over_and_a_mute_takes_nothing_back() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    assert!(standing(&stage, "ops").await.is_empty(), "it is on its way");
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    let mute = QuietOrder { check: "job".into(), kind: QuietKind::Mute, for_ms: 60_000, by: "ann@desk".into(), note: None };
    stage.monitor.quiet(mute, at(2_000)).await.unwrap();
    stage.restart(2_500).await;
    assert_eq!(standing(&stage, "ops").await, ["check.down job"]);
    assert!(standing(&stage, "mail").await.is_empty(), "it was told nothing before it was muted");
    stage.up("job", 3_000).await;
    assert!(standing(&stage, "ops").await.is_empty(), "its end is on its way");
}

#[tokio::test]
async fn what_stands_is_what_was_told_last_and_in_the_gravity_in_which_it_was_told() {
    let mut stage = Stage::new(&["job"]).await;
    for now in [100, 200, 300] {
        let slow = stage.beat("job", Showing::Slow, now);
        stage.hear(slow, now).await.unwrap();
    }
    assert_eq!(stage.told("ops", 400).await, ["check.poorly job"]);
    assert_eq!(standing(&stage, "ops").await, ["check.poorly job"]);
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    for now in [1_100, 1_200] {
        let slow = stage.beat("job", Showing::Slow, now);
        stage.hear(slow, now).await.unwrap();
    }
    assert_eq!(stage.open().await[0].incident.severity, Severity::Info, "less grave, which is not told");
    let standing = stage.monitor.standing("ops").await.unwrap();
    let standing: Vec<_> = standing.iter().map(|notice| (notice.kind, notice.subject.severity)).collect();
    assert_eq!(standing, [(NoticeKind::CheckDown, Severity::Warning)]);
}

#[tokio::test]
async fn what_an_incident_explains_is_listed_whenever_it_is_told_again() {
    let mut settings = settings(&["proxy", "shop page", "prober"]);
    settings.checks[1].behind = vec!["proxy".into()];
    let mut stage = Stage::with(settings).await;
    for check in ["proxy", "shop page"] {
        stage.good(check, 0).await;
    }
    for check in ["shop page", "proxy"] {
        stage.down(check, 1_000).await;
    }
    stage.sweep(1_000, 2_000).await;
    assert_eq!(stage.told("ops", 2_000).await, ["check.down proxy"]);
    assert_eq!(stage.monitor.standing("ops").await.unwrap()[0].also, ["shop page"]);
}

#[tokio::test]
async fn what_was_handed_over_is_told_again_by_whoever_tells_its_end() {
    let mut stage = Stage::new(&["job"]).await;
    stage.down("job", 1_000).await;
    assert_eq!(stage.told("ops", 1_000).await, ["check.down job"]);
    assert!(stage.monitor.hand_over("job", at(800), at(1_100)).await.unwrap());
    assert!(standing(&stage, "ops").await.is_empty());
}

type Posts = Arc<Mutex<Vec<Value>>>;

/// Takes alerts as an Alertmanager does. With `ends`, the config is right again while the first post is on its way: another watcher has heard so.
async fn alertmanager(monitor: &Monitor, ends: bool) -> (Channel, Posts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Secret::Plain(format!("http://{}", listener.local_addr().unwrap()));
    let (monitor, posts) = (monitor.clone(), Posts::default());
    let kept = Arc::clone(&posts);
    let take = move |Json(alerts): Json<Value>| {
        let (monitor, kept) = (monitor.clone(), Arc::clone(&kept));
        async move {
            kept.lock().unwrap().push(alerts);
            if ends {
                monitor.config_is(None, clock::now()).await.unwrap();
            }
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/api/v2/alerts", post(take))).await });
    let (kind, timeout) = (ChannelKind::Alertmanager { url }, Duration::from_secs(10));
    let channel = Channel::new(&ChannelSettings { name: "ops".into(), kind, fallback: None, say: None, timeout }).unwrap();
    (channel, posts)
}

fn end(post: &Value) -> Moment {
    serde_json::from_value(post[0]["endsAt"].clone()).unwrap()
}

/// The channel `ops` has heard that the config is wrong, by the clock by which alerts end.
async fn told_of_the_config(stage: &Stage) {
    let now = clock::now();
    stage.monitor.config_is(Some("no such key"), now).await.unwrap();
    assert_eq!(stage.told("ops", now.as_millis() - at(0).as_millis()).await, ["check.down config"]);
}

#[tokio::test]
async fn what_is_over_while_it_is_told_again_is_taken_back_at_once() {
    let stage = Stage::new(&[]).await;
    told_of_the_config(&stage).await;
    let (channel, posts) = alertmanager(&stage.monitor, true).await;
    Standing::default().tell_now(&stage.monitor, &channel).await;
    let posts = posts.lock().unwrap().clone();
    assert_eq!(posts.len(), 2, "{posts:?}");
    assert_eq!(posts[0][0]["labels"], posts[1][0]["labels"]);
    assert!(end(&posts[0]) > end(&posts[1]) && end(&posts[1]) <= clock::now(), "{posts:?}");
}

#[tokio::test]
async fn while_our_own_store_cannot_be_read_what_stood_last_is_told_again_from_memory() {
    let (folder, mut stage) = (tempfile::tempdir().unwrap(), Stage::new(&[]).await);
    stage.monitor = Monitor::new(Store::open("sqlite:own.db", folder.path()).await.unwrap(), settings(&[]));
    stage.monitor.start(at(0)).await.unwrap();
    told_of_the_config(&stage).await;
    let (channel, posts) = alertmanager(&stage.monitor, false).await;
    let mut standing = Standing::default();
    standing.tell_now(&stage.monitor, &channel).await;
    rusqlite::Connection::open(folder.path().join("own.db")).unwrap().execute_batch("DROP TABLE notice").unwrap();
    standing.tell_now(&stage.monitor, &channel).await;
    let posts = posts.lock().unwrap().clone();
    assert_eq!(posts.len(), 2, "{posts:?}");
    assert_eq!(posts[0][0]["labels"], posts[1][0]["labels"]);
    assert!(end(&posts[1]) >= end(&posts[0]) && end(&posts[1]) > clock::now(), "{posts:?}");
}
