//! Slack by a bot's token: the end stands under its alarm. To a stand-in that takes what docs.slack.dev says of chat.postMessage, and nothing else.

use std::sync::{Arc, Mutex};

use allswell::domain::beat::BeatKind;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::harness::{eventually, is_slack_message, listen};

const TOKEN: &str = "xoxb-0-hush";
const CHANNEL: &str = "C0123456789";

/// What it took, each with the timestamp that it gave out.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

async fn slack(address: &str) -> Taken {
    let taken = Taken::default();
    let listener = listen(address).await;
    let router = Router::new().route("/api/chat.postMessage", post(take)).with_state(taken.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    taken
}

async fn take(State(taken): State<Taken>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refuse = |error: &str| axum::Json(json!({ "ok": false, "error": error })).into_response();
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let known = ["channel", "text", "mrkdwn", "unfurl_links", "blocks", "thread_ts", "reply_broadcast"];
    if header("content-type") != "application/json" {
        return refuse("invalid_post_type");
    }
    if header("authorization") != format!("Bearer {TOKEN}") {
        return refuse("invalid_auth");
    }
    if message["channel"] != CHANNEL {
        return refuse("channel_not_found");
    }
    if !is_slack_message(&message) || !message.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())) {
        return refuse("invalid_blocks");
    }
    let mut taken = taken.lock().unwrap();
    if message.get("thread_ts").is_some_and(|thread| taken.iter().all(|(ts, _)| thread != ts)) {
        return refuse("thread_not_found");
    }
    let ts = format!("1503435956.{:06}", taken.len() + 1);
    taken.push((ts.clone(), message.clone()));
    let answer = json!({ "ok": true, "channel": CHANNEL, "ts": ts, "message": { "text": message["text"], "blocks": message["blocks"], "bot_id": "B1" } });
    (StatusCode::OK, axum::Json(answer)).into_response()
}

#[tokio::test]
async fn the_reminders_and_the_end_of_an_incident_stand_in_the_thread_of_its_alarm() {
    let more = |address: &str| {
        format!(
            "[[channel]]\nname = \"bot\"\nkind = \"slack\"\ntoken = \"{TOKEN}\"\nchannel = \"{CHANNEL}\"\napi = \"http://{address}/api\"\n\
             [[check]]\nname = \"backup\"\nperiod = \"1h\"\nchannels = [\"bot\"]\nremind = \"1s\"\n\
             [[check]]\nname = \"report\"\nperiod = \"1h\"\nchannels = [\"bot\"]\n"
        )
    };
    let stage = Stage::prepared("", |host| more(&host.at(9002))).await;
    let taken = slack(&stage.host.at(9002)).await;
    let count = |wanted: usize| {
        let taken = taken.clone();
        eventually("it is told", move || {
            let found = taken.lock().unwrap().clone();
            async move { (found.len() >= wanted).then_some(found) }
        })
    };
    assert_eq!(stage.sender.say("report", BeatKind::Fail).await, Some(200));
    count(1).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    let told = count(3).await;
    let alarm = told[1].0.clone();
    assert_eq!((told[0].1.get("thread_ts"), told[1].1.get("thread_ts")), (None, None));
    assert_eq!(
        (&told[2].1["thread_ts"], &told[2].1["reply_broadcast"]),
        (&json!(alarm), &json!(true)),
        "a reminder is seen in the channel, too"
    );
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    let end = eventually("the end is told", || async {
        let found = taken.lock().unwrap().clone();
        found.into_iter().find(|(_, message)| message["blocks"][0]["text"]["text"].as_str().unwrap().ends_with("is working again"))
    })
    .await;
    assert_eq!((&end.1["thread_ts"], &end.1["reply_broadcast"]), (&json!(alarm), &json!(false)));
    let log = std::fs::read_to_string(stage.host.path("watcher.log")).unwrap();
    assert!(!log.contains("hush"), "no log shows the token");
}
