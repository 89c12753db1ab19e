//! One watcher, as the prober tells it: a queue of its own, so that one that is stuck delays nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Client, StatusCode};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::clock;
use crate::domain::beat::Beat;
use crate::domain::moment::Moment;
use crate::net::client::{ClientError, explain, http};
use crate::net::parcel::{PATH, Parcel};
use crate::probe::Target;
use crate::services::expected::watcher_at;
use crate::signing::Key;

/// So many beats wait at most; the oldest is dropped first.
const LONGEST_QUEUE: usize = 128;
/// The pause before a beat that was not taken is sent again.
const PAUSE: Duration = Duration::from_millis(250);

/// A watcher and the beats that it has not taken yet.
#[derive(Debug)]
pub(super) struct Link {
    url: String,
    name: String,
    client: Client,
    key: Key,
    keep: Duration,
    waiting: Mutex<VecDeque<Beat>>,
    wake: Notify,
    heard: Mutex<Heard>,
    /// When this began, in elapsed time.
    began: Duration,
    /// By check: when the run of weak answers began, and how many beats of it that said who was told the watcher has taken.
    taken_over: Mutex<BTreeMap<String, (Moment, u32)>>,
}

/// What the watcher has said to our beats.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// When it last answered 200, in elapsed time: that is as long ago when the clock is set.
    pub(super) acknowledged: Option<Duration>,
    /// Why the last beat was not taken; none where it was.
    pub(super) trouble: Option<String>,
}

impl Heard {
    /// When it last answered 200, by the clock as it is now.
    pub(super) fn acknowledged_at(&self) -> Option<Moment> {
        self.acknowledged.map(clock::ago)
    }
}

/// What one attempt came to.
enum Sent {
    Taken,
    Unexpected,
    Refused(String),
    Later(String),
}

