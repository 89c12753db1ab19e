//! A stand-in for Slack's incoming webhooks that enforces Block Kit's published limits (docs.slack.dev, reference/block-kit/blocks).

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;

use super::listen::listen;
use super::manner::{Manner, Manners};

const PATH: &str = "/services/T0/B0/hush";

/// It takes messages and keeps them.
#[derive(Clone)]
pub(crate) struct Slack {
    address: String,
    manners: Manners,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Slack {
    /// Listens at `address`, and ends with the test.
    pub(crate) async fn start(address: &str) -> Self {
        let listener = listen(address).await;
        let slack = Self { address: address.to_owned(), manners: Manners::new(), taken: Arc::default() };
        let router = Router::new().route(PATH, post(receive)).fallback(|| async { (StatusCode::NOT_FOUND, "no_service") });
        let router = router.with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        slack
    }

    /// The URL of its webhook. Its last word, `hush`, must stand in no log.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// The messages that it took, in order.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.taken.lock().expect("no test panics here").clone()
    }

    /// The headlines of the messages that it took.
    pub(crate) fn headlines(&self) -> Vec<String> {
        self.taken().iter().map(|message| message["blocks"][0]["text"]["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// How it answers from now on.
    pub(crate) fn set(&self, manner: Manner) {
        self.manners.set(manner);
    }
}

async fn receive(State(slack): State<Slack>, body: String) -> Response {
    if let Some(refusal) = slack.manners.refusal("no_service") {
        return refusal;
    }
    let Some(message) = serde_json::from_str::<Value>(&body).ok().filter(is_valid) else {
        return (StatusCode::BAD_REQUEST, "invalid_payload").into_response();
    };
    slack.taken.lock().expect("no test panics here").push(message);
    slack.manners.held().await;
    "ok".into_response()
}

/// Whether Slack would take it: a text, and at most 50 blocks within their limits.
pub(crate) fn is_valid(message: &Value) -> bool {
    let blocks = message["blocks"].as_array();
    message["text"].as_str().is_some_and(|text| !text.is_empty() && is_escaped(text))
        && blocks.is_some_and(|blocks| (1..=50).contains(&blocks.len()) && blocks.iter().all(is_block))
}

fn is_block(block: &Value) -> bool {
    let texts = |key: &str, most: usize, length: usize| {
        let texts = block[key].as_array();
        texts.is_some_and(|texts| (1..=most).contains(&texts.len()) && texts.iter().all(|text| is_text(text, length)))
    };
    match block["type"].as_str() {
        Some("header") => block["text"]["type"] == "plain_text" && is_text(&block["text"], 150),
        Some("section") if block.get("fields").is_some() => texts("fields", 10, 2_000),
        Some("section") => is_text(&block["text"], 3_000),
        Some("context") => texts("elements", 10, 3_000),
        Some("divider") => true,
        _ => false,
    }
}

fn is_text(text: &Value, most: usize) -> bool {
    let words = text["text"].as_str().unwrap_or_default();
    let known = match text["type"].as_str() {
        Some("plain_text") => text.get("verbatim").is_none(),
        Some("mrkdwn") => text.get("emoji").is_none(),
        _ => false,
    };
    known && (1..=most).contains(&words.encode_utf16().count()) && is_escaped(words)
}

/// Slack would read a bare `<` as the beginning of a mention or a link: nothing of ours may have one.
fn is_escaped(text: &str) -> bool {
    !text.contains(['<', '>'])
}
