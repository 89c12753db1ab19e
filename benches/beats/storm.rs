//! Many checks that fall due in the same second.

use std::time::Duration;

use allswell::clock;
use allswell::store::{Store, checks as rows};

use super::checks::row;
use super::fill::{self, Plan};
use super::receiver::Receiver;
use super::watcher::Watcher;

/// The deadline, from when the first check is written.
const AHEAD: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(90);

/// How long after their common deadline the last of them has flipped, in seconds. Its incident and its notices are in the same commit.
pub(crate) async fn measure(count: usize) -> f64 {
    let folder = Watcher::folder();
    let receiver = Receiver::start().await;
    let state = folder.path().join("state-17701");
    let plan = Plan { count, silent: count, first: AHEAD, apart: Duration::ZERO };
    let deadlines = fill::store(&state, &plan).await;
    let deadline = deadlines[0].1;
    let watcher = Watcher::with(17_701, "sqlite:watcher.db", folder, 0, &receiver.url()).await;
    watcher.is_well().await;
    assert!(clock::now() < deadline, "the watcher is to be there before the deadline");
    let store = Store::open("sqlite:watcher.db", &state).await.unwrap();
    let down = async || {
        let counts = rows::counts(&mut store.read().await.unwrap()).await.unwrap();
        counts.into_iter().filter(|(status, _)| status == "down").map(|(_, count)| count).sum::<i64>()
    };
    let (mut first, wanted) = (None, i64::try_from(count).unwrap());
    loop {
        let (at, down) = (clock::now(), down().await);
        if down > 0 {
            first.get_or_insert(at);
        }
        if down == wanted {
            break;
        }
        assert!(at.since(deadline) < PATIENCE, "{down} of {count} after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = clock::now().since(deadline);
    row("due in one second: the first page is committed after, s", first.unwrap().since(deadline).as_secs_f64());
    row("due in one second: the last flip is committed after, s", took.as_secs_f64());
    took.as_secs_f64()
}
