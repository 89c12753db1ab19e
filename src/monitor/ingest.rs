//! Beats are committed in groups: whatever arrives while a commit runs goes into the next. A lone beat waits for nothing.

use std::borrow::Borrow;
use std::sync::LazyLock;
use std::time::Duration;

use prometheus::HistogramVec;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::answer::{self, Ack, Answer, IngestError, Post, Waiting};
use super::arrived::Arrived;
use super::engine::{Monitor, MonitorError};
use super::scene::Scene;
use super::{decide, group, live};
use crate::clock;
use crate::domain::beat::{Beat, BeatKind};
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::domain::sent::Sent;
use crate::store::checks::StoredCheck;
use crate::store::{Connection, StoreError, beats, checks, made};
use crate::telemetry::metrics;

/// As many beats at most in one commit.
const BATCH: usize = 256;
/// As many beats at most wait for their commit; the next ones are refused.
const QUEUE: usize = 4096;
/// A sender is told by then that the store does not work.
const PATIENCE: Duration = Duration::from_secs(2);

/// By then the clock of the store's server is followed, where it was set.
const FOLLOWED: Duration = Duration::from_secs(1);

static COMMIT: LazyLock<HistogramVec> = LazyLock::new(|| metrics::histogram("allswell_commit_seconds"));

/// Where beats are handed in.
#[derive(Debug, Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
    post: Option<Post>,
}

/// The other end of [`Ingest`].
#[derive(Debug)]
pub(super) struct Queue(mpsc::Receiver<Waiting>);

/// A way in, and what [`Monitor::run_ingest`] takes from it.
pub(super) fn queue() -> (Ingest, Queue) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Ingest { queue: sender, post: None }, Queue(receiver))
}

impl Ingest {
    /// The same way in, for who hands in many on the runtime that this is called on: their answers come together.
    #[must_use]
    pub fn here(&self) -> Self {
        Self { queue: self.queue.clone(), post: Some(Post::here()) }
    }

    /// Hands in a beat, and waits until it is stored or refused.
    ///
    /// # Errors
    /// Where it is not stored within two seconds.
    pub async fn beat(&self, arrived: Arrived) -> Answer {
        let (waiting, answer) = Waiting::new(arrived, self.post.clone());
        let gone = || IngestError::Unavailable("it is ending".into());
        self.queue.try_send(waiting).map_err(|_| IngestError::Unavailable("too many beats wait for it".into()))?;
        let Ok(answered) = timeout(PATIENCE, answer).await else { return Err(IngestError::Unavailable("no commit in time".into())) };
        let (answer, arrived) = answered.map_err(|_| gone())?;
        answer::count(&arrived, &answer);
        answer
    }
}

impl Monitor {
    /// Commits what is handed in, group by group, until nobody can hand in any more.
    pub(super) async fn run_ingest(&self, mut queue: Queue) {
        let mut waiting = Vec::with_capacity(BATCH);
        while queue.0.recv_many(&mut waiting, BATCH).await > 0 {
            let answers = self.stored(&waiting).await;
            answer::bring(waiting.drain(..).zip(answers));
        }
    }

    /// Stores a group of beats, once the clock of the store's server is followed where it was just set: not every sender repeats what was refused.
    async fn stored(&self, waiting: &[Waiting]) -> Vec<Answer> {
        let began = clock::elapsed();
        loop {
            let answers = self.dated(|now| self.ingest(waiting, now)).await;
            let is_refused = answers.iter().all(|answer| matches!(answer, Err(IngestError::Unavailable(_))));
            if !is_refused || self.store.is_in_step() || clock::elapsed() - began > FOLLOWED {
                return answers;
            }
            sleep(FOLLOWED / 20).await;
        }
    }

    /// Stores a group of beats and all that follows from them in one transaction. One answer each, in order.
    pub async fn ingest(&self, batch: &[impl Borrow<Arrived>], now: Moment) -> Vec<Answer> {
        let began = clock::elapsed();
        let committed = self.commit(batch, now).await;
        COMMIT.with_label_values::<&str>(&[]).observe((clock::elapsed() - began).as_secs_f64());
        self.noted(committed.map_err(MonitorError::from), now)
            .unwrap_or_else(|error| batch.iter().map(|_| Err(IngestError::Unavailable(error.to_string()))).collect())
    }

