//! How the demo app behaves: well, or as it was told over its Unix socket.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::net::listen::{self, ListenError};

/// How long a slow answer takes.
const SLOW: Duration = Duration::from_secs(3);

/// How the demo app behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Conduct {
    /// Answers 500 to everything.
    Fail,
    /// Accepts and never answers.
    Hang,
    /// Answers after 3 s.
    Slow,
    /// Behaves well.
    #[default]
    Recover,
}

/// `POST /v1/conduct` on the demo app's socket, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConductOrder {
    /// How to behave from now on.
    pub conduct: Conduct,
}

/// Where orders arrive, and everyone reads them.
#[derive(Debug, Clone)]
pub(super) struct Orders(Arc<watch::Sender<Conduct>>);

impl Orders {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Conduct::default())))
    }

    /// Binds the socket.
    pub(super) async fn listen(socket: &Path) -> Result<UnixListener, ListenError> {
        listen::unix("the demo's control", socket).await
    }

    /// Takes orders for ever.
    pub(super) async fn take(self, listener: UnixListener) -> std::io::Result<()> {
        let obey = |State(orders): State<Self>, Json(order): Json<ConductOrder>| async move {
            orders.0.send_replace(order.conduct);
            Json(order)
        };
        axum::serve(listener, Router::new().route("/v1/conduct", post(obey)).with_state(self)).await
    }

    /// Lets every request that hangs go on: the app ends.
    pub(super) fn release(&self) {
        self.0.send_replace(Conduct::Recover);
    }

    /// Behaves as told, then serves the request. A request that hangs is served when it is told to behave otherwise.
    pub(super) async fn obey(State(orders): State<Self>, request: Request, next: Next) -> Response {
        let mut conduct = orders.0.subscribe();
        let now = *conduct.borrow();
        match now {
            Conduct::Recover => next.run(request).await,
            Conduct::Fail => (StatusCode::INTERNAL_SERVER_ERROR, "told to fail\n").into_response(),
            Conduct::Slow => {
                tokio::time::sleep(SLOW).await;
                next.run(request).await
            }
            Conduct::Hang => {
                // The sender lives as long as we do.
                let _ = conduct.wait_for(|conduct| *conduct != Conduct::Hang).await;
                next.run(request).await
            }
        }
    }
}
