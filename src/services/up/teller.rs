//! Beats one watcher: each beat follows a pass of the supervisor, and news is kept until the watcher has it.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::event::{Event, Events};
use super::news::{About, News, Pass};
use crate::clock;
use crate::domain::beat::{Beat, BeatKind, Health, Identity, Showing};
use crate::net::client::explain;
use crate::net::parcel::{PATH, Parcel};
use crate::signing::Key;

/// The check that `up` beats, and the sender's name.
const CHECK: &str = "up";
/// News beyond this is of no more use: the oldest goes.
const MOST: usize = 100;
/// So many refusals in a row are said: at the start the watcher is not there yet.
const PATIENCE: u32 = 3;

/// Why a beat was not taken.
#[derive(Debug)]
enum Untaken {
    /// The watcher expects no such check.
    NoSuchCheck,
    /// Try again.
    Because(String),
}

/// Beats one watcher.
#[derive(Debug)]
pub(super) struct Teller {
    url: String,
    client: reqwest::Client,
    key: Key,
    every: Duration,
    run: Uuid,
    sequence: u64,
    news: Vec<News>,
    refusals: u32,
    events: Events,
}

impl Teller {
    pub(super) fn new(url: &str, client: reqwest::Client, key: Key, every: Duration, events: Events) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { url, client, key, every, run: Uuid::new_v4(), sequence: 0, news: Vec::new(), refusals: 0, events }
    }

    /// Until there are no more passes.
    pub(super) async fn run(mut self, mut passes: UnboundedReceiver<Pass>) {
        while let Some(mut pass) = passes.recv().await {
            self.news.append(&mut pass.news);
            while let Ok(mut later) = passes.try_recv() {
                self.news.append(&mut later.news);
                pass = Pass { is_due: pass.is_due || later.is_due, ..later };
            }
            let too_many = self.news.len().saturating_sub(MOST);
            self.news.drain(..too_many);
            let told = self.tell(&pass).await;
            self.note(told);
        }
    }

    async fn tell(&mut self, pass: &Pass) -> Result<(), String> {
        while let Some(at) = self.news.iter().position(|news| matches!(news.about, About::App { .. })) {
            let Some(news) = self.news.get(at).cloned() else { break };
            let beat = self.instance_beat(&news);
            match self.send(&beat).await {
                Ok(()) => drop(self.news.remove(at)),
                // Without heartbeats a colour has no such check: then it is our own trouble.
                Err(Untaken::NoSuchCheck) => self.news.iter_mut().skip(at).take(1).for_each(|news| news.about = About::Part),
                Err(Untaken::Because(why)) => return Err(why),
            }
        }
        if self.news.is_empty() && !pass.is_due {
            return Ok(());
        }
        let beat = self.own_beat(pass);
        match self.send(&beat).await {
            Ok(()) => {
                self.news.clear();
                Ok(())
            }
            Err(Untaken::NoSuchCheck) => Err("it expects no check named up".to_owned()),
            Err(Untaken::Because(why)) => Err(why),
        }
    }

    /// The exit of an instance, told as its heartbeat would: the next beat of the heartbeat says that it is well again.
    fn instance_beat(&mut self, news: &News) -> Beat {
        let (colour, version) = match &news.about {
            About::App { colour, version } => (Some(*colour), version.clone()),
            About::Part => (None, None),
        };
        let check = colour.map_or_else(|| CHECK.to_owned(), |colour| format!("heartbeat-{colour}"));
        let health = Health { since: Some(news.at), ..Health::not_good(Showing::Exited, news.reason.clone()) };
        Beat { colour, version, health: Some(health), ..self.beat(&check, &news.name, BeatKind::Fail) }
    }

    fn own_beat(&mut self, pass: &Pass) -> Beat {
        let reasons: Vec<&str> = self.news.iter().map(|news| news.reason.as_str()).collect();
        let since = self.news.first().map(|news| news.at);
        let health = match (reasons.as_slice(), &pass.trouble) {
            ([], None) => None,
            ([], Some(trouble)) => Some(Health::not_good(Showing::Bad, trouble.clone())),
            (reasons, _) => Some(Health { since, ..Health::not_good(Showing::Exited, reasons.join("; ")) }),
        };
        let kind = match (&health, pass.bye) {
            (Some(_), _) => BeatKind::Fail,
            (None, true) => BeatKind::Bye,
            (None, false) => BeatKind::Success,
        };
        let every_ms = u64::try_from(self.every.as_millis()).ok();
        Beat { health, every_ms, ..self.beat(CHECK, CHECK, kind) }
    }

    fn beat(&mut self, check: &str, instance: &str, kind: BeatKind) -> Beat {
        self.sequence += 1;
        Beat::new(check, kind, Identity { instance: instance.to_owned(), run: self.run, sequence: self.sequence }, clock::now())
    }

    async fn send(&self, beat: &Beat) -> Result<(), Untaken> {
        let body = serde_json::to_vec(beat).map_err(|error| Untaken::Because(error.to_string()))?;
        let request = Parcel::new(body, &self.key).to(&self.client, format!("{}{PATH}", self.url));
        let answer = request.send().await.map_err(|error| Untaken::Because(explain(error)))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND => Err(Untaken::NoSuchCheck),
            status => Err(Untaken::Because(format!("it answered {}", status.as_u16()))),
        }
    }

    /// Says once that a watcher does not hear us, and once that it does again.
    fn note(&mut self, told: Result<(), String>) {
        let watcher = self.url.clone();
        match told {
            Ok(()) if self.refusals >= PATIENCE => {
                self.refusals = 0;
                self.events.say(Event::Heard { watcher });
            }
            Ok(()) => self.refusals = 0,
            Err(why) => {
                self.refusals = self.refusals.saturating_add(1);
                if self.refusals == PATIENCE {
                    self.events.say(Event::Unheard { watcher, why });
                }
            }
        }
    }
}
