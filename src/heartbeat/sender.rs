//! Beats: made once, signed, and sent to every watcher by itself.

use std::time::Duration;

use reqwest::Client;
use tokio::time::sleep;
use uuid::Uuid;

use super::settings::{HeartbeatError, Settings, Subject, Watcher};
use crate::clock;
use crate::domain::beat::{Beat, BeatKind, Health, Identity};
use crate::domain::moment::humane;
use crate::net::client::{explain, http};
use crate::net::parcel::Parcel;
use crate::signing::Key;

/// What a beat may carry, in bytes; of more, the end.
const LARGEST_BODY: usize = 100_000;
/// What is read of a watcher's answer.
const LARGEST_ANSWER: usize = 1_024;
/// Between two attempts with a beat that no other follows.
const PAUSE: Duration = Duration::from_millis(100);

/// Sends beats.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) client: Client,
    key: Key,
    subject: Subject,
    every: Duration,
    timeout: Duration,
    run: Uuid,
    sequence: u64,
}

impl Sender {
    pub(super) fn new(settings: &Settings) -> Result<Self, HeartbeatError> {
        Ok(Self {
            client: http(settings.timeout)?,
            key: settings.key.clone(),
            subject: settings.subject.clone(),
            every: settings.every,
            timeout: settings.timeout,
            run: Uuid::new_v4(),
            sequence: 0,
        })
    }

    /// The next beat.
    pub(super) fn parcel(&mut self, kind: BeatKind, health: Option<Health>, body: Option<&str>) -> Parcel {
        self.sequence += 1;
        let Subject { check, instance, colour, version, .. } = self.subject.clone();
        let beat = Beat {
            every_ms: u64::try_from(self.every.as_millis()).ok(),
            colour,
            version,
            health,
            body: body.map(|body| last_bytes(body, LARGEST_BODY).to_owned()),
            ..Beat::new(check, kind, Identity { instance, run: self.run, sequence: self.sequence }, clock::now())
        };
        // A beat is made of texts and numbers: it can always be written.
        Parcel::new(serde_json::to_vec(&beat).unwrap_or_default(), &self.key)
    }

    /// Sends to one watcher. The error is in the user's words.
    pub(super) fn post(&self, watcher: &Watcher, parcel: &Parcel) -> impl Future<Output = Result<(), String>> + Send + 'static {
        let request = parcel.to(&self.client, watcher.url.clone()).timeout(self.timeout);
        async move {
            let mut answer = request.send().await.map_err(explain)?;
            if answer.status().is_success() {
                return Ok(());
            }
            let said = answer.chunk().await.ok().flatten().unwrap_or_default();
            Err(refusal(answer.status().as_u16(), said.get(..LARGEST_ANSWER).unwrap_or(&said)))
        }
    }

    /// Sends to every watcher at once, and waits for all of them.
    pub(super) async fn post_to_all(&self, watchers: &[Watcher], parcel: &Parcel) -> Vec<Result<(), String>> {
        futures_util::future::join_all(watchers.iter().map(|watcher| self.post(watcher, parcel))).await
    }

    /// Sends a beat that no other follows to every watcher: again while nobody has taken it, for so long at most.
    pub(super) async fn insist(&self, watchers: &[Watcher], parcel: &Parcel, limit: Duration) -> Vec<Result<(), String>> {
        let until = clock::elapsed() + limit;
        let mut is_first = true;
        loop {
            let answers = self.post_to_all(watchers, parcel).await;
            if watchers.is_empty() || answers.iter().any(Result::is_ok) || clock::elapsed() + PAUSE >= until {
                return answers;
            }
            if std::mem::take(&mut is_first) {
                tracing::warn!("nobody has taken the last beat: it is said again for {}", humane(limit));
            }
            sleep(PAUSE).await;
        }
    }
}

/// Sends one beat to every watcher. Without a kind, the health URL decides.
/// The answers stand in the order of the watchers.
///
/// # Errors
/// Where nothing could be sent at all.
pub async fn once(settings: &Settings, kind: Option<BeatKind>, body: Option<&str>) -> Result<Vec<Result<(), String>>, HeartbeatError> {
    let mut sender = Sender::new(settings)?;
    let health = match (&settings.health, kind) {
        (Some(url), None) => Some(super::health::examine(sender.client.clone(), url.clone(), settings.timeout).await),
        (_, Some(_)) | (None, None) => None,
    };
    let parcel = sender.parcel(kind.unwrap_or_else(|| kind_of(health.as_ref())), health, body);
    Ok(sender.post_to_all(&settings.watchers, &parcel).await)
}

/// A good answer or none asked for is a success.
pub(super) fn kind_of(health: Option<&Health>) -> BeatKind {
    use crate::domain::beat::Showing;
    match health.map(|health| health.showing) {
        None | Some(Showing::Good | Showing::Slow) => BeatKind::Success,
        Some(Showing::Bad | Showing::Exited) => BeatKind::Fail,
    }
}

/// A watcher's `{"error": ".."}`, in one line.
fn refusal(status: u16, said: &[u8]) -> String {
    let error = serde_json::from_slice::<serde_json::Value>(said).ok().and_then(|said| said["error"].as_str().map(str::to_owned));
    match error {
        Some(words) => format!("answered {status}: {}", words.chars().filter(|c| !c.is_control()).take(200).collect::<String>()),
        None => format!("answered {status}"),
    }
}

/// The end of a text, from a character's beginning.
fn last_bytes(text: &str, most: usize) -> &str {
    let from = (text.len().saturating_sub(most)..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_keeps_its_end() {
        assert_eq!(last_bytes("abc", 5), "abc");
        assert_eq!(last_bytes("abc", 2), "bc");
        assert_eq!(last_bytes("aéc", 2), "c");
        assert_eq!(last_bytes("", 2), "");
    }

    #[test]
    fn a_watcher_s_words_are_repeated_in_one_line() {
        assert_eq!(refusal(404, br#"{"error":"there is no check\nx"}"#), "answered 404: there is no checkx");
        assert_eq!(refusal(502, b"<html>"), "answered 502");
    }
}
