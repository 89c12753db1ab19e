//! Whether the proxy serves what the journal says. What somebody has ordered past the prober is written down, and told as every switch is; what the
//! proxy has lost is trouble. Nobody switches for either.

use super::cluster::Cluster;
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::shift::{Belief, Believed, Claimed, Compared};
use crate::domain::switch::{DIRECTLY, Phase, outside};
use crate::proxy::control::ProxyState;
use crate::store::{Asked, Step, StoreError};

impl Cluster {
    /// Holds what the proxy has said against the journal. Says why it is not to be believed, where it has lost its state.
    ///
    /// # Errors
    /// Where the journal does not work.
    pub async fn reconcile(&self, said: &ProxyState) -> Result<Option<String>, StoreError> {
        self.hold(said, self.journal.belief().await?).await
    }

    /// Holds what the proxy has said against what the journal has said at about that time.
    ///
    /// # Errors
    /// Where the journal does not work.
    pub(super) async fn hold(&self, said: &ProxyState, belief: Belief) -> Result<Option<String>, StoreError> {
        let Some(claim) = claimed(said) else { return Ok(None) };
        match belief {
            Belief::UnderWay => Ok(None),
            Belief::Nothing => {
                self.journal.note_first(claim).await?;
                Ok(None)
            }
            Belief::Known(believed) => match believed.compare(claim) {
                Compared::Ours => Ok(None),
                Compared::Outside | Compared::Lost => self.look_again(&believed).await,
            },
        }
    }

    /// What was said may be older than what the journal said then: the proxy is asked once more, and the journal after it. As long as that says
    /// the same, nobody has switched in between.
    async fn look_again(&self, believed: &Believed) -> Result<Option<String>, StoreError> {
        // One that is silent by now is told of by the next look.
        let Ok(said) = self.proxy.state().await else { return Ok(None) };
        let Some(claim) = claimed(&said) else { return Ok(None) };
        match believed.compare(claim) {
            Compared::Ours => Ok(None),
            Compared::Outside => {
                let by = outside(said.by.as_deref());
                let asked = asked(claim.0, &by, DIRECTLY);
                let why = format!("the proxy serves {}, where the journal said {}", words(claim), words(believed.claim));
                if self.write_found(believed, &asked, claim.1, why).await? {
                    tracing::warn!(to = %claim.0, epoch = claim.1, by, "somebody has switched past the prober");
                }
                Ok(None)
            }
            Compared::Lost => {
                let is_so_still = self.journal.belief().await? == Belief::Known(believed.clone());
                Ok(is_so_still.then(|| lost(believed, claim)))
            }
        }
    }

    /// Takes on what a proxy serves that has lost its state, for whoever says so and why. False where it has not lost it.
    ///
    /// # Errors
    /// Where the journal does not work.
    pub(super) async fn take_on(&self, said: &ProxyState, by: &str, why: &str) -> Result<bool, StoreError> {
        let (Some(claim), Belief::Known(believed)) = (claimed(said), self.journal.belief().await?) else { return Ok(false) };
        match believed.compare(claim) {
            Compared::Lost => {
                let reason = format!("the proxy had lost its state, and served {}, not {}", words(claim), words(believed.claim));
                self.write_found(&believed, &asked(claim.0, by, why), claim.1, reason).await
            }
            Compared::Ours | Compared::Outside => Ok(false),
        }
    }

    async fn write_found(&self, believed: &Believed, asked: &Asked, epoch: u64, why: String) -> Result<bool, StoreError> {
        let end = Step { phase: Phase::Done, at: clock::now(), note: Some(why) };
        let is_written = self.journal.write_found(believed, asked, epoch, &end).await?;
        if is_written {
            self.changed.notify_one();
        }
        Ok(is_written)
    }
}

/// Undefined is trouble of its own.
fn claimed(said: &ProxyState) -> Option<Claimed> {
    said.live.map(|live| (live, said.epoch))
}

fn asked(target: Colour, by: &str, why: &str) -> Asked {
    Asked { target, version: None, by: by.to_owned(), forced: Some(why.to_owned()), instances: None }
}

fn words((colour, epoch): Claimed) -> String {
    format!("{colour}, epoch {epoch}")
}

