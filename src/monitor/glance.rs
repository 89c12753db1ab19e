//! What fits into one screen, however many checks there are.

use super::engine::{Monitor, MonitorError};
use super::overview::{CheckView, IncidentView, Overview, find_checks, view};
use super::pages::CheckPage;
use crate::domain::check::Status;
use crate::domain::entry::{Entry, What};
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::store::{checks, search, told_entries};

/// So many open incidents at most.
const INCIDENTS: u32 = 5;
/// So many checks of the user's own.
const OWN: usize = 12;

/// The first page.
#[derive(Debug, Clone)]
pub struct Glance {
    /// With the built-in checks alone.
    pub overview: Overview,
    /// The user's own checks, those that are not well first; not all of them.
    pub own: Vec<CheckView>,
    /// How many checks there are of each status, the built-in ones among them.
    pub counts: Vec<(Status, u64)>,
    /// How many incidents are open; not all may be among those of the overview.
    pub open: u64,
    /// The last switch that was done.
    pub switched: Option<Entry>,
    /// The last deploy that was done.
    pub deployed: Option<Entry>,
    /// Who would tell that the watcher itself does not work: nobody, where there is trouble with it.
    pub trouble: Option<String>,
}

/// What somebody looks for among the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// A piece of the name; may be empty.
    pub piece: String,
    /// The status, as it is stored. None: any.
    pub status: Option<Status>,
    /// After this name; may be empty.
    pub after: String,
}

impl Monitor {
    /// Everything that there is one of, and of the user's own checks those that matter.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn glance(&self, unheard: Vec<String>, now: Moment) -> Result<Glance, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let mut built_in = Vec::new();
        for expected in self.settings.checks.iter().filter(|expected| Role::of(&expected.name) != Role::Own) {
            built_in.extend(checks::find(&mut reader, &expected.name).await?);
        }
        built_in.sort_by(|one, other| one.name.cmp(&other.name));
        let open = search::open_incidents(&mut reader, INCIDENTS).await?;
        let mut overview = Overview { unheard, ..self.gathered(&mut reader, &scene, built_in, open).await? };
        for incident in &mut overview.incidents {
            find_checks(&mut reader, incident).await?;
        }
        let most = u32::try_from(OWN * 2).unwrap_or(u32::MAX);
        let mut first = search::in_trouble(&mut reader, most).await?;
        for stored in search::checks(&mut reader, "", None, "", most).await? {
            if first.iter().all(|known| known.name != stored.name) {
                first.push(stored);
            }
        }
        let mut own = Vec::new();
        for stored in first.iter().filter(|stored| Role::of(&stored.name) == Role::Own).take(OWN) {
            own.push(self.whole_view(&mut reader, stored, &scene).await?);
        }
        let counts = checks::counts(&mut reader).await?.into_iter().filter_map(|(word, count)| {
            let status =
                [Status::New, Status::Up, Status::Failing, Status::Poorly, Status::Down].into_iter().find(|status| status.as_str() == word);
            Some((status?, u64::try_from(count).unwrap_or(0)))
        });
        Ok(Glance {
            overview,
            own,
            counts: counts.collect(),
            open: u64::try_from(search::count_open(&mut reader).await?).unwrap_or(0),
            switched: told_entries::last_done(&mut reader, What::Switch).await?,
            deployed: told_entries::last_done(&mut reader, What::Deploy).await?,
            trouble: self.pulse.trouble(now),
        })
    }

    /// The open incidents that no other explains, the gravest first; so many at most.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn open_incidents(&self, limit: u32, now: Moment) -> Result<Vec<IncidentView>, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let mut views = Vec::new();
        for stored in search::open_incidents(&mut reader, limit).await? {
            let mut view = view(&mut reader, &scene, stored).await?;
            find_checks(&mut reader, &mut view).await?;
            views.push(view);
        }
        Ok(views)
    }

    /// Checks that somebody looks for, by name.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn look_for(&self, wanted: &Search, limit: u32, now: Moment) -> Result<Vec<CheckPage>, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let mut found = Vec::new();
        for stored in search::checks(&mut reader, &wanted.piece, wanted.status, &wanted.after, limit).await? {
            let view = self.whole_view(&mut reader, &stored, &scene).await?;
            found.push(self.page(view, &stored));
        }
        Ok(found)
    }
}
