//! A monitor on a store in a temporary directory.

use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use crate::domain::beat::{Beat, BeatKind, Health, Identity, Live, Showing};
use crate::domain::check::{Check, Status};
use crate::domain::colour::Colour;
use crate::domain::follow_up::Plan;
use crate::domain::moment::Moment;
use crate::domain::notice::Notice;
use crate::domain::schedule::Schedule;
use crate::domain::sent::Sent;
use crate::monitor::{Ack, Arrived, ChannelRule, Claimed, Expected, IngestError, Keep, LiveHeard, Monitor, MonitorSettings};
use crate::notify::{Receipt, SendError};
use crate::store::incidents::{self, StoredIncident};
use crate::store::{Store, checks};

/// Everything is due every second, with two seconds of grace; rise 2, fall 3. Two channels, `ops` and `mail`, are told of everything.
pub(super) struct Stage {
    pub(super) monitor: Monitor,
    folder: TempDir,
    run: Uuid,
    sequence: u64,
}

/// A moment after an arbitrary beginning.
pub(super) fn at(millis: i64) -> Moment {
    Moment::from_millis(1_795_000_000_000 + millis)
}

pub(super) fn rule(name: &str) -> ChannelRule {
    ChannelRule { name: name.to_owned(), fallback: None, say: None, timeout: Duration::from_secs(1) }
}

pub(super) fn settings(names: &[&str]) -> MonitorSettings {
    let second = Duration::from_secs(1);
    let check = Check { schedule: Schedule::Every(second), grace: second * 2, rise: 2, fall: 3, apart: None };
    let channels = vec!["ops".to_owned(), "mail".to_owned()];
    let expected = |name: &&str| Expected {
        name: (*name).to_owned(),
        check: check.clone(),
        channels: channels.clone(),
        instances: name.starts_with("heartbeat-").then_some(1),
        plan: Plan::default(),
        behind: Vec::new(),
    };
    MonitorSettings {
        name: "watcher".into(),
        app: "shop".into(),
        page_url: None,
        checks: names.iter().map(expected).collect(),
        channels: vec![rule("ops"), rule("mail")],
        own_channels: channels.clone(),
        own_plan: Plan::default(),
        maintenance: Vec::new(),
        most_made: 3,
        keep: Keep { log: Duration::from_secs(7_200), beats: Duration::from_secs(3_600) },
        strangers_after: Duration::from_secs(60),
    }
}

impl Stage {
    /// Starts at moment 0.
    pub(super) async fn new(names: &[&str]) -> Self {
        Self::with(settings(names)).await
    }

    pub(super) async fn with(settings: MonitorSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:w.db", folder.path()).await.unwrap();
        let monitor = Monitor::new(store, settings);
        monitor.start(at(0)).await.unwrap();
        Self { monitor, folder, run: Uuid::new_v4(), sequence: 0 }
    }

    /// The same store with another process, as after a crash.
    pub(super) async fn restart(&mut self, now: i64) {
        self.restart_with(self.monitor.settings().clone(), now).await;
    }

    /// The same, with another config.
    pub(super) async fn restart_with(&mut self, settings: MonitorSettings, now: i64) {
        let store = Store::open("sqlite:w.db", self.folder.path()).await.unwrap();
        self.monitor = Monitor::new(store, settings);
        self.monitor.release_claims().await.unwrap();
        self.monitor.start(at(now)).await.unwrap();
    }

    pub(super) fn beat(&mut self, check: &str, showing: Showing, now: i64) -> Beat {
        self.sequence += 1;
        let passed = matches!(showing, Showing::Good | Showing::Slow);
        let health = if showing == Showing::Good { Health::good(5) } else { Health::not_good(showing, "answered 500") };
        let kind = if passed { BeatKind::Success } else { BeatKind::Fail };
        let identity = Identity { instance: "one".into(), run: self.run, sequence: self.sequence };
        Beat { health: Some(health), ..Beat::new(check, kind, identity, at(now)) }
    }

