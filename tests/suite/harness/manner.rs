//! How a stand-in answers, changed while it runs.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

/// How a stand-in answers from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As the real one does.
    Usual,
    /// It takes what comes and holds its answer until the manner changes.
    Hold,
    /// It takes nothing, with this status.
    Refuse(u16),
    /// 429, to be tried again after so many seconds.
    Limit(u64),
}

/// The manner of one stand-in.
#[derive(Clone)]
pub(crate) struct Manners(Arc<watch::Sender<Manner>>);

impl Manners {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Manner::Usual)))
    }

    pub(crate) fn set(&self, manner: Manner) {
        self.0.send_replace(manner);
    }

    /// The refusal that the present manner asks for, if it does.
    pub(crate) fn refusal(&self, body: &'static str) -> Option<Response> {
        match *self.0.borrow() {
            Manner::Usual | Manner::Hold => None,
            Manner::Refuse(status) => Some((StatusCode::from_u16(status).expect("a status"), body).into_response()),
            Manner::Limit(seconds) => {
                Some((StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())], "rate_limited").into_response())
            }
        }
    }

    /// Waits while answers are held.
    pub(crate) async fn held(&self) {
        let _ = self.0.subscribe().wait_for(|manner| *manner != Manner::Hold).await;
    }
}
