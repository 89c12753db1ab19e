//! `GET /v1/overview`: everything at a glance.

use axum::Json;
use axum::extract::State;

use super::super::error::ApiError;
use super::super::watching::Watching;
use crate::monitor::overview::Overview;

/// `GET /v1/overview`.
pub(super) async fn overview(State(watching): State<Watching>) -> Result<Json<Overview>, ApiError> {
    let overview = watching.monitor.overview(watching.unheard.to_vec(), watching.monitor.now()).await;
    let overview = overview.map(|overview| Overview { config: Some(watching.config.clone()), ..overview });
    overview.map(Json).map_err(|error| ApiError::Unavailable(format!("nothing can be shown: {error}")))
}
