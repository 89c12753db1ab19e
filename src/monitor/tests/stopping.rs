use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::stage::Stage;
use crate::clock;
use crate::notify::{Channel, ChannelKind, ChannelSettings};
use crate::settings::Secret;
use crate::store::notices;

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn what_is_being_sent_at_an_orderly_end_is_written_down_and_nothing_else_is_begun() {
    let (asked, answers) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, may) = (Arc::clone(&asked), Arc::clone(&answers));
    let take = move || {
        let (told, may) = (Arc::clone(&told), Arc::clone(&may));
        async move {
            told.notify_one();
            may.notified().await;
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Secret::Plain(format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/api/v2/alerts", post(take))).await });
    let (kind, timeout_after) = (ChannelKind::Alertmanager { url }, LIMIT);
    let channel = Channel::new(&ChannelSettings { name: "ops".into(), kind, fallback: None, say: None, timeout: timeout_after }).unwrap();

    let stage = Stage::new(&["job"]).await;
    for trouble in ["one", "another"] {
        stage.monitor.config_is(Some(trouble), clock::now()).await.unwrap();
    }
    let (ingest, loops) = stage.monitor.loops(vec![channel]);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(loops.run(stopped));
    timeout(LIMIT, asked.notified()).await.expect("something is being sent");
    stop.send_replace(true);
    drop(ingest);
    answers.notify_one();
    timeout(LIMIT, running).await.expect("the loops end").unwrap().unwrap();
    let about = notices::newest(&mut stage.monitor.store.read().await.unwrap(), 100).await.unwrap();
    let taken = about.iter().filter(|stored| stored.channel == "ops" && stored.taken_at.is_some());
    assert_eq!(taken.count(), 1, "{about:?}");
}
