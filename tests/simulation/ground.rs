//! The store, and what the simulation sees of it by a connection of its own.

use std::fs;
use std::path::Path;

use allswell::store::Store;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::plan::millis;
use allswell::domain::moment::Moment;

/// Where a process can die within a step: as it writes to this table, or as it commits.
pub(super) const FUSES: [&str; 6] = ["beat", "check", "flip", "incident", "notice", "commit"];

/// Memory, where there is such a place: every commit is on disk before it returns, and disks are slow.
const FAST: &str = "/dev/shm";

/// A store that is as new: its schema takes longer to write than many a world to live through.
static FRESH: OnceCell<Vec<u8>> = OnceCell::const_new();
const FILE: &str = "w.db";

pub(super) struct Ground {
    pub(super) store: Store,
    own: Connection,
    _folder: TempDir,
}

/// What there is to do, by the clock of those who do it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// When anything is to be looked at, told, or decided next, be it over or not. None: only a beat can change anything.
    pub(super) next: Option<i64>,
    /// Something waits for a channel.
    pub(super) is_untold: bool,
    /// An incident is open.
    pub(super) is_open: bool,
}

impl Ground {
    pub(super) async fn new() -> Self {
        let fresh = FRESH.get_or_init(fresh).await;
        let folder = folder();
        fs::write(folder.path().join(FILE), fresh).unwrap();
        let (store, own) = open(&folder).await;
        own.pragma_update(None, "foreign_keys", true).unwrap();
        Self { store, own, _folder: folder }
    }

    /// The next step dies when it comes to this fuse.
    pub(super) fn arm(&self, fuse: usize) {
        self.own.execute("UPDATE fuse SET armed = ?", [FUSES[fuse]]).unwrap();
    }

    pub(super) fn disarm(&self) {
        self.own.execute("UPDATE fuse SET armed = ''", []).unwrap();
    }

    pub(super) fn sight(&self) -> Sight {
        let query = "SELECT (SELECT min(look_at) FROM \"check\") AS looked,
            (SELECT min(decide_at) FROM incident) AS decided,
            (SELECT min(look_at) FROM follow_up) AS followed,
            (SELECT min(max(due_at, coalesce(claimed_until, 0))) FROM notice WHERE taken_at IS NULL AND withdrawn_at IS NULL) AS told,
            (SELECT count(*) FROM incident WHERE resolved_at IS NULL) AS open";
        let mut statement = self.own.prepare_cached(query).unwrap();
        let read = |row: &rusqlite::Row<'_>| {
            let at = |place| row.get::<_, Option<i64>>(place);
            Ok(([at(0)?, at(1)?, at(2)?, at(3)?], row.get::<_, i64>(4)?))
        };
        let (times, open) = statement.query_one([], read).unwrap();
        let next = times.into_iter().flatten().min();
        Sight { next: next.map(|next| millis(Moment::from_millis(next))), is_untold: times[3].is_some(), is_open: open > 0 }
    }

    /// Whether something is on its way to a channel, or has been due for a minute at most.
    pub(super) fn is_being_told(&self, now: Moment) -> bool {
        let query =
            "SELECT count(*) FROM notice WHERE taken_at IS NULL AND withdrawn_at IS NULL AND max(due_at, coalesce(claimed_until, 0)) > ?";
        let mut statement = self.own.prepare_cached(query).unwrap();
        statement.query_one([now.as_millis() - 60_000], |row| row.get::<_, i64>(0)).unwrap() > 0
    }

    /// What waits for a channel.
    pub(super) fn untold(&self) -> Vec<String> {
        let query = "SELECT key || ' due ' || due_at || ' claimed until ' || coalesce(claimed_until, 0) FROM notice
            WHERE taken_at IS NULL AND withdrawn_at IS NULL ORDER BY id";
        let mut statement = self.own.prepare_cached(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// What is over and was explained by nothing: its key, and its check.
    pub(super) fn over(&self) -> Vec<(String, String)> {
        let query = "SELECT key, check_name FROM incident WHERE resolved_at IS NOT NULL AND NOT explained ORDER BY key";
        let mut statement = self.own.prepare_cached(query).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    /// Whether an incident was taken back: then its flips are gone.
    pub(super) fn is_taken_back(&self, key: &str, check: &str) -> bool {
        let query = "SELECT count(*) FROM flip WHERE check_name = ? AND incident = ?";
        let mut statement = self.own.prepare_cached(query).unwrap();
        statement.query_one([check, key], |row| row.get::<_, i64>(0)).unwrap() == 0
    }

    /// How often a beat is there.
    pub(super) fn count(&self, run: uuid::Uuid, sequence: u64) -> i64 {
        let mut statement = self.own.prepare_cached("SELECT count(*) FROM beat WHERE run = ? AND sequence = ?").unwrap();
        let values = (run.as_bytes().to_vec(), i64::try_from(sequence).unwrap());
        statement.query_one(values, |row| row.get(0)).unwrap()
    }

    /// As if another watcher had swept in vain until `at`: what is idle is passed over.
    pub(super) fn pass_over(&self, at: Moment, until: Moment) {
        let mark = serde_json::json!({ "at": at, "until": until, "listens_until": until }).to_string();
        let statement = "INSERT INTO fact (key, value) VALUES ('sweep', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.own.execute(statement, [mark]).unwrap();
    }
}

fn folder() -> TempDir {
    if Path::new(FAST).is_dir() { TempDir::new_in(FAST) } else { TempDir::new() }.unwrap()
}

async fn open(folder: &TempDir) -> (Store, Connection) {
    let store = Store::open(&format!("sqlite:{FILE}"), folder.path()).await.unwrap();
    (store, Connection::open(folder.path().join(FILE)).unwrap())
}

async fn fresh() -> Vec<u8> {
    let folder = folder();
    let (store, own) = open(&folder).await;
    own.execute_batch(&fuses()).unwrap();
    // The last one to go brings everything into the file.
    drop(store);
    own.close().unwrap();
    fs::read(folder.path().join(FILE)).unwrap()
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
