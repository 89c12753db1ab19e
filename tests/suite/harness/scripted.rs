//! A proxy that does as the test says: it keeps its orders, and may say one thing and do another.

use std::sync::{Arc, Mutex, MutexGuard};

use allswell::domain::colour::Colour;
use allswell::proxy::control::{COLOUR_HEADER, EPOCH_HEADER, Load, ProxyState, ShiftOrder};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::host::Host;
use super::listen::listen;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// It acknowledges every shift under its new epoch, and blue goes on serving.
    KeepsBlue,
    /// It shifts, and its front door claims the colour under the epoch before.
    KeepsEpoch,
    /// It shifts, and its front door does not say who answers.
    SaysNothing,
    /// It neither shifts to green nor answers that order.
    HangsUndone,
    /// It shifts to green and never answers that order.
    HangsDone,
    /// It shifts, and its front door does not answer from then on until it is [opened](Scripted::open).
    IsSeenLate,
}

/// A proxy's control socket and listeners; they end with the test.
#[derive(Clone)]
pub(crate) struct Scripted {
    script: Script,
    kept: Arc<Mutex<Kept>>,
    opened: watch::Sender<bool>,
}

struct Kept {
    state: ProxyState,
    orders: Vec<ShiftOrder>,
}

impl Scripted {
    /// Listens where the host's proxy would, with blue live. The state directory is there.
    pub(crate) async fn start(host: &Host, script: Script) -> Self {
        let idle = Load::default();
        let state = ProxyState { live: Some(Colour::Blue), epoch: 0, by: None, blue: idle, green: idle, answers: None };
        let proxy = Self { script, kept: Arc::new(Mutex::new(Kept { state, orders: Vec::new() })), opened: watch::Sender::new(false) };
        let control = Router::new().route("/v1/state", get(say)).route("/v1/shift", post(shift)).with_state(proxy.clone());
        let socket = UnixListener::bind(host.path("state/proxy.sock")).expect("a socket");
        tokio::spawn(async move { axum::serve(socket, control).await });
        for port in [8000, 8080] {
            let front = Router::new().fallback(any(front)).with_state(proxy.clone());
            let listener = listen(&host.at(port)).await;
            tokio::spawn(async move { axum::serve(listener, front).await });
        }
        proxy
    }

    /// Every shift that was ordered, in order.
    pub(crate) fn orders(&self) -> Vec<ShiftOrder> {
        self.kept().orders.clone()
    }

    /// Has the front door answer.
    pub(crate) fn open(&self) {
        self.opened.send_replace(true);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("not poisoned")
    }

    /// Whether the order is answered.
    fn obey(&self, order: ShiftOrder) -> bool {
        let mut kept = self.kept();
        kept.orders.push(order);
        let hangs = order.to == Colour::Green && matches!(self.script, Script::HangsUndone | Script::HangsDone);
        if !(hangs && self.script == Script::HangsUndone) {
            (kept.state.live, kept.state.epoch) = (Some(order.to), order.epoch);
        }
        !hangs
    }
}

async fn say(State(proxy): State<Scripted>) -> Json<ProxyState> {
    Json(proxy.kept().state.clone())
}

async fn shift(State(proxy): State<Scripted>, Json(order): Json<ShiftOrder>) -> Json<ProxyState> {
    if !proxy.obey(order) {
        std::future::pending::<()>().await;
    }
    say(State(proxy)).await
}

async fn front(State(proxy): State<Scripted>) -> Response {
    let ProxyState { live, epoch, .. } = proxy.kept().state;
    if proxy.script == Script::IsSeenLate && epoch > 0 {
        let _ = proxy.opened.subscribe().wait_for(|opened| *opened).await;
    }
    let claim = match proxy.script {
        Script::KeepsBlue => Some((Colour::Blue, epoch)),
        Script::KeepsEpoch => live.map(|live| (live, 0)),
        Script::SaysNothing => None,
        Script::HangsUndone | Script::HangsDone | Script::IsSeenLate => live.map(|live| (live, epoch)),
    };
    match claim {
        Some((colour, epoch)) => [(COLOUR_HEADER, colour.to_string()), (EPOCH_HEADER, epoch.to_string())].into_response(),
        None => ().into_response(),
    }
}
