//! A time in which we could not hear: deadlines that fell in it move once, and one notice says so.

use std::collections::BTreeSet;
use std::time::Duration;

use super::engine::{Monitor, MonitorError, STOPPED};
use super::mark::{LISTENING, MARK, Mark};
use super::replicas;
use super::scene::Scene;
use crate::domain::check::{Check, Status};
use crate::domain::flip::first_of;
use crate::domain::incident::Severity;
use crate::domain::moment::{Moment, humane};
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::store::checks::StoredCheck;
use crate::store::{Connection, StoreError, checks, facts, notices};

/// Whoever was not heard has at least this long after our return.
const AT_LEAST: Duration = Duration::from_secs(30);
/// So many names at most are read in one statement.
const PAGE: u32 = 10_000;
/// A longer blind time is told even when no deadline fell in it.
const WORTH_TELLING: Duration = Duration::from_secs(60);

impl Monitor {
    /// Where no sweep ran for a time, moves the deadlines that fell in it.
    pub(super) async fn end_blindness(&self, now: Moment) -> Result<(), MonitorError> {
        let last = match self.mark() {
            Some(mark) => Some(mark),
            None => facts::get(&mut self.store.read().await?, MARK).await?,
        };
        let Some(mut last) = last.filter(|last| last.is_long_ago(now)) else { return Ok(()) };
        let mut transaction = self.store.begin().await?;
        if let Some(theirs) = facts::get::<Mark>(&mut transaction, MARK).await?.filter(|theirs| theirs.at > last.at) {
            // Where several watchers share a store, another one went on sweeping meanwhile.
            last = theirs;
        }
        if !last.is_long_ago(now) {
            self.set_mark(last);
            return Ok(());
        }
        transaction.batch();
        let deaf = self.deafness.take();
        let since = deaf.map_or(last.at, |deaf| deaf.since.min(last.at));
        let scene = self.scene(&mut transaction, now).await?;
        let moved = forgive(&mut transaction, &scene, last, now.since(since)).await?;
        let stopped: Option<Option<Moment>> = facts::get(&mut transaction, STOPPED).await?;
        let was_stopped = stopped.flatten().is_some_and(|at| at >= last.at);
        tracing::warn!(seconds = now.since(since).as_secs(), moved = moved.len(), was_stopped, "blind until now");
        let why = match (deaf, was_stopped) {
            (Some(deaf), _) => deaf.cut.words(),
            (None, true) => "had been stopped",
            (None, false) => "did not run: killed, stuck, suspended, or its store did not work",
        };
        if !moved.is_empty() || now.since(since) > WORTH_TELLING {
            tell(&mut transaction, &scene, since, &moved, why).await?;
        }
        let mark = Mark { at: now, until: last.until, listens_until: now + LISTENING };
        facts::set(&mut transaction, MARK, &mark).await?;
        transaction.commit().await?;
        self.set_mark(mark);
        Ok(())
    }
}

/// The checks whose deadline may have passed: those of the config, and of the others those that are due.
async fn candidates(connection: &mut Connection, scene: &Scene<'_>) -> Result<Vec<StoredCheck>, StoreError> {
    let configured: BTreeSet<&str> = scene.settings.checks.iter().map(|expected| expected.name.as_str()).collect();
    checks::read_ahead(connection, &configured.iter().copied().collect::<Vec<_>>()).await?;
    let mut found = Vec::with_capacity(configured.len());
    for name in &configured {
        found.extend(checks::find(connection, name).await?);
    }
    let mut page = checks::due(connection, scene.now, None, PAGE).await?;
    while let Some(last) = page.last().cloned() {
        found.extend(page.into_iter().filter(|stored| !configured.contains(stored.name.as_str())));
        page = checks::due(connection, scene.now, Some(&last), PAGE).await?;
    }
    found.retain(|stored| !scene.is_stopped(&stored.name));
    Ok(found)
}

/// The names of the checks whose deadline was moved.
async fn forgive(connection: &mut Connection, scene: &Scene<'_>, last: Mark, blind: Duration) -> Result<Vec<String>, StoreError> {
    let mut moved = Vec::new();
    let until = |check: &Check| scene.now + blind.min(check.grace).max(AT_LEAST);
    for mut stored in candidates(connection, scene).await? {
        if scene.wanted(&stored.name).is_some() {
            let name = stored.name.clone();
            if replicas::forgive(connection, scene, stored, last.until, until).await? {
                moved.push(name);
            }
            continue;
        }
        let Some(check) = scene.check(&stored) else { continue };
        let deadline = stored.state.deadline(&check);
        if stored.state.status == Status::Down || deadline <= last.until || deadline > scene.now {
            continue;
        }
        let state = check.forgive(&stored.state, scene.now, until(&check));
        if state != stored.state {
            stored.look_at = Some(state.deadline(&check));
            stored.state = state;
            moved.push(stored.name.clone());
            checks::save(connection, stored).await?;
        }
    }
    Ok(moved)
}

async fn tell(connection: &mut Connection, scene: &Scene<'_>, since: Moment, moved: &[String], why: &str) -> Result<(), StoreError> {
    let moved_words = match moved {
        [] => "no deadline fell in that time".to_owned(),
        names => format!("deadlines moved once: {}", first_of(names)),
    };
    let notice = Notice {
        key: String::new(),
        kind: NoticeKind::WatcherBlind,
        at: scene.now,
        subject: Subject {
            incident: format!("{}-blind-{}", scene.settings.name, since.as_millis()),
            app: scene.settings.app.clone(),
            check: scene.settings.name.clone(),
            status: Status::Up,
            severity: Severity::Warning,
            colour: None,
            live: scene.colour(),
        },
        since,
        reason: format!("heard nothing from {since} for {}: it {why}; {moved_words}", humane(scene.now.since(since))),
        duration_seconds: Some(scene.now.since(since).as_secs()),
        also: Vec::new(),
        url: scene.settings.page_url.clone(),
    };
    for channel in &scene.settings.own_channels {
        notices::write(connection, &notice.clone().for_channel(channel), channel, scene.now).await?;
    }
    Ok(())
}
