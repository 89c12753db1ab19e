//! The store, and what the simulation sees of it by a connection of its own.

use std::path::Path;

use allswell::store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row};
use tempfile::TempDir;

use super::plan::millis;
use allswell::domain::moment::Moment;

/// Where a process can die within a step: as it writes to this table, or as it commits.
pub(super) const FUSES: [&str; 6] = ["beat", "check", "flip", "incident", "notice", "commit"];

/// Memory, where there is such a place: every commit is on disk before it returns, and disks are slow.
const FAST: &str = "/dev/shm";

pub(super) struct Ground {
    pub(super) store: Store,
    own: SqliteConnection,
    _folder: TempDir,
}

/// What there is to do, by the clock of those who do it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// When anything is to be looked at, told, or decided next. None: only a beat can change anything.
    pub(super) next: Option<i64>,
    /// Something waits for a channel.
    pub(super) is_untold: bool,
    /// An incident is open.
    pub(super) is_open: bool,
}

impl Ground {
    pub(super) async fn new() -> Self {
        let folder = if Path::new(FAST).is_dir() { TempDir::new_in(FAST) } else { TempDir::new() }.unwrap();
        let store = Store::open("sqlite:w.db", folder.path()).await.unwrap();
        let mut own = SqliteConnectOptions::new().filename(folder.path().join("w.db")).foreign_keys(true).connect().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(fuses())).execute(&mut own).await.unwrap();
        Self { store, own, _folder: folder }
    }

    /// The next step dies when it comes to this fuse.
    pub(super) async fn arm(&mut self, fuse: usize) {
        sqlx::query("UPDATE fuse SET armed = ?").bind(FUSES[fuse]).execute(&mut self.own).await.unwrap();
    }

    pub(super) async fn disarm(&mut self) {
        sqlx::query("UPDATE fuse SET armed = ''").execute(&mut self.own).await.unwrap();
    }

    pub(super) async fn sight(&mut self) -> Sight {
        let query = "SELECT (SELECT min(look_at) FROM \"check\") AS looked,
            (SELECT min(decide_at) FROM incident WHERE resolved_at IS NULL) AS decided,
            (SELECT min(look_at) FROM follow_up) AS followed,
            (SELECT count(*) FROM incident WHERE resolved_at IS NULL) AS open,
            (SELECT min(max(due_at, coalesce(claimed_until, 0))) FROM notice WHERE taken_at IS NULL AND withdrawn_at IS NULL) AS told";
        let row = sqlx::query(query).fetch_one(&mut self.own).await.unwrap();
        let at = |name: &str| row.get::<Option<i64>, _>(name);
        let next = [at("looked"), at("decided"), at("followed"), at("told")].into_iter().flatten().min();
        Sight {
            next: next.map(|next| millis(Moment::from_millis(next))),
            is_untold: at("told").is_some(),
            is_open: row.get::<i64, _>("open") > 0,
        }
    }

    pub(super) async fn has_beat(&mut self, run: uuid::Uuid, sequence: u64) -> bool {
        let query = sqlx::query("SELECT count(*) AS count FROM beat WHERE run = ? AND sequence = ?");
        let query = query.bind(run.as_bytes().to_vec()).bind(i64::try_from(sequence).unwrap());
        query.fetch_one(&mut self.own).await.unwrap().get::<i64, _>("count") == 1
    }

    /// As if another watcher had swept in vain until `at`: what is idle is passed over.
    pub(super) async fn pass_over(&mut self, at: Moment, until: Moment) {
        let mark = serde_json::json!({ "at": at, "until": until, "listens_until": until }).to_string();
        let statement = "INSERT INTO fact (key, value) VALUES ('sweep', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        sqlx::query(statement).bind(mark).execute(&mut self.own).await.unwrap();
    }
}

/// A trigger of the database is the fuse: nothing in the code that is tried knows of it. A foreign key that is looked at last fails the commit.
fn fuses() -> String {
    let mut text = "CREATE TABLE void (id INTEGER PRIMARY KEY) STRICT;
        CREATE TABLE fuse (armed TEXT NOT NULL, blown INTEGER REFERENCES void (id) DEFERRABLE INITIALLY DEFERRED) STRICT;
        INSERT INTO fuse VALUES ('', NULL);"
        .to_owned();
    for table in FUSES.iter().filter(|table| **table != "commit") {
        for act in ["INSERT", "UPDATE"] {
            text.push_str(&format!(
                "CREATE TRIGGER fuse_{table}_{act} AFTER {act} ON \"{table}\" WHEN (SELECT armed FROM fuse) IN ('{table}', 'commit')
                 BEGIN SELECT RAISE(ABORT, 'killed here') WHERE (SELECT armed FROM fuse) = '{table}'; UPDATE fuse SET blown = 1; END;"
            ));
        }
    }
    text
}
