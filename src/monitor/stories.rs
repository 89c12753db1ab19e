//! All that is known of one check, and of one incident.

use std::time::Duration;

use super::engine::{Monitor, MonitorError};
use super::overview::{IncidentView, bare_view, find_checks, view};
use super::pages::CheckPage;
use super::scene::Scene;
use crate::domain::check::{Check, Status};
use crate::domain::days::DAY;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::quiet::Quiet;
use crate::domain::schedule_words::in_words;
use crate::store::checks::StoredCheck;
use crate::store::latency::{self, Span};
use crate::store::notices::StoredNotice;
use crate::store::pages::{LoggedBeat, LoggedFlip};
use crate::store::{Connection, StoreError, checks, incidents, notices, pages};

/// So many days are looked back upon.
pub const DAYS: u32 = 90;
/// So many flips and beats are shown.
const ROWS: u32 = 15;
/// So many incidents at most in all those days.
const INCIDENTS: u32 = 500;
/// So many points make a line.
const POINTS: u32 = 120;
/// A line is over at least so long.
const SHORTEST: Duration = Duration::from_secs(6 * 3_600);
/// Where less is known, over the first of these that has it all, in seconds.
const SHORTER: [u64; 8] = [600, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400, 7 * 86_400, 30 * 86_400];
/// So many beats at most are read for it.
const MOST_BEATS: u32 = 10_000;

/// One check.
#[derive(Debug, Clone)]
pub struct CheckStory {
    /// As it is now.
    pub page: CheckPage,
    /// When it is expected, in words, and how long it may be late.
    pub expected: Option<(String, Duration)>,
    /// The next times of its schedule.
    pub next: Vec<Moment>,
    /// Its incidents of the last days, newest first, with when each was written down.
    pub incidents: Vec<Incident>,
    /// Since when something is known of it.
    pub known_since: Moment,
    /// How long answers took.
    pub latency: Latency,
    /// Its last flips.
    pub flips: Vec<LoggedFlip>,
    /// Its last beats, with their bodies.
    pub beats: Vec<(LoggedBeat, Option<String>)>,
    /// Somebody told it to be quiet.
    pub quiet: Option<Quiet>,
}

/// How long answers took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// From then.
    pub from: Moment,
    /// The length of each span.
    pub step: Duration,
    /// Those in which something was heard, oldest first.
    pub spans: Vec<Span>,
}

/// One incident.
#[derive(Debug, Clone)]
pub struct IncidentStory {
    /// As it is now, or was at its end.
    pub view: IncidentView,
    /// When it was written down.
    pub opened_at: Moment,
    /// The flips that belong to it, oldest first.
    pub flips: Vec<LoggedFlip>,
    /// What was told to whom, oldest first.
    pub told: Vec<StoredNotice>,
    /// Somebody told its check to be quiet.
    pub quiet: Option<Quiet>,
}

impl Monitor {
    /// All that is known of the check of this name.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn check_story(&self, name: &str, now: Moment) -> Result<Option<CheckStory>, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let Some(stored) = checks::find(&mut reader, name).await? else { return Ok(None) };
        let view = self.whole_view(&mut reader, &stored, &scene).await?;
        let check = scene.check(&stored);
        let flips = pages::flips(&mut reader, Some(name), i64::MAX, ROWS).await?;
        Ok(Some(CheckStory {
            page: self.page(view, &stored),
            expected: check.as_ref().map(|check| (in_words(&check.schedule), check.grace)),
            next: next_times(check.as_ref(), &stored, now),
            incidents: incidents::since(&mut reader, name, now - DAY * DAYS, INCIDENTS).await?,
            known_since: pages::known_since(&mut reader, name).await?.unwrap_or(now),
            latency: latency(&mut reader, check.as_ref(), &stored, now).await?,
            flips,
            beats: last_beats(&mut reader, name).await?,
            quiet: quiet_of(&scene, name),
        }))
    }

    /// All that is known of the incident of this key.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn incident_story(&self, key: &str, now: Moment) -> Result<Option<IncidentStory>, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let Some(stored) = incidents::find(&mut reader, key).await? else { return Ok(None) };
        let (opened_at, check) = (stored.opened_at, stored.incident.check.clone());
        let mut view = if stored.incident.resolved_at.is_none() {
            view(&mut reader, &scene, stored).await?
        } else {
            bare_view(&mut reader, &scene, stored).await?
        };
        find_checks(&mut reader, &mut view).await?;
        Ok(Some(IncidentStory {
            flips: pages::flips_of(&mut reader, &check, key, INCIDENTS).await?,
            told: notices::about(&mut reader, key).await?,
            quiet: quiet_of(&scene, &check),
            view,
            opened_at,
        }))
    }
}

fn quiet_of(scene: &Scene<'_>, check: &str) -> Option<Quiet> {
    scene.quiet.iter().find(|quiet| quiet.check == check && scene.now < quiet.until).cloned()
}

/// The next times from the one that is due, or from now on where that is past.
fn next_times(check: Option<&Check>, stored: &StoredCheck, now: Moment) -> Vec<Moment> {
    const TIMES: usize = 5;
    let Some(check) = check else { return Vec::new() };
    let first = if stored.state.due > now { stored.state.due } else { check.schedule.next(now) };
    let is_ever = |at: &Moment| at.as_millis() < i64::MAX;
    let waits = stored.state.waits && stored.state.status == Status::New;
    let first = Some(first).filter(|_| !waits);
    std::iter::successors(first, |last| Some(check.schedule.next(*last))).take_while(is_ever).take(TIMES).collect()
}

async fn latency(reader: &mut Connection, check: Option<&Check>, stored: &StoredCheck, now: Moment) -> Result<Latency, StoreError> {
    let period = check.map_or(SHORTEST, super::expected::period);
    // As many of its own periods as there are points, so that a slow check has a line as well.
    let over = (period * POINTS).clamp(SHORTEST, DAY * DAYS);
    let senders = stored.wanted.as_ref().map_or(1, |wanted| wanted.count.max(1));
    let expected = over.as_millis() / period.as_millis().max(1) * u128::from(senders) * 3 / 2 + 100;
    let rows = u32::try_from(expected).unwrap_or(MOST_BEATS).min(MOST_BEATS);
    let mut drawn = Latency { from: now - over, step: over / POINTS, spans: Vec::new() };
    drawn.spans = latency::spans(reader, &stored.name, drawn.from, drawn.step, rows).await?;
    // What is known of a short time only is drawn over a short time.
    let known = drawn.spans.first().map(|first| now.since(first.at));
    if let Some(over) = known.and_then(|known| SHORTER.map(Duration::from_secs).into_iter().find(|one| *one >= known && *one < over)) {
        (drawn.from, drawn.step) = (now - over, over / POINTS);
        drawn.spans = latency::spans(reader, &stored.name, drawn.from, drawn.step, rows).await?;
    }
    Ok(drawn)
}

async fn last_beats(reader: &mut Connection, check: &str) -> Result<Vec<(LoggedBeat, Option<String>)>, StoreError> {
    let mut last = Vec::new();
    for beat in pages::beats(reader, Some(check), i64::MAX, ROWS).await? {
        let body = if beat.body_bytes > 0 { pages::body(reader, beat.id).await?.flatten() } else { None };
        last.push((beat, body.map(|body| String::from_utf8_lossy(&body).into_owned())));
    }
    Ok(last)
}
