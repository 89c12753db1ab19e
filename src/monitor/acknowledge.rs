//! Somebody has seen to an incident: it is on the record, and reminders and escalation end.

use super::engine::Monitor;
use super::orders::{AckOrder, Acknowledged, OrderError};
use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::moment::Moment;
use crate::store::incidents::StoredIncident;
use crate::store::{acknowledgements, follow_ups, incidents};

impl Monitor {
    /// Acknowledges an open incident, by its key or its check; of one that another explains, the other one.
    ///
    /// # Errors
    /// Where there is no such incident, or where none was named and there is not exactly one.
    pub async fn acknowledge(&self, order: &AckOrder, now: Moment) -> Result<Acknowledged, OrderError> {
        let mut transaction = self.store.begin().await?;
        let open = incidents::open(&mut transaction).await?;
        let mut waiting = Vec::new();
        for stored in open.iter().filter(|stored| stored.incident.cause.is_none()) {
            if acknowledgements::of(&mut transaction, &stored.incident.key).await?.is_none() {
                waiting.push(stored);
            }
        }
        let found = match order.which.as_deref() {
            Some(which) => named(&open, which)?,
            None => only(&waiting)?,
        };
        let said = Acknowledgement { by: order.by.clone(), at: now, note: order.note.clone() };
        let (incident, check) = (found.incident.key.clone(), found.incident.check.clone());
        acknowledgements::insert(&mut transaction, &incident, &said).await?;
        follow_ups::look_at(&mut transaction, &incident, now).await?;
        let acknowledged = acknowledgements::of(&mut transaction, &incident).await?.unwrap_or(said);
        transaction.commit().await?;
        tracing::info!(incident, by = acknowledged.by, "acknowledged");
        Ok(Acknowledged { incident, check, acknowledged })
    }
}

/// The open incident with this key or of this check, or the one that explains it.
fn named<'a>(open: &'a [StoredIncident], which: &str) -> Result<&'a StoredIncident, OrderError> {
    let found = open.iter().find(|stored| stored.incident.key == which || stored.incident.check == which);
    let root = |stored: &'a StoredIncident| {
        let cause = stored.incident.cause.as_ref()?;
        open.iter().find(|other| other.incident.key == *cause)
    };
    let found = found.map(|stored| root(stored).unwrap_or(stored));
    found.ok_or_else(|| {
        let names: Vec<&str> = open.iter().map(|stored| stored.incident.check.as_str()).collect();
        let known = if names.is_empty() { "no incident is open".to_owned() } else { format!("open are: {}", names.join(", ")) };
        OrderError::NotFound(format!("no open incident has the key or the check \"{which}\": {known}"))
    })
}

/// The one that nobody has acknowledged.
fn only<'a>(waiting: &[&'a StoredIncident]) -> Result<&'a StoredIncident, OrderError> {
    match waiting {
        [only] => Ok(only),
        [] => Err(OrderError::NotFound("no incident waits to be acknowledged".to_owned())),
        several => {
            let names: Vec<&str> = several.iter().map(|stored| stored.incident.check.as_str()).collect();
            Err(OrderError::NotFound(format!("{} incidents wait to be acknowledged: say which of {}", several.len(), names.join(", "))))
        }
    }
}
