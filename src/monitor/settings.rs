//! `[watcher]` and `[[check]]`.

use std::time::Duration;

use crate::domain::check::Check;
use crate::domain::follow_up::{Escalation, Plan};
use crate::domain::schedule::Schedule;
use crate::settings::{Secret, Section};
use crate::store::Store;

/// Nobody is reminded more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// `[watcher]`: who expects every all's well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherSettings {
    /// Beats, page, API, metrics. Default: `127.0.0.1:7700`.
    pub listen: String,
    /// The watcher's own name, where there are several. Default: `watcher`.
    pub name: String,
    /// Where it keeps what must survive: `sqlite:FILE`, or `postgres://USER@HOST/DATABASE` for several watchers that share it; the password
    /// may be in `PGPASSWORD` or `~/.pgpass` instead. Default: `sqlite:watcher.db`.
    pub store: String,
    /// The public URL, probed from outside. Default: none.
    pub site: Option<String>,
    /// Where people find the status page; stands in messages. Default: `http://` and `listen`.
    pub url: Option<String>,
    /// Other watchers' URLs.
    pub peers: Vec<String>,
    /// An address that is not ours and gets our own all's well. Default: none.
    pub outside: Option<Secret>,
    /// How often the watcher's own all's well goes there. Default: 1 min.
    pub outside_every: Duration,
    /// The channels of the built-in checks. Default: all.
    pub channels: Vec<String>,
    /// What is done while nobody acknowledges an incident. Default: nothing.
    pub plan: Plan,
    /// The key that signs beats. Default: one made in the state directory.
    pub beat_key: Option<Secret>,
    /// Whoever has it may acknowledge, mute, pause and reload. Default: one made in the state directory.
    pub token: Option<Secret>,
}

/// `[[check]]`: a check of the user's own.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Its name, unique.
    pub name: String,
    /// When it is due and how long it may be late.
    pub check: Check,
    /// The channels that are told. Default: those of the watcher.
    pub channels: Vec<String>,
    /// How many instances are to beat, each by its own name. Default: not counted, whoever beats stands for all.
    pub instances: Option<u32>,
    /// What is done while nobody acknowledges an incident. Default: as the watcher has it.
    pub plan: Plan,
    /// The checks whose trouble explains this one's. Default: none.
    pub behind: Vec<String>,
}

impl WatcherSettings {
    /// Reads `[watcher]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            listen: section.text_or("listen", "127.0.0.1:7700"),
            name: section.text_or("name", "watcher"),
            store: section.text_or("store", "sqlite:watcher.db"),
            site: section.text("site"),
            url: section.text("url"),
            peers: section.texts("peers"),
            outside: section.secret("outside"),
            outside_every: section.duration_or("outside_every", Duration::from_secs(60)),
            channels: section.texts("channels"),
            plan: plan(&mut section),
            beat_key: section.secret("beat_key"),
            token: section.secret("token"),
        };
        if !settings.store.starts_with("sqlite:") && !Store::is_server(&settings.store) {
            section.error("store", "must begin with sqlite: or postgres://");
        }
        section.finish();
        settings
    }

    /// Where people find the status page.
    #[must_use]
    pub fn page_url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

impl CheckSettings {
    /// Reads one `[[check]]`; none where it has no schedule.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let name = section.text_required("name");
        let zone = section.text("tz");
        let schedule = match (section.text("schedule"), section.duration("period")) {
            (Some(expression), None) => match Schedule::parse(&expression, zone.as_deref().unwrap_or("UTC")) {
                Ok(schedule) => Some(schedule),
                Err(error) => {
                    section.error("schedule", error);
                    None
                }
            },
            (None, Some(period)) => Some(Schedule::Every(period)),
            (None, None) | (Some(_), Some(_)) => {
                section.error("schedule", "give schedule = \"MIN HOUR DAY MONTH WEEKDAY\" or period = \"1h\", one of them");
                None
            }
        };
        let grace = section.duration_or("grace", Duration::from_secs(3_600));
        let channels = section.texts("channels");
        // 0 is the number that nobody gives.
        let instances = Some(section.count_or("instances", 0)).filter(|count| *count > 0);
        let (plan, behind) = (plan(&mut section), section.texts("behind"));
        section.finish();
        let check = Check { schedule: schedule?, grace, rise: 1, fall: 1 };
        Some(Self { name, check, channels, instances, plan, behind })
    }
}

/// `remind` and `escalate`.
fn plan(section: &mut Section<'_>) -> Plan {
    let remind = section.duration("remind");
    if remind.is_some_and(|remind| remind < SHORTEST) {
        section.error("remind", "must be at least 1s");
    }
    let mut given = section.section("escalate");
    let (after, to) = (given.duration("after"), given.texts("to"));
    let escalate = match (after, to.is_empty()) {
        (Some(after), false) => Some(Escalation { after, to }),
        _ if !given.is_present() => None,
        (None, _) => {
            given.error("after", "is missing: how long is nobody else told?");
            None
        }
        (Some(_), true) => {
            given.error("to", "is missing: which channels are told then?");
            None
        }
    };
    given.finish();
    Plan { remind, escalate }
}
