//! Sends signed beats, as a heartbeat or a prober does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::{Beat, BeatKind, Health, Identity, Live, Showing};
use allswell::net::client;
use allswell::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};
use serde_json::Value;
use uuid::Uuid;

/// One sender, with a run of its own.
pub(crate) struct Sender {
    /// The watcher's address.
    watcher: String,
    key: Key,
    run: Uuid,
    sequence: AtomicU64,
    client: reqwest::Client,
}

impl Sender {
    pub(crate) fn new(watcher: &str, key: &str) -> Self {
        let client = client::http(Duration::from_secs(10)).expect("a client");
        Self { watcher: watcher.to_owned(), key: Key::new(key), run: Uuid::new_v4(), sequence: AtomicU64::new(0), client }
    }

    /// The next beat of a check.
    pub(crate) fn beat(&self, check: &str, kind: BeatKind) -> Beat {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let health = (kind == BeatKind::Fail).then(|| Health::not_good(Showing::Bad, "answered 500"));
        Beat { health, ..Beat::new(check, kind, Identity { instance: "test".to_owned(), run: self.run, sequence }, clock::now()) }
    }

    /// A beat of the prober that says what is live.
    pub(crate) fn prober(&self, live: Live) -> Beat {
        Beat { live: Some(live), ..self.beat("prober", BeatKind::Success) }
    }

    /// Sends it; the status of the answer, none where there was no answer.
    pub(crate) async fn send(&self, beat: &Beat) -> Option<u16> {
        self.send_raw(&serde_json::to_vec(beat).expect("a beat is JSON")).await.map(|(status, _)| status)
    }

    /// Sends it; the status, and whether the watcher says that it had it already.
    pub(crate) async fn send_again(&self, beat: &Beat) -> Option<(u16, bool)> {
        let (status, body) = self.exchange(&serde_json::to_vec(beat).expect("a beat is JSON")).await?;
        Some((status, body["repeated"] == true))
    }

    /// Sends a next beat of a check.
    pub(crate) async fn say(&self, check: &str, kind: BeatKind) -> Option<u16> {
        self.send(&self.beat(check, kind)).await
    }

    /// Sends whatever it is, well signed; status and error of the answer.
    pub(crate) async fn send_raw(&self, body: &[u8]) -> Option<(u16, String)> {
        let (status, body) = self.exchange(body).await?;
        Some((status, body["error"].as_str().unwrap_or_default().to_owned()))
    }

    async fn exchange(&self, body: &[u8]) -> Option<(u16, Value)> {
        let signature = self.key.sign("POST", "/v1/beat", body);
        let request = self.client.post(format!("http://{}/v1/beat", self.watcher));
        let request = request.header(KEY_ID_HEADER, self.key.id()).header(SIGNATURE_HEADER, signature);
        let answer = request.body(body.to_vec()).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    /// `GET` from the watcher: status and text.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = self.client.get(format!("http://{}{path}", self.watcher)).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.unwrap_or_default()))
    }

    /// `GET /v1/overview`.
    pub(crate) async fn overview(&self) -> Option<Value> {
        let (status, text) = self.get("/v1/overview").await?;
        (status == 200).then(|| serde_json::from_str(&text).expect("JSON"))
    }
}
