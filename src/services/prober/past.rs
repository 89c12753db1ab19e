//! What the metrics say of the last switch and the last deploys.

use std::sync::LazyLock;

use crate::domain::colour::Colour;
use crate::store::{Entry, Journal, StoreError};
use crate::telemetry::metrics::{Rows, rows};

static SWITCH: LazyLock<Rows> = LazyLock::new(|| rows("allswell_switch_timestamp_seconds"));
static DEPLOY: LazyLock<Rows> = LazyLock::new(|| rows("allswell_deploy_timestamp_seconds"));

/// Brings both up to date.
///
/// # Errors
/// Where the journal does not answer.
pub(super) async fn show(journal: &Journal, switch: Option<&Entry>) -> Result<(), StoreError> {
    SWITCH
        .show(switch.and_then(|entry| Some((vec![entry.asked.target.to_string(), entry.phase.to_string()], entry.ended_at?.as_seconds()))));
    let mut deploys = Vec::new();
    for colour in Colour::BOTH {
        let Some(entry) = journal.last_deploy(colour).await? else { continue };
        let labels = vec![colour.to_string(), entry.asked.version.unwrap_or_default(), entry.phase.to_string()];
        deploys.extend(entry.ended_at.map(|ended_at| (labels, ended_at.as_seconds())));
    }
    DEPLOY.show(deploys);
    Ok(())
}
