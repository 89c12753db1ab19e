//! What the metrics say of checks, incidents and channels: of all by number, and by name of as many as was asked for.

use std::sync::LazyLock;

use super::engine::{Monitor, MonitorError};
use super::overview::CheckView;
use super::replicas;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::domain::status::Status;
use crate::store::checks::StoredCheck;
use crate::store::incidents::StoredIncident;
use crate::store::{Connection, StoreError, channels, checks, incidents, made, outbox};
use crate::telemetry::metrics::{Rows, rows};

static PAGE: LazyLock<Rows> = LazyLock::new(|| rows("allswell_page_info"));
static SWEPT: LazyLock<Rows> = LazyLock::new(|| rows("allswell_swept_timestamp_seconds"));
static CHECKS: LazyLock<Rows> = LazyLock::new(|| rows("allswell_checks"));
static UNNAMED: LazyLock<Rows> = LazyLock::new(|| rows("allswell_checks_unnamed"));
static HEALTH: LazyLock<Rows> = LazyLock::new(|| rows("allswell_check_health"));
static HEARD: LazyLock<Rows> = LazyLock::new(|| rows("allswell_check_beat_timestamp_seconds"));
static DUE: LazyLock<Rows> = LazyLock::new(|| rows("allswell_check_due_timestamp_seconds"));
static LATENCY: LazyLock<Rows> = LazyLock::new(|| rows("allswell_check_latency_seconds"));
static INSTANCES: LazyLock<Rows> = LazyLock::new(|| rows("allswell_check_instances"));
static INCIDENTS: LazyLock<Rows> = LazyLock::new(|| rows("allswell_incidents_open"));
static SINCE: LazyLock<Rows> = LazyLock::new(|| rows("allswell_incident_since_timestamp_seconds"));
static OLDEST: LazyLock<Rows> = LazyLock::new(|| rows("allswell_outbox_oldest_timestamp_seconds"));
static TAKEN: LazyLock<Rows> = LazyLock::new(|| rows("allswell_channel_taken_timestamp_seconds"));

/// What a check's status can be in the store.
const STORED: [Status; 5] = [Status::New, Status::Up, Status::Failing, Status::Poorly, Status::Down];

type Row = (Vec<String>, f64);

impl Monitor {
    /// Brings up to date what the metrics say; at most `by_name` checks and open incidents are named.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn show(&self, by_name: u32, now: Moment) -> Result<(), MonitorError> {
        SWEPT.show(self.mark().map(|mark| row(&[], mark.until.as_seconds())));
        PAGE.show(self.settings.page_url.as_deref().map(|url| row(&[url.trim_end_matches('/')], 1.0)));
        let mut reader = self.store.read().await?;
        self.show_checks(&mut reader, by_name, now).await?;
        show_incidents(&mut reader, by_name).await?;
        self.show_channels(&mut reader).await?;
        Ok(())
    }

    async fn show_checks(&self, reader: &mut Connection, by_name: u32, now: Moment) -> Result<(), StoreError> {
        let scene = self.scene(reader, now).await?;
        let counts = checks::counts(reader).await?;
        let named = self.named(reader, by_name).await?;
        let all = counts.iter().map(|(_, count)| *count).sum::<i64>();
        UNNAMED.show([row(&[], number(all - i64::try_from(named.len()).unwrap_or(i64::MAX)))]);
        let count = |status: Status| counts.iter().find(|(counted, _)| counted == status.as_str()).map_or(0, |(_, count)| *count);
        CHECKS.show(STORED.map(|status| row(&[status.as_str()], number(count(status)))));
        let views: Vec<CheckView> = named.iter().map(|stored| self.check_view(stored, &scene)).collect();
        let is_counting = |view: &CheckView| !matches!(view.status, Status::Stopped | Status::Paused);
        INSTANCES.show(instances(reader, named.iter().zip(&views).filter(|(_, view)| is_counting(view)).map(|(stored, _)| stored)).await?);
        let by_name = |value: fn(&CheckView) -> Option<f64>| views.iter().filter_map(move |view| Some(row(&[&view.name], value(view)?)));
        HEARD.show(by_name(|view| view.last_heard.map(Moment::as_seconds)));
        DUE.show(by_name(|view| Some(view.due.as_seconds())));
        LATENCY.show(by_name(|view| Some(number(i64::try_from(view.latency_ms?).ok()?) / 1_000.0)));
        HEALTH.show(views.iter().filter_map(health));
        Ok(())
    }

    /// The parts' checks and the config's first, then those that were made.
    async fn named(&self, reader: &mut Connection, limit: u32) -> Result<Vec<StoredCheck>, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let names: Vec<&str> = self.settings.checks.iter().take(most).map(|expected| expected.name.as_str()).collect();
        let mut named = checks::named(reader, &names).await?;
        let room = u32::try_from(most - names.len()).unwrap_or(u32::MAX);
        if room > 0 {
            named.extend(made::first(reader, room).await?);
        }
        Ok(named)
    }

    async fn show_channels(&self, reader: &mut Connection) -> Result<(), StoreError> {
        let (mut oldest, mut taken) = (Vec::new(), Vec::new());
        for rule in &self.settings.channels {
            let name = rule.name.as_str();
            oldest.extend(outbox::oldest(reader, name).await?.map(|at| row(&[name], at.as_seconds())));
            taken.extend(channels::get(reader, name).await?.taken_at.map(|at| row(&[name], at.as_seconds())));
        }
        OLDEST.show(oldest);
        TAKEN.show(taken);
        Ok(())
    }
}

async fn show_incidents(reader: &mut Connection, by_name: u32) -> Result<(), StoreError> {
    let counts = incidents::counts(reader).await?;
    let count = |severity: &str| counts.iter().find(|(counted, _)| counted == severity).map_or(0, |(_, count)| *count);
    INCIDENTS.show(["critical", "warning", "info"].map(|severity| row(&[severity], number(count(severity)))));
    let open = incidents::oldest_open(reader, by_name).await?;
    SINCE.show(open.iter().map(|StoredIncident { incident, .. }| {
        let labels = [&incident.check, Role::of(&incident.check).as_str(), incident.severity.as_str()];
        row(&labels, incident.since.as_seconds())
    }));
    Ok(())
}

async fn instances(reader: &mut Connection, counting: impl Iterator<Item = &StoredCheck>) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for stored in counting {
        if let Some((roster, _)) = replicas::roster(reader, stored).await? {
            rows.push(row(&[&stored.name, "expected"], f64::from(roster.wanted.count)));
            rows.push(row(&[&stored.name, "well"], f64::from(roster.well())));
        }
    }
    Ok(rows)
}

fn health(view: &CheckView) -> Option<Row> {
    let value = match view.status {
        Status::Up | Status::Late | Status::Failing => 1.0,
        Status::Poorly => 0.5,
        Status::Down => 0.0,
        Status::New | Status::Stopped | Status::Paused => return None,
    };
    Some(row(&[&view.name, Role::of(&view.name).as_str(), view.colour.map_or("", |colour| colour.as_str())], value))
}

fn row(labels: &[&str], value: f64) -> Row {
    (labels.iter().map(|label| (*label).to_owned()).collect(), value)
}

fn number(number: i64) -> f64 {
    number as f64
}
