//! What is done from the pages: never to the cluster.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::error::ApiError;
use super::super::watching::Watching;
use super::answer::{PageError, see};
use super::visitor::Actor;
use crate::domain::quiet::QuietKind;
use crate::domain::role::Role;
use crate::monitor::orders::{AckOrder, QuietOrder, ResumeOrder};
use crate::net::place::{check_path, incident_path};
use crate::settings::parse_duration;

/// A note is short.
const LONGEST_NOTE: usize = 1_000;

/// What stands in the forms.
#[derive(Debug, Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    note: String,
    #[serde(default, rename = "for")]
    lasts: String,
}

type Filled = Result<Form<Given>, FormRejection>;

fn read(filled: Filled) -> Result<(Option<String>, String), ApiError> {
    let Form(Given { note, lasts }) = filled.map_err(|error| ApiError::BadRequest(error.body_text()))?;
    let note = note.trim().to_owned();
    if note.len() > LONGEST_NOTE {
        return Err(ApiError::BadRequest(format!("a note has at most {LONGEST_NOTE} bytes")));
    }
    Ok(((!note.is_empty()).then_some(note), lasts))
}

/// `POST /incidents/KEY/acknowledge`.
pub(super) async fn acknowledge(
    State(watching): State<Watching>,
    Actor(by): Actor,
    Path(key): Path<String>,
    filled: Filled,
) -> Result<Response, PageError> {
    let (note, _) = read(filled)?;
    let order = AckOrder { which: Some(key), by, note };
    let done = watching.monitor.dated(|now| watching.monitor.acknowledge(&order, now)).await?;
    Ok(see(&incident_path(&done.incident)))
}

/// `POST /checks/NAME/mute`.
pub(super) async fn mute(
    State(watching): State<Watching>,
    Actor(by): Actor,
    Path(check): Path<String>,
    filled: Filled,
) -> Result<Response, PageError> {
    let (note, lasts) = read(filled)?;
    let lasts = parse_duration(&lasts).map_err(|error| ApiError::BadRequest(format!("for how long: {error}")))?;
    let for_ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    let order = QuietOrder { check: check.clone(), kind: QuietKind::Mute, for_ms, by, note };
    watching.monitor.dated(|now| watching.monitor.quiet(order, now)).await?;
    Ok(see(&seen_at(&check)))
}

/// `POST /checks/NAME/resume`.
pub(super) async fn resume(State(watching): State<Watching>, Actor(by): Actor, Path(check): Path<String>) -> Result<Response, PageError> {
    let order = ResumeOrder { check: check.clone(), by };
    watching.monitor.dated(|now| watching.monitor.resume(&order, now)).await?;
    Ok(see(&seen_at(&check)))
}

/// Where people see that it is quiet: a check has a page, a channel has none and stands on the overview.
fn seen_at(check: &str) -> String {
    if Role::of(check) == Role::Channel { "/".to_owned() } else { check_path(check) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_mutes_a_channel_is_not_sent_to_a_page_that_does_not_exist() {
        assert_eq!(seen_at("channel-mail"), "/");
        assert_eq!(seen_at("nightly backup"), "/checks/nightly%20backup");
    }
}
