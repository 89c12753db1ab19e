//! Everything at a glance: for the page, for `allswell status`, for machines.

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::engine::{Monitor, MonitorError};
use super::heard;
use crate::domain::beat::DeployUnderWay;
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::notice::NoticeKind;
use crate::domain::role::Role;
use crate::domain::switch::Phase;
use crate::store::checks::StoredCheck;
use crate::store::incidents::StoredIncident;
use crate::store::{StoreError, checks, incidents, notices};

/// `GET /v1/overview`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// When it was made.
    pub now: Moment,
    /// The app's name.
    pub app: String,
    /// What was heard last of the cluster.
    pub live: LiveView,
    /// Every check, by name.
    pub checks: Vec<CheckView>,
    /// The open incidents, oldest first; those that another explains stand in its `also`.
    pub incidents: Vec<IncidentView>,
    /// The newest incidents that are over.
    pub resolved: Vec<IncidentView>,
    /// The newest notices.
    pub notices: Vec<NoticeView>,
    /// Who would not hear of what.
    pub unheard: Vec<String>,
}

/// What was heard last of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveView {
    /// The live colour; none is *undefined*.
    pub colour: Option<Colour>,
    /// The proxy's epoch.
    pub epoch: u64,
    /// Where the last switch stands.
    pub phase: Option<Phase>,
    /// A deploy under way.
    pub deploy: Option<DeployUnderWay>,
    /// When it was heard. None: never.
    pub heard_at: Option<Moment>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// Its status as people see it.
    pub status: Status,
    /// `working`, `doing poorly`, `not working`, `failing, 1 of 3`, `never heard`.
    pub health: String,
    /// Since when it has this status.
    pub since: Moment,
    /// When the next beat is due.
    pub due: Moment,
    /// The last beat.
    pub last_heard: Option<Moment>,
    /// The colour that it belongs to.
    pub colour: Option<Colour>,
    /// The version beside the sender.
    pub version: Option<String>,
    /// How long the last answer took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Why the last answer was not good.
    pub reason: Option<String>,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentView {
    /// What it is.
    #[serde(flatten)]
    pub incident: Incident,
    /// The checks that it explains.
    pub also: Vec<String>,
    /// It is not told yet: it may have a cause.
    pub is_held: bool,
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeView {
    /// Unique for incident, channel and kind.
    pub key: String,
    /// What it is.
    pub kind: NoticeKind,
    /// One line that says it all.
    pub headline: String,
    /// Who is told.
    pub channel: String,
    /// When it was written.
    pub at: Moment,
    /// When the channel took it.
    pub taken_at: Option<Moment>,
    /// What the channel said then.
    pub receipt: Option<String>,
    /// Why it was not taken.
    pub last_error: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
}

impl Monitor {
    /// Everything at a glance.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn overview(&self, unheard: Vec<String>, now: Moment) -> Result<Overview, MonitorError> {
        const LATEST: u32 = 12;
        let mut reader = self.store.reader().acquire().await?;
        let heard = heard::read(&mut reader).await?;
        let live = LiveView {
            colour: heard.live.colour,
            epoch: heard.live.epoch,
            phase: heard.live.phase,
            deploy: heard.live.deploy.filter(|deploy| deploy.until > now),
            heard_at: heard.heard_at,
        };
        let stored = checks::all(&mut reader).await?;
        let mut views = Vec::new();
        for open in incidents::open(&mut reader).await? {
            if open.incident.cause.is_none() {
                views.push(view(&mut reader, open).await?);
            }
        }
        let mut resolved = Vec::new();
        for over in incidents::newest_resolved(&mut reader, LATEST).await? {
            resolved.push(IncidentView { incident: over.incident, also: Vec::new(), is_held: false });
        }
        let newest = notices::newest(&mut reader, LATEST * 2).await?;
        Ok(Overview {
            now,
            app: self.settings.app.clone(),
            live,
            checks: stored.iter().map(|stored| self.check_view(stored, now)).collect(),
            incidents: views,
            resolved,
            notices: newest.into_iter().map(notice_view).collect(),
            unheard,
        })
    }

    fn check_view(&self, stored: &StoredCheck, now: Moment) -> CheckView {
        let StoredCheck { name, state, every_ms, seen, .. } = stored;
        let fall = self.settings.expected(name).map_or(1, |expected| expected.at_pace(*every_ms).fall);
        let status = state.shown(now);
        let health = match status {
            Status::New => "never heard".to_owned(),
            Status::Up | Status::Late => "working".to_owned(),
            Status::Failing => format!("failing, {} of {fall}", state.streak.weak.min(fall)),
            Status::Poorly => "doing poorly".to_owned(),
            Status::Down => "not working".to_owned(),
        };
        CheckView {
            name: name.clone(),
            status,
            health,
            since: state.since,
            due: state.due,
            last_heard: state.last_heard,
            colour: Role::of(name).colour().or(seen.colour),
            version: seen.version.clone(),
            latency_ms: seen.latency_ms,
            reason: seen.reason.clone(),
        }
    }
}

async fn view(reader: &mut SqliteConnection, stored: StoredIncident) -> Result<IncidentView, StoreError> {
    let behind = incidents::explained_by(reader, &stored.incident.key).await?;
    let also = behind.into_iter().map(|stored| stored.incident.check).collect();
    Ok(IncidentView { incident: stored.incident, also, is_held: stored.decide_at.is_some() })
}

fn notice_view(stored: notices::StoredNotice) -> NoticeView {
    NoticeView {
        headline: stored.notice.headline(),
        key: stored.notice.key,
        kind: stored.notice.kind,
        channel: stored.channel,
        at: stored.notice.at,
        taken_at: stored.taken_at,
        receipt: stored.receipt,
        last_error: stored.last_error,
        attempts: stored.attempts,
    }
}
