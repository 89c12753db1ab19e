//! The app of a colour, in a process of its own: it says its colour, takes uploads, echoes WebSockets and sends events.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::events::events;

/// How long an answer takes: requests are under way at every shift.
const WORK: Duration = Duration::from_millis(5);

/// Serves until it is killed.
pub(crate) async fn serve(colour: String, address: &str) {
    let colour: &'static str = colour.leak();
    let work = move |body: Bytes| async move {
        sleep(WORK).await;
        format!("{colour} {}", body.len())
    };
    let websocket = move |upgrade: WebSocketUpgrade| async move { upgrade.on_upgrade(move |socket| echo(socket, colour)) };
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/work", get(work).post(work))
        .route("/who", get(move || async move { colour }))
        .route("/events", get(move || async move { events(colour) }))
        .route("/ws", get(websocket))
        .layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

async fn echo(mut socket: WebSocket, colour: &'static str) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(text) = message
            && socket.send(Message::Text(format!("{colour} {text}").into())).await.is_err()
        {
            return;
        }
    }
}