impl Link {
    /// To the watcher at this URL. A beat that was not taken for `keep` is dropped: the next one says more.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub(super) fn new(url: &str, key: Key, keep: Duration) -> Result<Self, ClientError> {
        const LONGEST: Duration = Duration::from_secs(2);
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self {
            name: watcher_at(&url),
            url,
            client: http(keep.min(LONGEST))?,
            key,
            keep,
            waiting: Mutex::default(),
            wake: Notify::new(),
            heard: Mutex::default(),
            began: clock::elapsed(),
            taken_over: Mutex::default(),
        })
    }

    /// Its URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The name of the check that stands for it: `watcher-HOST:PORT`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the check that stands for it in the prober's own store: where there is only one, simply the watcher.
    pub(super) fn own_check(&self, of: usize) -> String {
        if of == 1 { "watcher".to_owned() } else { self.name.clone() }
    }

    /// Its `/healthz`.
    pub(super) fn healthz(&self) -> Target {
        Target::new(format!("{}/healthz", self.url))
    }

    /// What it has said to our beats.
    pub(super) fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }

    /// For how long it has acknowledged nothing, as of this elapsed time: since the beginning, where it never has.
    pub(super) fn unacknowledged(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard().acknowledged.unwrap_or(self.began))
    }

    /// The troubles of which the watcher has taken `fall` beats that say whom we have told: by then it has an incident of its own, and
    /// tells its end. The check's name, and when it began.
    pub(super) fn taken_over(&self, fall: u32) -> Vec<(String, Moment)> {
        let taken_over = lock(&self.taken_over);
        taken_over.iter().filter(|(_, (_, count))| *count >= fall).map(|(check, (since, _))| (check.clone(), *since)).collect()
    }

    fn note_taken(&self, beat: &Beat) {
        self.note(None);
        let Some(health) = beat.health.as_ref().filter(|health| !health.told.is_empty()) else { return };
        let Some(since) = health.since else { return };
        let mut taken_over = lock(&self.taken_over);
        let (run, count) = taken_over.entry(beat.check.clone()).or_insert((since, 0));
        if *run != since {
            (*run, *count) = (since, 0);
        }
        *count += 1;
    }

    /// Lets a beat wait for its turn.
    pub(super) fn push(&self, beat: Beat) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() == LONGEST_QUEUE {
            waiting.pop_front();
        }
        waiting.push_back(beat);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Sends what waits, for ever.
    pub(super) async fn run(&self) {
        loop {
            let next = lock(&self.waiting).pop_front();
            match next {
                Some(beat) => self.deliver(&beat).await,
                None => self.wake.notified().await,
            }
        }
    }

    async fn deliver(&self, beat: &Beat) {
        let Ok(json) = serde_json::to_vec(beat) else { return };
        let parcel = Parcel::new(json, &self.key);
        loop {
            let trouble = match self.send(&parcel).await {
                Sent::Taken => return self.note_taken(beat),
                Sent::Unexpected => return,
                Sent::Refused(why) => return self.note(Some(why)),
                Sent::Later(why) => why,
            };
            self.note(Some(trouble));
            if clock::now().since(beat.sent_at) > self.keep {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    async fn send(&self, parcel: &Parcel) -> Sent {
        let answer = match parcel.to(&self.client, format!("{}{PATH}", self.url)).send().await {
            Ok(answer) => answer,
            Err(error) => return Sent::Later(explain(error)),
        };
        let status = answer.status();
        // The body is read to its end, so that the connection can be used again: a prober without free descriptors still has this one.
        let said = answer.text().await.unwrap_or_default();
        let why = || format!("answered {}: {}", status.as_u16(), said.trim());
        match status {
            StatusCode::OK => Sent::Taken,
            // It does not expect this check, and takes the others.
            StatusCode::NOT_FOUND => {
                tracing::debug!(watcher = self.name, said, "not expected there");
                Sent::Unexpected
            }
            status if status.is_client_error() => Sent::Refused(why()),
            _ => Sent::Later(why()),
        }
    }

    fn note(&self, trouble: Option<String>) {
        let mut heard = lock(&self.heard);
        match (&heard.trouble, &trouble) {
            (None, Some(why)) => tracing::warn!(watcher = self.name, why, "the watcher does not take beats"),
            (Some(_), None) => tracing::info!(watcher = self.name, "the watcher takes beats again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        if trouble.is_none() {
            heard.acknowledged = Some(clock::elapsed());
        }
        heard.trouble = trouble;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use uuid::Uuid;

    use super::*;
    use crate::domain::beat::{BeatKind, Identity};
    use crate::signing::SIGNATURE_HEADER;

    #[tokio::test]
    async fn a_watcher_that_never_took_a_beat_is_silent_since_the_beginning_and_another_since_its_last_word() {
        let link = Link::new("http://127.0.0.1:7700", Key::new("a key"), Duration::from_secs(60)).unwrap();
        link.note(Some("answered 401: another key".to_owned()));
        let minute = Duration::from_secs(60);
        assert_eq!(link.unacknowledged(link.began + minute), minute);
        link.note(None);
        let acknowledged = link.heard().acknowledged.unwrap();
        assert!(acknowledged >= link.began);
        assert_eq!(link.unacknowledged(acknowledged + minute), minute);
    }

    /// A watcher knows a beat again by its message, which has the moment of sending in it.
    #[tokio::test]
    async fn a_beat_that_is_not_acknowledged_is_sent_again_as_the_very_same_message() {
        let (heard, mut messages) = mpsc::unbounded_channel();
        let refuse = move |headers: HeaderMap, body: Bytes| async move {
            heard.send((headers[SIGNATURE_HEADER].clone(), body)).unwrap();
            StatusCode::SERVICE_UNAVAILABLE
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route(PATH, post(refuse))).await });
        let link = Link::new(&url, Key::new("a key"), Duration::from_secs(60)).unwrap();
        link.push(Beat::new(
            "blue",
            BeatKind::Success,
            Identity { instance: "prober".into(), run: Uuid::new_v4(), sequence: 1 },
            clock::now(),
        ));
        tokio::select! {
            () = link.run() => {}
            () = async {
                let first = messages.recv().await;
                for _ in 0..2 {
                    assert_eq!(messages.recv().await, first);
                }
            } => {}
        }
    }
}