fn lost(believed: &Believed, claim: Claimed) -> String {
    format!(
        "the proxy has lost its state: it serves {}, where the journal says {}; type allswell switch {} --force REASON, or, where {} is right, \
         allswell switch {} --force REASON",
        words(claim),
        words(believed.claim),
        believed.claim.0,
        claim.0,
        claim.0
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::super::cluster::tests::{cluster, serving};
    use super::*;
    use crate::domain::colour::Colour::{Blue, Green};
    use crate::domain::moment::Moment;
    use crate::domain::switch::OUTSIDE;
    use crate::store::{Entry, Intent, Taken, What};

    /// Before a proxy that serves what is kept here.
    async fn before(folder: &Path, served: &Arc<Mutex<Claimed>>) -> Cluster {
        let kept = Arc::clone(served);
        cluster(folder, move || serving(*kept.lock().unwrap())).await
    }

    async fn begun(cluster: &Cluster, target: Colour) -> Entry {
        let now = clock::now();
        let asked = Asked { target, version: None, by: "ann@desk".into(), forced: None, instances: None };
        let until = now + Duration::from_secs(600);
        let intent = Intent { what: What::Switch, asked, origin: Some(target.other()), proxy_epoch: 6, until, configured: 1 };
        match cluster.journal.take(intent, now).await.unwrap() {
            Taken::Ours(entry) => entry,
            Taken::Locked(lease) => panic!("locked by {lease}"),
        }
    }

    /// Green is live by the journal, under epoch 7.
    async fn with_green(folder: &Path, served: &Arc<Mutex<Claimed>>) -> Cluster {
        let cluster = before(folder, served).await;
        let entry = begun(&cluster, Green).await;
        for phase in [Phase::Gated, Phase::Shifted, Phase::Verified, Phase::Drained, Phase::Done] {
            assert!(cluster.journal.reach(entry.id, &Step { phase, at: Moment::from_millis(1), note: None }).await.unwrap());
        }
        cluster
    }

    async fn entries(cluster: &Cluster) -> usize {
        cluster.journal.history(9).await.unwrap().len()
    }

    #[tokio::test]
    async fn what_was_said_before_a_switch_that_has_ended_since_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let served = Arc::new(Mutex::new((Green, 7)));
        let cluster = with_green(folder.path(), &served).await;
        for stale in [(Blue, 6), (Blue, 7), (Blue, 8)] {
            assert_eq!(cluster.reconcile(&serving(stale)).await.unwrap(), None, "{stale:?}");
        }
        assert_eq!(entries(&cluster).await, 1, "nobody has switched past the prober");
    }

    #[tokio::test]
    async fn nobody_is_held_against_the_journal_while_somebody_is_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let served = Arc::new(Mutex::new((Blue, 8)));
        let cluster = with_green(folder.path(), &served).await;
        let entry = begun(&cluster, Blue).await;
        assert_eq!(cluster.reconcile(&serving((Blue, 8))).await.unwrap(), None);
        assert_eq!(entries(&cluster).await, 2);
        // It was refused, and so the shift was not its own.
        let refused = Step { phase: Phase::Refused, at: Moment::from_millis(2), note: None };
        assert!(cluster.journal.reach(entry.id, &refused).await.unwrap());
        assert_eq!(cluster.reconcile(&serving((Blue, 8))).await.unwrap(), None);
        let found = cluster.journal.last_switch().await.unwrap().unwrap();
        assert_eq!((found.asked.target, found.asked.by.as_str(), found.epoch, found.phase), (Blue, OUTSIDE, 8, Phase::Done));
        assert_eq!(found.reason.as_deref(), Some("the proxy serves blue, epoch 8, where the journal said green, epoch 7"));
        assert_eq!(cluster.reconcile(&serving((Blue, 8))).await.unwrap(), None);
        assert_eq!(entries(&cluster).await, 3, "it is written down once");
    }

    #[tokio::test]
    async fn who_has_ordered_the_proxy_is_written_down_where_it_says_so() {
        for (by, written) in [(Some("bob@table"), "bob@table outside the prober"), (None, OUTSIDE)] {
            let folder = tempfile::tempdir().unwrap();
            let said = ProxyState { by: by.map(str::to_owned), ..serving((Blue, 8)) };
            let answered = said.clone();
            let cluster = cluster(folder.path(), move || answered.clone()).await;
            cluster.journal.note_first((Green, 7)).await.unwrap();
            assert_eq!(cluster.reconcile(&said).await.unwrap(), None);
            let found = cluster.journal.last_switch().await.unwrap().unwrap();
            assert_eq!((found.asked.target, found.asked.by.as_str()), (Blue, written));
        }
    }

    #[tokio::test]
    async fn where_nothing_is_known_what_is_live_is_taken_on_in_silence_and_what_comes_later_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let served = Arc::new(Mutex::new((Blue, 4)));
        let cluster = before(folder.path(), &served).await;
        assert_eq!(cluster.reconcile(&serving((Blue, 4))).await.unwrap(), None);
        assert_eq!(entries(&cluster).await, 0);
        *served.lock().unwrap() = (Green, 5);
        assert_eq!(cluster.reconcile(&serving((Green, 5))).await.unwrap(), None);
        assert_eq!(cluster.journal.last_switch().await.unwrap().map(|found| (found.asked.target, found.epoch)), Some((Green, 5)));
    }

    #[tokio::test]
    async fn a_proxy_that_has_lost_its_state_is_told_until_somebody_takes_on_what_it_serves() {
        let folder = tempfile::tempdir().unwrap();
        let served = Arc::new(Mutex::new((Blue, 0)));
        let cluster = with_green(folder.path(), &served).await;
        let lost = cluster.reconcile(&serving((Blue, 0))).await.unwrap().expect("it is told");
        assert!(lost.contains("lost its state: it serves blue, epoch 0, where the journal says green, epoch 7"), "{lost}");
        assert!(lost.contains("allswell switch green --force") && lost.contains("allswell switch blue --force"), "{lost}");
        assert_eq!(entries(&cluster).await, 1, "nothing was switched");
        assert!(cluster.take_on(&serving((Blue, 0)), "ann@desk", "blue is right").await.unwrap());
        assert_eq!(cluster.reconcile(&serving((Blue, 0))).await.unwrap(), None);
        let taken_on = cluster.journal.last_switch().await.unwrap().unwrap();
        assert_eq!((taken_on.asked.by.as_str(), taken_on.asked.forced.as_deref()), ("ann@desk", Some("blue is right")));
        assert!(!cluster.take_on(&serving((Blue, 0)), "ann@desk", "again").await.unwrap());
    }
}
