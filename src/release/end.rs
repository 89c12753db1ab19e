//! The end of a switch, as the journal has it.

use std::time::Duration;

use tokio::time::sleep;

use crate::store::{Entry, Journal, Step, StoreError};

/// How long after a failure it is tried again.
const PACE: Duration = Duration::from_secs(1);

/// Writes down how a switch ends, and tries until that is done: whoever is in a hurry hears why it is not by `unwritten`, once. Says the end that
/// stands in the journal then: it is another one where the switch was closed meanwhile, say by whoever came when its time was over.
pub(super) async fn write(journal: &Journal, entry: &Entry, end: &Step, unwritten: impl FnOnce(&StoreError)) -> Step {
    let mut unwritten = Some(unwritten);
    loop {
        match stands(journal, entry, end).await {
            Ok(stands) => return stands,
            Err(error) => {
                if let Some(unwritten) = unwritten.take() {
                    tracing::error!(switch = entry.id, %error, "the end of the switch is not in the journal yet");
                    unwritten(&error);
                }
            }
        }
        sleep(PACE).await;
    }
}

async fn stands(journal: &Journal, Entry { id, epoch, .. }: &Entry, end: &Step) -> Result<Step, StoreError> {
    // The way back was ordered though the journal could not say under which epoch.
    if journal.entry(*id).await?.is_some_and(|kept| kept.epoch < *epoch) {
        journal.has_used(*id, *epoch).await?;
    }
    if journal.reach(*id, end).await? {
        return Ok(end.clone());
    }
    let Some(entry) = journal.entry(*id).await?.filter(|entry| entry.phase.is_over()) else {
        tracing::error!(switch = id, meant = %end.phase, "the journal does not take the end of the switch");
        return Ok(end.clone());
    };
    let (meant, stands, at) = (end.phase, entry.phase, entry.ended_at.unwrap_or(end.at));
    if meant == stands {
        // Our own, of a commit that was not answered.
        return Ok(Step { phase: stands, at, note: entry.reason });
    }
    tracing::error!(switch = id, %meant, %stands, why = entry.reason, "the switch was closed in the journal before its end");
    let ours = end.note.as_ref().map_or_else(|| meant.to_string(), |why| format!("{meant}: {why}"));
    Ok(Step { phase: stands, at, note: Some(format!("{} (it ended as {ours})", entry.reason.unwrap_or_default())) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::colour::Colour;
    use crate::domain::moment::Moment;
    use crate::domain::switch::Phase;
    use crate::store::{Asked, Intent, Store, Taken, What};

    fn at(second: i64) -> Moment {
        Moment::from_millis(second * 1_000)
    }

    /// An order that has ten seconds.
    async fn taken(journal: &Journal, what: What, second: i64) -> Entry {
        let intent = Intent {
            what,
            asked: Asked { target: Colour::Green, version: None, by: "ann@desk".into(), forced: None, instances: None },
            origin: Some(Colour::Blue),
            proxy_epoch: 0,
            until: at(second + 10),
            configured: 1,
        };
        match journal.take(intent, at(second)).await.unwrap() {
            Taken::Ours(entry) => entry,
            Taken::Locked(lease) => panic!("locked by {lease}"),
        }
    }

    /// A switch that is observed.
    async fn observed(journal: &Journal) -> Entry {
        let entry = taken(journal, What::Switch, 1).await;
        for phase in [Phase::Gated, Phase::Shifted, Phase::Verified, Phase::Drained] {
            assert!(journal.reach(entry.id, &Step { phase, at: at(2), note: None }).await.unwrap());
        }
        entry
    }

    #[tokio::test]
    async fn an_end_is_said_as_it_was_written_also_where_that_was_not_answered() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(Store::open("sqlite:prober.db", folder.path()).await.unwrap());
        let entry = observed(&journal).await;
        let done = Step { phase: Phase::Done, at: at(3), note: Some("well".into()) };
        assert_eq!(write(&journal, &entry, &done, |_| {}).await, done);
        assert_eq!(write(&journal, &entry, &done, |_| {}).await, done, "it stood there already");
    }

    #[tokio::test]
    async fn an_end_that_the_journal_does_not_take_is_said_once_and_written_as_soon_as_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open("sqlite:prober.db", folder.path()).await.unwrap();
        let journal = Journal::new(store.clone());
        let entry = observed(&journal).await;
        let reverted = Step { phase: Phase::Reverted, at: at(3), note: Some("green answered 500".into()) };
        let mut said = Vec::new();
        let mut lock = Some(store.begin().await.unwrap());
        // Its epoch was taken while the journal could not be asked for one.
        let entry = Entry { epoch: entry.epoch + 1, ..entry };
        let written = write(&journal, &entry, &reverted, |error| {
            said.push(error.to_string());
            drop(lock.take());
        });
        assert_eq!(written.await, reverted);
        assert_eq!(said.len(), 1, "{said:?}");
        let stands = journal.entry(entry.id).await.unwrap().unwrap();
        assert_eq!((stands.phase, stands.epoch, stands.reason), (Phase::Reverted, entry.epoch, reverted.note));
    }

    #[tokio::test]
    async fn a_switch_that_was_closed_before_its_end_is_said_as_the_journal_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(Store::open("sqlite:prober.db", folder.path()).await.unwrap());
        let entry = observed(&journal).await;
        // Its time is over, and whoever comes next closes it.
        taken(&journal, What::Deploy, 20).await;
        let said = write(&journal, &entry, &Step { phase: Phase::Done, at: at(21), note: None }, |_| {}).await;
        assert_eq!((said.phase, said.at), (Phase::Interrupted, at(20)));
        assert!(said.note.as_ref().is_some_and(|why| why.starts_with("its time was over at ")), "{said:?}");
        assert_eq!(journal.entry(entry.id).await.unwrap().unwrap().phase, Phase::Interrupted);
    }
}
