//! Everything at a glance: for the page, for `allswell status`, for machines.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::cause::{self, Verdict};
use super::engine::{Monitor, MonitorError};
use super::orders::ConfigView;
use super::scene::Scene;
use super::{replicas, telling};
use crate::domain::acknowledgement::Acknowledgement;
use crate::domain::beat::{DeployUnderWay, ExpectedInstances};
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::notice::NoticeKind;
use crate::domain::role::Role;
use crate::domain::switch::Phase;
use crate::store::checks::StoredCheck;
use crate::store::incidents::StoredIncident;
use crate::store::instances::StoredInstance;
use crate::store::{Connection, StoreError, acknowledgements, checks, incidents, notices, untaken};

/// So many names at most of a list of checks are shown.
pub const NAMES: usize = 8;

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
    /// What is muted, paused or under maintenance now.
    #[serde(default)]
    pub quiet: Vec<String>,
    /// The config that is in force.
    #[serde(default)]
    pub config: Option<ConfigView>,
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
    /// How many instances of each colour are expected; 0 is stopped on purpose. None: never heard.
    #[serde(default)]
    pub expected: Option<ExpectedInstances>,
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
    /// Why the last answer was not good; why not all instances are well.
    pub reason: Option<String>,
    /// The instances, where the check counts them.
    #[serde(default)]
    pub instances: Option<InstancesView>,
}

/// The instances of a check that counts them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancesView {
    /// How many are expected.
    pub expected: u32,
    /// How many are well.
    pub well: u32,
    /// Those that are known, by name.
    pub known: Vec<InstanceView>,
}

impl InstancesView {
    /// How many are expected and were never heard.
    #[must_use]
    pub fn unknown(&self) -> usize {
        let heard = self.known.iter().filter(|instance| instance.status != Status::New).count();
        usize::try_from(self.expected).unwrap_or(usize::MAX).saturating_sub(heard)
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Its name.
    pub name: String,
    /// Its status as people see it.
    pub status: Status,
    /// The same in words.
    pub health: String,
    /// Its last beat.
    pub last_heard: Option<Moment>,
    /// The version beside it.
    pub version: Option<String>,
    /// Why it is not well, or what it said when it left.
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
    /// It is not told yet: it may have a cause, or be told with others.
    pub is_held: bool,
    /// Who has seen to it.
    #[serde(default)]
    pub acknowledged: Option<Acknowledgement>,
    /// Why it is not told now: somebody asked for quiet.
    #[serde(default)]
    pub hushed: Option<String>,
    /// Of the names that are shown with it, those of checks, which alone have a page. Looked up for the pages only.
    #[serde(skip)]
    pub checks: BTreeSet<String>,
    /// What it waits for, where it is held. Looked up for the pages only.
    #[serde(skip)]
    pub awaits: Option<Awaited>,
}

/// What an incident waits for before it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Another may turn out to explain it.
    Cause,
    /// What explained it is over, and it has as long to recover as well.
    Recovery,
    /// Others, with which it is told as one.
    Others,
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

impl IncidentView {
    fn of(incident: Incident, acknowledged: Option<Acknowledgement>, awaits: Option<Awaited>) -> Self {
        Self { incident, also: Vec::new(), is_held: awaits.is_some(), acknowledged, hushed: None, checks: BTreeSet::new(), awaits }
    }
}

impl Monitor {
    /// Everything at a glance.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn overview(&self, unheard: Vec<String>, now: Moment) -> Result<Overview, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let stored = checks::all(&mut reader).await?;
        let open = incidents::open(&mut reader).await?.into_iter().filter(|stored| stored.incident.cause.is_none()).collect();
        Ok(Overview { unheard, ..self.gathered(&mut reader, &scene, stored, open).await? })
    }

    /// Of these checks and these open incidents.
    pub(super) async fn gathered(
        &self,
        reader: &mut Connection,
        scene: &Scene<'_>,
        stored: Vec<StoredCheck>,
        open: Vec<StoredIncident>,
    ) -> Result<Overview, StoreError> {
        const LATEST: u32 = 12;
        let (heard, now) = (&scene.live, scene.now);
        let live = LiveView {
            colour: heard.live.colour,
            epoch: heard.live.epoch,
            phase: heard.live.phase,
            deploy: heard.live.deploy.clone().filter(|deploy| deploy.until > now),
            heard_at: heard.heard_at,
            expected: heard.live.expected,
        };
        let mut check_views = Vec::new();
        for stored in stored {
            check_views.push(self.whole_view(reader, &stored, scene).await?);
        }
        let mut views = Vec::new();
        for open in open {
            views.push(view(reader, scene, open).await?);
        }
        let mut resolved = Vec::new();
        for over in incidents::newest_resolved(reader, LATEST).await? {
            resolved.push(bare_view(reader, scene, over).await?);
        }
        let mut newest = notices::newest(reader, LATEST * 2).await?;
        for stored in untaken::oldest(reader, LATEST).await? {
            if newest.iter().all(|shown| shown.notice.key != stored.notice.key) {
                newest.push(stored);
            }
        }
        Ok(Overview {
            now,
            app: self.settings.app.clone(),
            live,
            checks: check_views,
            incidents: views,
            resolved,
            notices: newest.into_iter().map(notice_view).collect(),
            unheard: Vec::new(),
            quiet: scene.quiet_words(),
            config: None,
        })
    }