    /// All in one transaction. Where the store refuses a row, or has it already, each in its own, so that this row fails alone.
    async fn commit(&self, batch: &[impl Borrow<Arrived>], now: Moment) -> Result<Vec<Answer>, StoreError> {
        match self.commit_together(batch, true, now).await {
            // Whoever has had no answer repeats, and then many do.
            Err(StoreError::Repeated) => match self.commit_together(batch, false, now).await {
                Err(error) if error.is_of_this_row() => {}
                committed => return committed,
            },
            Err(error) if error.is_of_this_row() || error.is_retryable() => {}
            committed => return committed,
        }
        let mut answers = Vec::with_capacity(batch.len());
        for arrived in batch {
            match self.commit_together(std::slice::from_ref(arrived), false, now).await {
                Ok(answer) => answers.extend(answer),
                Err(error) if error.is_of_this_row() => answers.push(Err(IngestError::Refused(error.to_string()))),
                Err(error) => answers.push(Err(IngestError::Unavailable(error.to_string()))),
            }
        }
        Ok(answers)
    }

    /// All in one transaction; with one statement per table for as many as that is known to suit.
    async fn commit_together(&self, batch: &[impl Borrow<Arrived>], at_once: bool, now: Moment) -> Result<Vec<Answer>, StoreError> {
        let mut transaction = self.store.begin().await?;
        if at_once {
            transaction.batch();
            let names: Vec<&str> = batch.iter().map(|arrived| arrived.borrow().beat.check.as_str()).collect();
            checks::read_ahead(&mut transaction, &names).await?;
        }
        let mut scene = self.scene(&mut transaction, now).await?.gathering();
        let mut answers = Vec::with_capacity(batch.len());
        for arrived in batch {
            let arrived: &Arrived = arrived.borrow();
            if arrived.beat.live.is_some() || scene.has_gathered(&arrived.beat.check) {
                // As if it had been committed before this beat, which may end it or make it worse.
                group::tell(&mut transaction, &scene).await?;
            }
            answers.push(self.take(&mut transaction, &mut scene, arrived).await?);
        }
        group::tell(&mut transaction, &scene).await?;
        let has_news = transaction.has_news();
        transaction.commit().await?;
        if has_news {
            self.wake.notify_waiters();
        }
        Ok(answers)
    }

    async fn take(&self, row: &mut Connection, scene: &mut Scene<'_>, arrived: &Arrived) -> Result<Answer, StoreError> {
        let Arrived { key_id, beat, arrival, sent } = arrived;
        let (stored, is_new) = match self.addressed(row, scene, beat, sent).await? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let took = matches!(beat.kind, BeatKind::Success | BeatKind::Fail).then(|| stored.state.runs.took(sent.work, arrival.at()));
        if !beats::insert(row, key_id, beat, arrival.at(), sent, took.flatten()).await? {
            return Ok(Ok(Ack::Repeated));
        }
        if let (Role::Prober, Some(said)) = (Role::of(&beat.check), &beat.live) {
            live::hear(row, scene, said, arrival.at()).await?;
        }
        decide::hear(row, scene, stored, arrived).await?;
        Ok(Ok(if is_new { Ack::Created } else { Ack::Stored }))
    }

    /// The check that a beat is for, and whether the beat makes it.
    async fn addressed(
        &self,
        row: &mut Connection,
        scene: &Scene<'_>,
        beat: &Beat,
        sent: &Sent,
    ) -> Result<Result<(StoredCheck, bool), IngestError>, StoreError> {
        let found = checks::find(row, &beat.check).await?;
        match (self.settings.expected(&beat.check), found, &sent.making) {
            (Some(_), Some(stored), None) => Ok(Ok((stored, false))),
            (Some(expected), None, None) => Ok(Ok((Self::made(expected, scene.now), false))),
            // It was made in the meantime, by a beat that came with this one.
            (None, Some(stored), _) if stored.made.is_some() => Ok(Ok((stored, false))),
            (None, _, None) => Ok(Err(IngestError::UnknownCheck(beat.check.clone()))),
            (None, None, Some(making)) if self.is_free(&beat.check) => {
                let most = self.settings.most_made;
                let is_room = made::count(row).await? < i64::from(most);
                Ok(if is_room { Ok((made::new(&beat.check, making, scene.now), true)) } else { Err(IngestError::TooMany(most)) })
            }
            (None | Some(_), None | Some(_), Some(_)) => Ok(Err(IngestError::NameTaken(beat.check.clone()))),
        }
    }
}
