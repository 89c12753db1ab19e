//! Checks, and what was heard, decided and told of them, page by page.

use super::engine::{Monitor, MonitorError};
use super::overview::CheckView;
use crate::domain::incident::Incident;
use crate::domain::moment::Moment;
use crate::domain::sent::Made;
use crate::store::checks::StoredCheck;
use crate::store::pages::{LoggedBeat, LoggedFlip};
use crate::store::{checks, incidents, made, pages};

/// A check, and what is expected of it.
#[derive(Debug, Clone)]
pub struct CheckPage {
    /// As people see it.
    pub view: CheckView,
    /// `due every 1h, 30m of grace`.
    pub expected: String,
    /// What the last run took, in milliseconds.
    pub took_ms: Option<u64>,
    /// It was made by its first ping, or through the API.
    pub made: Option<Made>,
}

/// What came of removing a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// There is none of this name.
    Unknown,
    /// The config names it.
    OfConfig,
}

impl Monitor {
    /// Checks after this name, by name.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn checks_after(&self, after: &str, limit: u32, now: Moment) -> Result<Vec<CheckPage>, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let stored = pages::checks(&mut reader, after, limit).await?;
        let mut views = Vec::with_capacity(stored.len());
        for stored in stored {
            let view = self.whole_view(&mut reader, &stored, &scene).await?;
            views.push(self.page(view, &stored));
        }
        Ok(views)
    }

    /// The check of this name.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn check_named(&self, name: &str, now: Moment) -> Result<Option<CheckPage>, MonitorError> {
        let mut reader = self.store.read().await?;
        let scene = self.scene(&mut reader, now).await?;
        let Some(stored) = checks::find(&mut reader, name).await? else { return Ok(None) };
        let view = self.whole_view(&mut reader, &stored, &scene).await?;
        Ok(Some(self.page(view, &stored)))
    }

    pub(super) fn page(&self, view: CheckView, stored: &StoredCheck) -> CheckPage {
        let configured = self.settings.expected(&stored.name).map(|expected| expected.at_pace(stored.every_ms));
        let check = configured.or_else(|| stored.made.as_ref().map(Made::check));
        let expected = check.map_or_else(String::new, |check| check.to_string());
        CheckPage { view, expected, took_ms: stored.state.took_ms, made: stored.made.clone() }
    }

    /// Beats before this row, newest first; of one check, or of all.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn beats_before(&self, check: Option<&str>, before: i64, limit: u32) -> Result<Vec<LoggedBeat>, MonitorError> {
        Ok(pages::beats(&mut self.store.read().await?, check, before, limit).await?)
    }

    /// The body of a beat. None: there is no such beat; none inside: it has no body.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn body_of(&self, beat: i64) -> Result<Option<Option<Vec<u8>>>, MonitorError> {
        Ok(pages::body(&mut self.store.read().await?, beat).await?)
    }

    /// Flips before this row, newest first; of one check, or of all.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn flips_before(&self, check: Option<&str>, before: i64, limit: u32) -> Result<Vec<LoggedFlip>, MonitorError> {
        Ok(pages::flips(&mut self.store.read().await?, check, before, limit).await?)
    }

    /// Incidents that were opened before this one, newest first, each with when it was opened; of one check, or of all.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn incidents_before(
        &self,
        check: Option<&str>,
        before: (Moment, &str),
        limit: u32,
    ) -> Result<Vec<(Moment, Incident)>, MonitorError> {
        let stored = pages::incidents(&mut self.store.read().await?, check, before, limit).await?;
        Ok(stored.into_iter().map(|stored| (stored.opened_at, stored.incident)).collect())
    }

    /// The incident of this key.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn incident(&self, key: &str) -> Result<Option<Incident>, MonitorError> {
        Ok(incidents::find(&mut self.store.read().await?, key).await?.map(|stored| stored.incident))
    }

    /// Makes a check that waits until it is heard. False where there is one of this name.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn make(&self, name: &str, made: &Made, now: Moment) -> Result<bool, MonitorError> {
        let mut transaction = self.store.begin().await?;
        if !self.is_free(name) || checks::find(&mut transaction, name).await?.is_some() {
            return Ok(false);
        }
        checks::save(&mut transaction, made::new(name, made, now)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// How many checks may still be made.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn room(&self) -> Result<i64, MonitorError> {
        Ok(i64::from(self.settings.most_made) - made::count(&mut self.store.read().await?).await?)
    }

    /// Removes a check that was made by its first ping, or through the API, and ends its incident.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn remove_made(&self, name: &str, now: Moment) -> Result<Removed, MonitorError> {
        let mut transaction = self.store.begin().await?;
        match checks::find(&mut transaction, name).await? {
            None => return Ok(Removed::Unknown),
            Some(stored) if stored.made.is_none() => return Ok(Removed::OfConfig),
            Some(_) => checks::remove(&mut transaction, name).await?,
        }
        if let Some(open) = incidents::open_of(&mut transaction, name).await? {
            let scene = self.scene(&mut transaction, now).await?;
            super::resolution::forget(&mut transaction, &scene, open, "no longer expected: its check was removed").await?;
        }
        transaction.commit().await?;
        self.wake.notify_waiters();
        Ok(Removed::Gone)
    }
}
