//! A small app of one colour, in the test's own process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allswell::domain::colour::Colour;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::events::events;
use super::listen::listen;
use super::marks::Marks;

/// On every answer: the colour that the app knows itself to be.
pub(crate) const APP_COLOUR: &str = "x-app-colour";
/// On every answer: how many shifts had been ordered when the request arrived.
pub(crate) const APP_ORDERED: &str = "x-app-ordered";

/// An app that is running; it ends when dropped.
pub(crate) struct App {
    pub(crate) seen: Arc<Seen>,
    server: JoinHandle<()>,
}

/// What an app has seen.
pub(crate) struct Seen {
    colour: Colour,
    marks: Arc<Marks>,
    arrivals: AtomicU64,
    working: AtomicU64,
}

impl Seen {
    /// Requests that have arrived, without anybody's probes.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::SeqCst)
    }

    /// Requests of `/work` that are being worked on.
    pub(crate) fn working(&self) -> u64 {
        self.working.load(Ordering::SeqCst)
    }
}

impl App {
    /// As [`App::start`], for an address of one's own.
    pub(crate) async fn start_at(address: String, colour: Colour, marks: Arc<Marks>) -> Self {
        Self::start(&address, colour, marks).await
    }

    /// Listens at once.
    pub(crate) async fn start(address: &str, colour: Colour, marks: Arc<Marks>) -> Self {
        let seen = Arc::new(Seen { colour, marks, arrivals: AtomicU64::new(0), working: AtomicU64::new(0) });
        let listener = listen(address).await;
        let router = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/work", any(work))
            .route("/headers", any(headers))
            .route("/length", any(length))
            .route("/download", get(download))
            .route("/trailers", any(trailers))
            .route("/drip", get(drip))
            .route("/events", get(|State(seen): State<Arc<Seen>>| async move { events(seen.colour.as_str()) }))
            .route("/hang", any(|| async { sleep(Duration::from_secs(600)).await }))
            .route("/ws", get(websocket))
            .layer(axum::middleware::from_fn_with_state(Arc::clone(&seen), note))
            .with_state(Arc::clone(&seen));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("an app that serves") });
        Self { seen, server }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn note(State(seen): State<Arc<Seen>>, request: Request, next: axum::middleware::Next) -> Response {
    let ordered = seen.marks.ordered();
    if request.uri().path() != "/healthz" {
        seen.arrivals.fetch_add(1, Ordering::SeqCst);
    }
    let mut answer = next.run(request).await;
    answer.headers_mut().insert(APP_COLOUR, HeaderValue::from_static(seen.colour.as_str()));
    answer.headers_mut().insert(APP_ORDERED, HeaderValue::from(ordered));
    answer
}

async fn work(State(seen): State<Arc<Seen>>, Query(query): Query<BTreeMap<String, u64>>, body: Bytes) -> String {
    seen.working.fetch_add(1, Ordering::SeqCst);
    sleep(Duration::from_millis(query.get("ms").copied().unwrap_or(0))).await;
    seen.working.fetch_sub(1, Ordering::SeqCst);
    format!("{} {}", seen.colour, body.len())
}

/// What arrived, a line each; and headers that no app should send.
async fn headers(request: Request) -> Response {
    let mut lines: Vec<String> =
        request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default())).collect();
    lines.insert(0, format!("{} {}", request.method(), request.uri()));
    let mut answer = lines.join("\n").into_response();
    for (name, value) in [("x-allswell-colour", "purple"), ("x-allswell-epoch", "99"), ("keep-alive", "timeout=9"), ("x-kept", "yes")] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn length(body: Body) -> String {
    let mut stream = body.into_data_stream();
    let (mut length, mut sum) = (0, 0);
    while let Some(Ok(piece)) = stream.next().await {
        length += piece.len();
        sum += piece.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    }
    format!("{length} {sum}")
}

async fn download(Query(query): Query<BTreeMap<String, usize>>) -> Body {
    let pieces = query.get("pieces").copied().unwrap_or(1);
    Body::from_stream(stream::iter((0..pieces).map(|number| Ok::<_, std::io::Error>(vec![(number % 251) as u8; 64 * 1024]))))
}

/// A first line, and then nothing.
async fn drip() -> Body {
    let first = stream::iter([Ok::<_, std::io::Error>("first\r\n")]);
    Body::from_stream(first.chain(stream::pending()))
}

/// Says back the trailers of the request as trailers of the answer.
async fn trailers(request: Request) -> Response {
    let collected = http_body_util::BodyExt::collect(request.into_body()).await.expect("a whole body");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let frames: Vec<Result<Frame<Bytes>, std::io::Error>> =
        vec![Ok(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(trailers))];
    let mut answer = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    answer.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
    answer
}

async fn websocket(State(seen): State<Arc<Seen>>, _headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| echo(socket, seen.colour))
}

async fn echo(mut socket: WebSocket, colour: Colour) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(text) = message
            && socket.send(Message::Text(format!("{colour} {text}").into())).await.is_err()
        {
            return;
        }
    }
}