    /// A check as people see it.
    pub(super) async fn whole_view(
        &self,
        reader: &mut Connection,
        stored: &StoredCheck,
        scene: &Scene<'_>,
    ) -> Result<CheckView, StoreError> {
        let view = self.check_view(stored, scene);
        self.with_instances(reader, view, stored, scene.now).await
    }

    pub(super) fn check_view(&self, stored: &StoredCheck, scene: &Scene<'_>) -> CheckView {
        let StoredCheck { name, state, every_ms, seen, .. } = stored;
        let fall = self.settings.expected(name).map_or(1, |expected| expected.at_pace(*every_ms).fall);
        let status = match name {
            name if scene.is_paused(name) => Status::Paused,
            name if scene.is_stopped(name) => Status::Stopped,
            _ => state.shown(scene.now),
        };
        let health = words(status, state.streak.weak, fall);
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
            instances: None,
        }
    }

    /// The same with its instances, where it counts them and is not stopped.
    async fn with_instances(
        &self,
        reader: &mut Connection,
        mut view: CheckView,
        stored: &StoredCheck,
        now: Moment,
    ) -> Result<CheckView, StoreError> {
        let Some((roster, rows)) =
            replicas::roster(reader, stored).await?.filter(|_| !matches!(view.status, Status::Stopped | Status::Paused))
        else {
            return Ok(view);
        };
        let fall = self.settings.expected(&stored.name).map_or(1, |expected| expected.check.fall);
        let known = rows.into_iter().map(|row| instance_view(row, fall, now)).collect();
        if roster.wanted.count > 1 {
            view.reason = roster.reason(stored.state.status).map(|reason| reason.to_string());
        }
        view.instances = Some(InstancesView { expected: roster.wanted.count, well: roster.well(), known });
        Ok(view)
    }
}

fn words(status: Status, weak: u32, fall: u32) -> String {
    match status {
        Status::New => "never heard".to_owned(),
        Status::Up | Status::Late => "working".to_owned(),
        Status::Failing => format!("failing, {} of {fall}", weak.min(fall)),
        Status::Poorly => "doing poorly".to_owned(),
        Status::Down => "not working".to_owned(),
        Status::Stopped => "stopped".to_owned(),
        Status::Paused => "paused".to_owned(),
    }
}

fn instance_view(row: StoredInstance, fall: u32, now: Moment) -> InstanceView {
    let StoredInstance { instance, seen } = row;
    let status = instance.state.shown(now);
    let farewell = instance.state.farewell.map(|words| format!("said bye: {words}"));
    InstanceView {
        name: instance.name,
        status,
        health: words(status, instance.state.streak.weak, fall),
        last_heard: instance.state.last_heard,
        version: seen.version,
        reason: instance.trouble.map(|trouble| trouble.to_string()).or(farewell).or(seen.reason),
    }
}

pub(super) async fn view(reader: &mut Connection, scene: &Scene<'_>, stored: StoredIncident) -> Result<IncidentView, StoreError> {
    let behind = incidents::explained_by(reader, &stored.incident.key).await?;
    let also = behind.into_iter().map(|stored| stored.incident.check).collect();
    let hushed = scene.hushed(&stored.incident.check).map(|hush| hush.why);
    Ok(IncidentView { also, hushed, ..bare_view(reader, scene, stored).await? })
}

/// Without what it explains, and why it is quiet: what is over has neither.
pub(super) async fn bare_view(reader: &mut Connection, scene: &Scene<'_>, stored: StoredIncident) -> Result<IncidentView, StoreError> {
    let acknowledged = acknowledgements::of(reader, &stored.incident.key).await?;
    let awaits = awaited(reader, scene, &stored).await?;
    Ok(IncidentView::of(stored.incident, acknowledged, awaits))
}

async fn awaited(reader: &mut Connection, scene: &Scene<'_>, stored: &StoredIncident) -> Result<Option<Awaited>, StoreError> {
    // The courier tells it even if nobody decides.
    if stored.decide_at.is_none() || telling::is_told(reader, scene, &stored.incident.key).await? {
        return Ok(None);
    }
    if stored.incident.resolved_at.is_some() {
        return Ok(Some(Awaited::Others));
    }
    Ok(Some(match cause::verdict(reader, scene, &stored.incident).await? {
        Verdict::Caused(_) | Verdict::Undecided | Verdict::Unheard => Awaited::Cause,
        Verdict::Alone if stored.explained => Awaited::Recovery,
        Verdict::Alone => Awaited::Others,
    }))
}

/// Finds the checks among the names that are shown with an incident: a group, a channel, and what a watcher tells of itself are none.
pub(super) async fn find_checks(reader: &mut Connection, view: &mut IncidentView) -> Result<(), StoreError> {
    let (incident, also) = (&view.incident, &view.also);
    let names = std::iter::once(&incident.check).chain(incident.members().iter().take(NAMES)).chain(also.iter().take(NAMES));
    let names: Vec<&str> = names.map(String::as_str).collect();
    let found = checks::named(reader, &names).await?;
    view.checks = found.into_iter().map(|stored| stored.name).collect();
    Ok(())
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
