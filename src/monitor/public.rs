//! What anybody may see: whether the published checks work, and did. Never why, nor where.

use std::time::Duration;

use serde::Serialize;

use super::engine::{Monitor, MonitorError};
use super::page_settings::PublicSettings;
use super::stories::DAYS;
use crate::domain::check::Status;
use crate::domain::days::{DAY, Day, days, uptime};
use crate::domain::moment::Moment;
use crate::store::{checks, incidents, pages};

/// Planned maintenance is shown so long before.
const AHEAD: Duration = Duration::from_secs(14 * 86_400);
/// So many incidents of each check at most.
const INCIDENTS: u32 = 200;

/// `GET /public/status.json`.
#[derive(Debug, Clone, Serialize)]
pub struct PublicView {
    /// When it was made.
    pub now: Moment,
    /// What stands above.
    pub title: String,
    /// Every check that is published, in the order of the config.
    pub checks: Vec<PublicCheck>,
    /// Their incidents, newest first.
    pub incidents: Vec<PublicIncident>,
    /// Maintenance that is under way or planned, soonest first.
    pub maintenance: Vec<Planned>,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct PublicCheck {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: PublicHealth,
    /// The part of the last 90 days in which it was not down, in hundredths of a percent. None: nothing is known.
    pub uptime_hundredths: Option<u32>,
    /// The last 90 days.
    #[serde(skip)]
    pub days: Vec<Day>,
}

/// How a check is, as outsiders see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicHealth {
    /// It works.
    Working,
    /// Nobody knows: it was never heard, or is paused or stopped.
    Unknown,
    /// It answers, too slowly.
    DoingPoorly,
    /// It does not.
    NotWorking,
}

/// One incident.
#[derive(Debug, Clone, Serialize)]
pub struct PublicIncident {
    /// The check.
    pub check: String,
    /// What it was, or is.
    pub health: PublicHealth,
    /// When it began.
    pub since: Moment,
    /// When it ended. None: it lasts.
    pub resolved_at: Option<Moment>,
}

/// Maintenance.
#[derive(Debug, Clone, Serialize)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// The published checks that it concerns.
    pub checks: Vec<String>,
    /// From when.
    pub from: Moment,
    /// Until when.
    pub to: Moment,
}

impl PublicHealth {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Unknown => "unknown",
            Self::DoingPoorly => "doing poorly",
            Self::NotWorking => "not working",
        }
    }

    fn of(status: Status) -> Self {
        match status {
            // A few bad answers are no outage yet.
            Status::Up | Status::Late | Status::Failing => Self::Working,
            Status::New | Status::Stopped | Status::Paused => Self::Unknown,
            Status::Poorly => Self::DoingPoorly,
            Status::Down => Self::NotWorking,
        }
    }
}

impl PublicView {
    /// The worst that there is.
    #[must_use]
    pub fn worst(&self) -> PublicHealth {
        self.checks.iter().map(|check| check.health).max().unwrap_or(PublicHealth::Unknown)
    }
}

impl Monitor {
    /// What the config publishes.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn public(&self, settings: &PublicSettings, now: Moment) -> Result<PublicView, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let (mut published, mut happened) = (Vec::new(), Vec::new());
        for name in &settings.checks {
            let found = incidents::since(&mut reader, name, now - DAY * DAYS, INCIDENTS).await?;
            let stored = checks::find(&mut reader, name).await?;
            let known_since = pages::known_since(&mut reader, name).await?.unwrap_or(now);
            let last_days = days(&found, known_since, DAYS, now);
            let status = match &stored {
                Some(_) if scene.is_stopped(name) => Status::Stopped,
                Some(stored) => stored.state.shown(now),
                None => Status::New,
            };
            let uptime_hundredths = uptime(&last_days, known_since, now);
            published.push(PublicCheck { name: name.clone(), health: PublicHealth::of(status), uptime_hundredths, days: last_days });
            happened.extend(found.into_iter().map(|incident| PublicIncident {
                check: incident.check,
                health: PublicHealth::of(incident.status),
                since: incident.since,
                resolved_at: incident.resolved_at,
            }));
        }
        happened.sort_by_key(|incident| std::cmp::Reverse(incident.since));
        let title = settings.title.clone().unwrap_or_else(|| self.settings.app.clone());
        Ok(PublicView { now, title, checks: published, incidents: happened, maintenance: self.planned(settings, now) })
    }

    fn planned(&self, settings: &PublicSettings, now: Moment) -> Vec<Planned> {
        let planned = self.settings.maintenance.iter().filter_map(|window| {
            let checks: Vec<String> = settings.checks.iter().filter(|name| window.concerns(name)).cloned().collect();
            let (from, to) = window.next(now).filter(|(from, _)| *from <= now + AHEAD && !checks.is_empty())?;
            Some(Planned { name: window.name.clone(), checks, from, to })
        });
        let mut planned: Vec<Planned> = planned.collect();
        planned.sort_by_key(|planned| planned.from);
        planned
    }
}