    pub(super) fn arrived(&self, beat: Beat, now: i64) -> Arrived {
        Arrived { key_id: "k".into(), beat, arrival: self.monitor.arrivals().arrive(|| at(now)), sent: Sent::default() }
    }

    pub(super) async fn hear(&self, beat: Beat, now: i64) -> Result<Ack, IngestError> {
        self.monitor.ingest(&[self.arrived(beat, now)], at(now)).await.remove(0)
    }

    /// One good beat.
    pub(super) async fn good(&mut self, check: &str, now: i64) {
        let beat = self.beat(check, Showing::Good, now);
        self.hear(beat, now).await.unwrap();
    }

    /// One bad beat.
    pub(super) async fn bad(&mut self, check: &str, now: i64) {
        let beat = self.beat(check, Showing::Bad, now);
        self.hear(beat, now).await.unwrap();
    }

    /// As many bad ones as make a down, each a tenth of a second after the other; the last one at `now`.
    pub(super) async fn down(&mut self, check: &str, now: i64) {
        for before in [200, 100, 0] {
            self.bad(check, now - before).await;
        }
    }

    /// As many good ones as end a down; the last one at `now`.
    pub(super) async fn up(&mut self, check: &str, now: i64) {
        self.good(check, now - 100).await;
        self.good(check, now).await;
    }

    /// The prober says what is live.
    pub(super) async fn live(&mut self, live: Live, now: i64) {
        let beat = Beat { live: Some(live), ..self.beat("prober", Showing::Good, now) };
        self.hear(beat, now).await.unwrap();
    }

    /// Blue is live, as a prober that is not expected itself would have said it.
    pub(super) async fn live_is_blue(&self, now: i64) {
        let live = Live { colour: Some(Colour::Blue), epoch: 1, ..Live::default() };
        let heard = LiveHeard { live, heard_at: Some(at(now)) };
        let mut transaction = self.monitor.store.begin().await.unwrap();
        crate::store::facts::set(&mut transaction, "live", &heard).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Sweeps as the loop does, every 200 ms.
    pub(super) async fn sweep(&self, from: i64, to: i64) {
        for now in (from..=to).step_by(200) {
            self.monitor.sweep(at(now), false).await.unwrap();
        }
    }

    /// Everything that is open, by name.
    pub(super) async fn open(&self) -> Vec<StoredIncident> {
        incidents::open(&mut self.monitor.store.read().await.unwrap()).await.unwrap()
    }

    pub(super) async fn status(&self, check: &str) -> Status {
        let mut reader = self.monitor.store.read().await.unwrap();
        checks::find(&mut reader, check).await.unwrap().unwrap().state.status
    }

    pub(super) async fn claim(&self, channel: &str, now: i64) -> Option<Claimed> {
        self.monitor.claim(&self.rule(channel), at(now)).await.unwrap()
    }

    pub(super) async fn taken(&self, channel: &str, claimed: &Claimed, now: i64) {
        self.monitor.settle(&self.rule(channel), claimed, &Ok(Receipt("ok".into())), at(now)).await.unwrap();
    }

    pub(super) async fn refused(&self, channel: &str, claimed: &Claimed, error: SendError, now: i64) {
        self.monitor.settle(&self.rule(channel), claimed, &Err(error), at(now)).await.unwrap();
    }

    /// Whatever is due for the channel now, taken.
    pub(super) async fn notices(&self, channel: &str, now: i64) -> Vec<Notice> {
        let mut notices = Vec::new();
        while let Some(claimed) = self.claim(channel, now).await {
            self.taken(channel, &claimed, now).await;
            notices.push(claimed.notice().clone());
        }
        notices
    }

    /// The same in short: `check.down blue`.
    pub(super) async fn told(&self, channel: &str, now: i64) -> Vec<String> {
        self.notices(channel, now).await.iter().map(|notice| format!("{} {}", notice.kind, notice.subject.check)).collect()
    }

    fn rule(&self, channel: &str) -> ChannelRule {
        self.monitor.settings().channels.iter().find(|rule| rule.name == channel).unwrap().clone()
    }
}
