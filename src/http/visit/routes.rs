//! Which page is where.

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};

use super::super::watching::Watching;
use super::events::Room;
use super::{acts, events, public, reads, sign_in};

/// What is sent from a form is small.
const LARGEST_FORM: usize = 16 * 1024;

/// Every page. `ending`: then whoever listens is let go.
pub(in crate::http) fn routes(ending: tokio::sync::watch::Receiver<bool>) -> Router<Watching> {
    Router::new()
        .route("/", get(reads::overview))
        .route("/checks", get(reads::checks))
        .route("/checks/{name}", get(reads::check))
        .route("/checks/{name}/mute", post(acts::mute))
        .route("/checks/{name}/resume", post(acts::resume))
        .route("/incidents", get(reads::incidents))
        .route("/incidents/{key}", get(reads::incident))
        .route("/incidents/{key}/acknowledge", post(acts::acknowledge))
        .route("/switches", get(reads::switches))
        .route("/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/events", get(events::events))
        .route("/beats/{id}/body", get(reads::body))
        .merge(public::assets_only())
        .merge(public::routes())
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(Extension(Room::new(ending)))
}
