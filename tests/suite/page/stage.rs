//! A real watcher that has seen a good deal, and whoever looks at it.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::{Beat, BeatKind, ExpectedInstances, Health, Identity, Live, Showing};
use allswell::domain::check::Status;
use allswell::domain::colour::Colour;
use allswell::domain::entry::{Asked, Entry, Step, What};
use allswell::domain::flip::Reason;
use allswell::domain::incident::{Incident, Severity};
use allswell::domain::moment::Moment;
use allswell::domain::sent::Sent;
use allswell::domain::switch::Phase;
use allswell::store::incidents::StoredIncident;
use allswell::store::{Store, beats, incidents};
use chrono::{Datelike, Days};
use uuid::Uuid;

use crate::harness::{Host, Process, Sender, Webhook, eventually};

pub(super) const KEY: &str = "a beat key";
pub(super) const TOKEN: &str = "the watcher's token";
/// The store of a watcher that is told of none.
pub(super) const FILE: &str = "sqlite:watcher.db";
/// How often a heartbeat of the stage beats: one that has not been heard for 30 s is silent.
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// A watcher, what it tells, and who beats.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) sink: Webhook,
    pub(super) sender: Arc<Sender>,
    _watcher: Process,
}

/// The schedule of what is planned and not under way, whenever this runs: 02:00 UTC on the weekday of three days from now.
pub(super) fn in_three_days() -> String {
    let day = clock::now().to_utc() + Days::new(3);
    format!("0 2 * * {}", day.weekday().num_days_from_sunday())
}

/// What a page answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("words")).unwrap_or_default()
    }
}

impl Stage {
    /// With these sections besides. The built-in checks are due once in an hour.
    pub(super) async fn new(more: &str) -> Self {
        Self::on(Host::new(), "heartbeats = false", more).await
    }

    /// With this line in `[app]`.
    pub(super) async fn on(host: Host, app: &str, more: &str) -> Self {
        Self::kept_in(FILE, host, app, more).await
    }

    /// With this store.
    pub(super) async fn kept_in(store: &str, host: Host, app: &str, more: &str) -> Self {
        let sink = Webhook::start(&host.at(9000), None).await;
        let config = format!(
            "[app]\nname = \"shop\"\n{app}\n[runtime]\ncommand = \"x\"\n\
             [watcher]\nlisten = \"{}\"\nbeat_key = \"{KEY}\"\ntoken = \"{TOKEN}\"\nstore = \"{store}\"\n[probe]\nevery = \"1h\"\n\
             [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n{more}",
            host.at(7700),
            sink.url()
        );
        std::fs::write(host.path("allswell.toml"), config).expect("a config");
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
        command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
        let watcher = Process::start(&mut command, &host.path("watcher.log"));
        let sender = Arc::new(Sender::new(&host.at(7700), KEY));
        let stage = Self { host, sink, sender, _watcher: watcher };
        eventually("the watcher answers", || async { stage.sender.overview().await }).await;
        stage
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host.at(7700))
    }

    /// Asks for a page with these headers; follows nothing.
    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(reqwest::Method::GET, path, headers, "").await
    }

    /// Sends a form with these headers.
    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        self.ask(reqwest::Method::POST, path, headers, form).await
    }

    async fn ask(&self, method: reqwest::Method, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        // It follows nothing.
        let client = allswell::net::client::http(Duration::from_secs(20)).expect("a client");
        let mut request = client.request(method, self.url(path)).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(form.to_owned()).send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.expect("a text") }
    }

    /// The cookie of somebody who has signed in.
    pub(super) async fn sign_in(&self, token: &str) -> String {
        let origin = self.url("");
        let token = token.replace(' ', "+").replace('\'', "%27");
        let answer = self.post("/sign-in", &[("origin", &origin)], &format!("name=ann&token={token}")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
    }

    /// The key of the open incident of a check.
    pub(super) async fn incident(&self, check: &str) -> String {
        eventually(&format!("an incident of {check}"), || async {
            let overview = self.sender.overview().await?;
            let open = overview["incidents"].as_array()?.iter().find(|incident| incident["check"] == check)?.clone();
            open["key"].as_str().map(str::to_owned)
        })
        .await
    }

    /// A beat of a check with what its work found.
    pub(super) async fn found(&self, check: &str, health: Health, version: Option<&str>) {
        let kind = if matches!(health.showing, Showing::Good | Showing::Slow) { BeatKind::Success } else { BeatKind::Fail };
        let beat = Beat { health: Some(health), version: version.map(str::to_owned), ..self.sender.beat(check, kind) };
        assert_eq!(self.sender.send(&beat).await, Some(200), "{check}");
    }

    /// The heartbeat of an instance beats from now on for as long as the story runs, however long that is on a slow machine.
    pub(super) async fn heartbeat(&self, check: &'static str, instance: &'static str, version: &'static str) {
        let sender = Arc::clone(&self.sender);
        let beat = async move || {
            let mut beat = Beat { version: Some(version.to_owned()), ..sender.beat(check, BeatKind::Success) };
            beat.health = Some(Health::good(4));
            beat.identity.instance = instance.to_owned();
            sender.send(&beat).await
        };
        assert_eq!(beat().await, Some(200), "{instance}");
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT_EVERY).await;
                beat().await;
            }
        });
    }

    /// The prober says what is live, and what has been done.
    pub(super) async fn prober_says(&self, journal: Vec<Entry>) {
        let expected = Some(ExpectedInstances { blue: 2, green: 1 });
        let live = Live { colour: Some(Colour::Blue), epoch: 12, expected, journal, ..Live::default() };
        assert_eq!(self.sender.send(&self.sender.prober(live)).await, Some(200));
    }
}

