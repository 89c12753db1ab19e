//! A stream of events that says its colour and counts.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures_util::stream;
use tokio::time::sleep;

/// How often it says something.
const EVENT: Duration = Duration::from_millis(100);

/// `data: blue 0`, `data: blue 1`, ...
pub(crate) fn events(colour: &'static str) -> impl IntoResponse {
    let numbered = stream::unfold(0_u64, move |number| async move {
        sleep(EVENT).await;
        Some((Ok::<_, Infallible>(format!("data: {colour} {number}\n\n")), number + 1))
    });
    // nginx would keep them back until it has more.
    ([(CONTENT_TYPE.as_str(), "text/event-stream"), ("x-accel-buffering", "no")], Body::from_stream(numbered))
}
