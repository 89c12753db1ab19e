//! Stories of PagerDuty and ntfy: to a receiver that takes what their documents say, and nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::domain::notice::{Notice, NoticeKind};
use allswell::notify::{Channel, ChannelKind, SendError};
use allswell::settings::Secret;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{channel, notice};
use crate::harness::{Host, listen};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What it took: where, and what.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

/// A receiver that judges each post.
async fn receiver(host: &Host, judge: fn(&str, &HeaderMap, &Value) -> Response) -> Taken {
    type Seat = (Taken, fn(&str, &HeaderMap, &Value) -> Response);
    async fn take(State((taken, judge)): State<Seat>, uri: Uri, headers: HeaderMap, body: String) -> Response {
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        let answer = judge(uri.path(), &headers, &body);
        if answer.status().is_success() {
            taken.lock().unwrap().push((uri.path().to_owned(), body));
        }
        answer
    }
    let taken = Taken::default();
    let listener = listen(&host.at(80)).await;
    let router = Router::new().fallback(take).with_state((taken.clone(), judge));
    tokio::spawn(async move { axum::serve(listener, router).await });
    taken
}

fn only(value: &Value, known: &[&str]) -> bool {
    value.as_object().is_some_and(|object| object.keys().all(|key| known.contains(&key.as_str())))
}

fn text(value: &Value, most: usize) -> bool {
    value.as_str().is_some_and(|text| (1..=most).contains(&text.chars().count()))
}

/// PagerDuty/developer-docs, docs/events-API-v2: 01-Overview, 02-Trigger-Events, 03-Change-Events.
fn pagerduty(path: &str, _: &HeaderMap, event: &Value) -> Response {
    let payload = &event["payload"];
    let is_valid = match (path, event["event_action"].as_str()) {
        ("/v2/enqueue", Some("trigger")) => {
            let known = ["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"];
            let severity = payload["severity"].as_str().unwrap_or_default();
            only(event, &["routing_key", "event_action", "dedup_key", "client", "client_url", "payload"])
                && text(&event["dedup_key"], 255)
                && only(payload, &known)
                && text(&payload["summary"], 1_024)
                && text(&payload["source"], 1_024)
                && ["critical", "error", "warning", "info"].contains(&severity)
        }
        ("/v2/enqueue", Some("resolve")) => only(event, &["routing_key", "event_action", "dedup_key"]) && text(&event["dedup_key"], 255),
        ("/v2/change/enqueue", None) => {
            only(event, &["routing_key", "payload", "links"])
                && only(payload, &["summary", "source", "timestamp", "custom_details"])
                && text(&payload["summary"], 1_024)
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match (event["routing_key"] == KEY && is_valid, event["dedup_key"] == "busy") {
        (false, _) => (StatusCode::BAD_REQUEST, json!({ "status": "invalid event" }).to_string()).into_response(),
        (true, true) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")]).into_response(),
        (true, false) => (StatusCode::ACCEPTED, json!({ "status": "success" }).to_string()).into_response(),
    }
}

fn pager(host: &Host, key: &str) -> Channel {
    let kind = ChannelKind::PagerDuty { routing_key: Secret::Plain(key.into()), url: format!("http://{}", host.at(80)) };
    channel(kind, Duration::from_secs(5))
}

#[tokio::test]
async fn pagerduty_opens_and_closes_one_alert_and_calls_nobody_for_all_s_well() {
    let host = Host::new();
    let taken = receiver(&host, pagerduty).await;
    let pager = pager(&host, KEY);
    let kinds = [NoticeKind::CheckDown, NoticeKind::CheckReminder, NoticeKind::CheckResolved, NoticeKind::ChannelWell];
    for kind in kinds {
        let notice = Notice { kind, ..notice(&"😀".repeat(10_000)) };
        assert_eq!(pager.send(&notice).await.map(|receipt| receipt.0), Ok("202".to_owned()), "{kind}");
    }
    let taken = taken.lock().unwrap();
    let told: Vec<_> =
        taken.iter().map(|(path, event)| (path.as_str(), event["event_action"].as_str(), event["dedup_key"].as_str())).collect();
    let (alerts, key) = ("/v2/enqueue", Some("blue-1795410000000"));
    let (trigger, resolve) = ((alerts, Some("trigger"), key), (alerts, Some("resolve"), key));
    assert_eq!(told, [trigger, trigger, resolve, ("/v2/change/enqueue", None, None)]);
}

#[tokio::test]
async fn pagerduty_s_refusals_say_whether_to_try_again() {
    let host = Host::new();
    let _taken = receiver(&host, pagerduty).await;
    let stranger = pager(&host, "hush").send(&notice("x")).await;
    assert_eq!(stranger, Err(SendError::Permanent { why: "answered 400".into() }));
    let mut busy = notice("x");
    busy.subject.incident = "busy".into();
    let limited = pager(&host, KEY).send(&busy).await;
    assert_eq!(limited, Err(SendError::Retry { why: "answered 429".into(), after: Some(Duration::from_secs(7)) }));
}

/// docs.ntfy.sh, publish: "Publish as JSON" and "Limitations".
fn ntfy(path: &str, headers: &HeaderMap, message: &Value) -> Response {
    if headers.get("authorization").is_none_or(|token| token != "Bearer tk_hush") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let is_valid = path == "/"
        && only(message, &["topic", "message", "title", "tags", "priority", "click"])
        && text(&message["topic"], 64)
        && message["message"].as_str().is_some_and(|text| text.len() <= 4_096)
        && message["priority"].as_u64().is_some_and(|priority| (1..=5).contains(&priority))
        && message["tags"].as_array().is_some_and(|tags| tags.iter().all(Value::is_string));
    if !is_valid {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut taken = message.clone();
    (taken["id"], taken["event"]) = (json!("hwQ2YpKdmg"), json!("message"));
    taken.to_string().into_response()
}

#[tokio::test]
async fn ntfy_takes_whatever_an_app_may_have_said_from_who_has_its_token() {
    let host = Host::new();
    let taken = receiver(&host, ntfy).await;
    let phone = |token: &str| {
        let kind =
            ChannelKind::Ntfy { url: Secret::Plain(format!("http://{}/shop", host.at(80))), token: Some(Secret::Plain(token.into())) };
        channel(kind, Duration::from_secs(5))
    };
    let hard = ["", "connection refused", &"😀".repeat(10_000), "a\u{0}b\r\nc"];
    for reason in hard {
        assert_eq!(phone("tk_hush").send(&notice(reason)).await.map(|receipt| receipt.0), Ok("200".to_owned()), "{reason:.20}");
    }
    assert_eq!(phone("tk_other").send(&notice("x")).await, Err(SendError::Permanent { why: "answered 401".into() }));
    let taken = taken.lock().unwrap();
    assert_eq!(taken.len(), hard.len());
    let (message, title) = (&taken[1].1, "shop: blue (live) is not working");
    assert_eq!((&message["topic"], &message["title"], &message["priority"]), (&json!("shop"), &json!(title), &json!(5)));
}