/// A switch that began so many minutes ago and went through all its phases.
pub(super) fn switch(number: i64, minutes_ago: u64, by: &str) -> Entry {
    let started_at = clock::now() - Duration::from_secs(minutes_ago * 60);
    let at = |millis: u64| started_at + Duration::from_millis(millis);
    let step = |phase, millis, note: Option<&str>| Step { phase, at: at(millis), note: note.map(str::to_owned) };
    Entry {
        id: number,
        epoch: 12,
        what: What::Switch,
        asked: Asked { target: Colour::Blue, version: None, by: by.to_owned(), forced: None, instances: None },
        origin: Some(Colour::Green),
        phase: Phase::Done,
        reason: None,
        output: None,
        steps: vec![
            step(Phase::Intended, 0, None),
            step(Phase::Gated, 210, None),
            step(Phase::Shifted, 228, Some("blue is live, epoch 12")),
            step(Phase::Verified, 301, None),
            step(Phase::Drained, 30_310, Some("2 WebSockets are still open and left running; 14 of 16 have finished")),
            step(Phase::Done, 60_312, None),
        ],
        started_at,
        ended_at: Some(at(60_312)),
    }
}

/// A deploy that ended like this.
pub(super) fn deploy(number: i64, minutes_ago: u64, phase: Phase, reason: Option<&str>) -> Entry {
    let entry = switch(number, minutes_ago, "ci@build");
    let ended_at = entry.started_at + Duration::from_secs(21);
    Entry {
        what: What::Deploy,
        asked: Asked { version: Some("v43".to_owned()), ..entry.asked },
        phase,
        reason: reason.map(str::to_owned),
        steps: vec![
            Step { phase: Phase::Intended, at: entry.started_at, note: None },
            Step { phase, at: ended_at, note: reason.map(str::to_owned) },
        ],
        ended_at: Some(ended_at),
        ..entry
    }
}

/// What was in the store before the watcher began: incidents of the last months, and six hours of answers.
pub(super) async fn seed(store: &str, host: &Host, checks: &[&str]) {
    std::fs::create_dir_all(host.path("state")).expect("a folder");
    let store = Store::open(store, &host.path("state")).await.expect("a store");
    let mut write = store.begin().await.expect("a transaction");
    let now = clock::now();
    for (place, check) in checks.iter().enumerate() {
        for (days, minutes, status) in
            [(81, 190, Status::Down), (47, 12, Status::Poorly), (46, 400, Status::Down), (13, 3, Status::Down), (4, 55, Status::Poorly)]
        {
            let since = now - Duration::from_secs((days + place as u64) * 86_400);
            save(&mut write, check, since, Duration::from_secs(minutes * 60), status).await;
        }
        let first = Beat { sent_at: now - Duration::from_secs(88 * 86_400), ..answered(check, 0, 12) };
        assert!(beats::insert(&mut write, "own", &first, first.sent_at, &Sent::default(), None).await.expect("a beat"));
        for number in 1..=720_u64 {
            let (wave, spike) = ((number as f64 / 40.0).sin().abs() * 30.0, if number % 97 == 0 { 260 } else { number * 7 % 11 });
            let mut beat = answered(check, number, 18 + wave as u64 + spike);
            beat.sent_at = now - Duration::from_secs((720 - number) * 30);
            if (400..404).contains(&number) {
                (beat.kind, beat.health) = (BeatKind::Fail, Some(Health::not_good(Showing::Bad, "answered 503")));
            }
            assert!(beats::insert(&mut write, "own", &beat, beat.sent_at, &Sent::default(), None).await.expect("a beat"));
        }
    }
    write.commit().await.expect("it is written");
}

fn answered(check: &str, sequence: u64, latency_ms: u64) -> Beat {
    Beat {
        health: Some(Health::good(latency_ms)),
        ..Beat::new(check, BeatKind::Success, Identity { instance: check.to_owned(), run: Uuid::nil(), sequence }, clock::now())
    }
}

async fn save(write: &mut allswell::store::Transaction, check: &str, since: Moment, lasted: Duration, status: Status) {
    let reason = match status {
        Status::Poorly => Reason::Slow { what: "took 2310 ms".to_owned() },
        _ => Reason::Failing { what: "connection refused".to_owned(), times: 3 },
    };
    let incident = Incident {
        key: format!("{check}-{}", since.as_millis()),
        check: check.to_owned(),
        status,
        severity: Severity::Warning,
        since,
        reason,
        cause: None,
        flips: 1,
        resolved_at: Some(since + lasted),
    };
    let stored = StoredIncident { incident, opened_at: since, decide_at: None, decide_until: None, explained: false };
    incidents::save(write, &stored).await.expect("an incident");
}
