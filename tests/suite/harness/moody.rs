//! A small app of the test's own: it says its colour, and its health is what the test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::listen::listen;

/// An app that serves `/healthz`, `/` and `/hold`.
pub(crate) struct Moody {
    address: String,
    colour: &'static str,
    temper: Arc<Temper>,
    serving: Option<JoinHandle<()>>,
}

/// How the app behaves.
#[derive(Default)]
struct Temper {
    failing: AtomicBool,
    broken: AtomicBool,
    delay_ms: AtomicU64,
    holding: AtomicBool,
    held: AtomicU64,
}

impl Moody {
    /// Serves on this address.
    pub(crate) async fn start(address: String, colour: &'static str) -> Self {
        let mut app = Self { address, colour, temper: Arc::default(), serving: None };
        app.revive().await;
        app
    }

    /// Whether the health path answers 500.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.temper.failing.store(failing, Ordering::SeqCst);
    }

    /// Whether everything but the health path answers 500.
    pub(crate) fn set_broken(&self, broken: bool) {
        self.temper.broken.store(broken, Ordering::SeqCst);
    }

    /// How long each health answer takes.
    pub(crate) fn set_delay(&self, delay: Duration) {
        self.temper.delay_ms.store(delay.as_millis() as u64, Ordering::SeqCst);
    }

    /// Whether `/hold` keeps its requests.
    pub(crate) fn set_holding(&self, holding: bool) {
        self.temper.holding.store(holding, Ordering::SeqCst);
    }

    /// How many requests `/hold` keeps now.
    pub(crate) fn held(&self) -> u64 {
        self.temper.held.load(Ordering::SeqCst)
    }

    /// Nobody listens any more.
    pub(crate) async fn kill(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    /// Listens again.
    pub(crate) async fn revive(&mut self) {
        let colour = self.colour;
        let router = Router::new()
            .route("/healthz", get(health))
            .route("/hold", get(hold))
            .route("/", get(move |State(temper): State<Arc<Temper>>| async move { page(&temper, colour) }))
            .route("/ws", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(|_| async {}) }))
            .with_state(Arc::clone(&self.temper));
        let listener = listen(&self.address).await;
        self.serving = Some(tokio::spawn(async move { axum::serve(listener, router).await.expect("the app serves") }));
    }
}

fn page(temper: &Temper, colour: &'static str) -> (StatusCode, &'static str) {
    let is_broken = temper.broken.load(Ordering::SeqCst);
    (if is_broken { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }, colour)
}

async fn health(State(temper): State<Arc<Temper>>) -> StatusCode {
    sleep(Duration::from_millis(temper.delay_ms.load(Ordering::SeqCst))).await;
    if temper.failing.load(Ordering::SeqCst) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

async fn hold(State(temper): State<Arc<Temper>>) -> &'static str {
    temper.held.fetch_add(1, Ordering::SeqCst);
    while temper.holding.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(10)).await;
    }
    temper.held.fetch_sub(1, Ordering::SeqCst);
    "held"
}
