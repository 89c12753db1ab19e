//! The stores that the contract is held to.

use std::sync::Arc;
use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind, Identity};
use allswell::domain::check::Check;
use allswell::domain::follow_up::Plan;
use allswell::domain::moment::Moment;
use allswell::domain::schedule::Schedule;
use allswell::monitor::{ChannelRule, Expected, Keep, MonitorSettings};
use allswell::store::{Connection, Store, StoreError, Transaction};
use tempfile::TempDir;
use uuid::Uuid;

use crate::harness::{Host, Postgres};

/// An empty store, and what it stands on.
pub(super) struct Ground {
    pub(super) name: &'static str,
    pub(super) store: Store,
    url: String,
    folder: TempDir,
    _room: Host,
    _server: Option<Arc<Postgres>>,
}

/// One of each kind.
pub(super) async fn grounds() -> [Ground; 2] {
    let server = Postgres::shared().await;
    let url = server.database().await;
    [Ground::new("SQLite", "sqlite:x.db".to_owned(), None).await, Ground::new("PostgreSQL", url, Some(server)).await]
}

/// A PostgreSQL whose clock can be set.
pub(super) async fn ground_with_clock() -> (Ground, Arc<Postgres>) {
    let server = Arc::new(Postgres::with_clock().await);
    let url = server.database().await;
    (Ground::new("PostgreSQL", url, Some(server.clone())).await, server)
}

impl Ground {
    async fn new(name: &'static str, url: String, server: Option<Arc<Postgres>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&url, folder.path()).await.unwrap();
        Self { name, store, url, folder, _room: Host::new(), _server: server }
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The same store, opened once more.
    pub(super) async fn again(&self) -> Result<Store, StoreError> {
        Store::open(&self.url, self.folder.path()).await
    }

    pub(super) async fn write(&self) -> Transaction {
        self.store.begin().await.unwrap()
    }

    pub(super) async fn read(&self) -> Connection {
        self.store.read().await.unwrap()
    }
}

pub(super) fn at(millis: i64) -> Moment {
    Moment::from_millis(1_795_000_000_000 + millis)
}

/// A beat of a run of its own.
pub(super) fn beat(check: &str, instance: &str, body: Option<String>) -> Beat {
    Beat {
        body,
        ..Beat::new(check, BeatKind::Success, Identity { instance: instance.to_owned(), run: Uuid::new_v4(), sequence: 1 }, at(0))
    }
}

/// A watcher of this name, of which these channels hear. `job` is due at this interval in seconds, and down so many seconds later.
pub(super) fn settings(name: &str, (period, grace): (u64, u64), rules: Vec<ChannelRule>) -> MonitorSettings {
    let [period, grace] = [period, grace].map(Duration::from_secs);
    let check = Check { schedule: Schedule::Every(period), grace, rise: 1, fall: 1, apart: None };
    let (plan, channels) = (Plan::default(), rules.iter().map(|rule| rule.name.clone()).collect::<Vec<_>>());
    let job = Expected { name: "job".into(), check, channels: channels.clone(), instances: None, plan: plan.clone(), behind: Vec::new() };
    MonitorSettings {
        name: name.to_owned(),
        app: "shop".into(),
        page_url: None,
        checks: [job].into_iter().collect(),
        channels: rules,
        own_channels: channels,
        own_plan: plan,
        maintenance: Vec::new(),
        most_made: 0,
        keep: Keep { log: Duration::from_secs(7_200), beats: Duration::from_secs(3_600) },
        strangers_after: Duration::from_secs(60),
    }
}
