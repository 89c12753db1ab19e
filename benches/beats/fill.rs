//! A store with many checks, as the watcher would have left it.

use std::path::Path;
use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::BeatKind;
use allswell::domain::check::Heard;
use allswell::domain::moment::Moment;
use allswell::domain::sent::Made;
use allswell::store::{Store, checks, made};
use uuid::Uuid;

const PERIOD: Duration = Duration::from_secs(86_400);
/// So many in one commit.
const PAGE: usize = 10_000;

/// What is in the store.
pub(crate) struct Plan {
    /// So many checks, all of them up.
    pub(crate) count: usize,
    /// The last of them will not be heard again.
    pub(crate) silent: usize,
    /// The deadline of the first one of these, from now.
    pub(crate) first: Duration,
    /// The deadlines of two of them are so far apart.
    pub(crate) apart: Duration,
}

/// Fills it, and says when the silent ones are due, with their names.
pub(crate) async fn store(state: &Path, plan: &Plan) -> Vec<(String, Moment)> {
    std::fs::create_dir_all(state).unwrap();
    let store = Store::open("sqlite:watcher.db", state).await.unwrap();
    let now = clock::now();
    let mut deadlines = Vec::new();
    for page in (0..plan.count).step_by(PAGE) {
        let mut transaction = store.begin().await.unwrap();
        transaction.batch();
        for number in page..(page + PAGE).min(plan.count) {
            let name = format!("job-{number}");
            let about = Made { uuid: Uuid::from_u128(number as u128), period_ms: PERIOD.as_millis() as u64, grace_ms: 0 };
            let due = match (number + plan.silent).checked_sub(plan.count) {
                // As it was heard in the last hour, so never in this measurement.
                None => now + PERIOD - Duration::from_millis(number as u64 % 3_600_000),
                Some(place) => {
                    let due = now + plan.first + plan.apart * u32::try_from(place).unwrap();
                    deadlines.push((name.clone(), due));
                    due
                }
            };
            let at = due - PERIOD;
            let mut check = made::new(&name, &about, at);
            let heard = Heard { kind: BeatKind::Success, health: None, at, sent_at: at, work: None };
            check.state = about.check().hear(&check.state, heard, None).state;
            check.look_at = Some(check.state.deadline(&about.check()));
            check.seen.instance = Some("bench".to_owned());
            checks::save(&mut transaction, check).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
    deadlines
}
