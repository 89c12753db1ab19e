use std::time::Duration;

use tempfile::TempDir;

use super::*;

async fn journal() -> (TempDir, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open("sqlite:prober.db", folder.path()).await.unwrap();
    (folder, Journal::new(store))
}

fn at(second: i64) -> Moment {
    Moment::from_millis(second * 1_000)
}

fn intent(what: What, by: &str, now: Moment) -> Intent {
    Intent {
        what,
        asked: Asked { target: Colour::Green, version: None, by: by.into(), forced: None, instances: None },
        origin: Some(Colour::Blue),
        proxy_epoch: 7,
        until: now + Duration::from_secs(60),
        configured: 2,
    }
}

async fn ours(journal: &Journal, what: What, by: &str, now: Moment) -> Entry {
    match journal.take(intent(what, by, now), now).await.unwrap() {
        Taken::Ours(entry) => entry,
        Taken::Locked(lease) => panic!("locked by {lease}"),
    }
}

fn step(phase: Phase, second: i64, note: &str) -> Step {
    Step { phase, at: at(second), note: Some(note.into()) }
}

#[tokio::test]
async fn one_at_a_time_and_the_second_hears_who() {
    let (_folder, journal) = journal().await;
    let first = ours(&journal, What::Switch, "ann@desk", at(1)).await;
    assert_eq!(first.epoch, 8, "one more than the proxy has seen");
    let Taken::Locked(lease) = journal.take(intent(What::Deploy, "bob", at(2)), at(2)).await.unwrap() else { panic!("not locked") };
    assert!(lease.to_string().starts_with("a switch to green by ann@desk since "), "{lease}");
    assert!(journal.reach(first.id, &step(Phase::Done, 3, "")).await.unwrap());
    assert_eq!(ours(&journal, What::Deploy, "bob", at(4)).await.epoch, 9, "the epoch grows");
}

#[tokio::test]
async fn every_phase_stands_in_the_journal_and_the_end_stays() {
    let (_folder, journal) = journal().await;
    let entry = ours(&journal, What::Switch, "ann", at(1)).await;
    assert_eq!(journal.unfinished_switches().await.unwrap().len(), 1);
    for phase in [Phase::Gated, Phase::Shifted] {
        assert!(journal.reach(entry.id, &step(phase, 2, "a note")).await.unwrap());
    }
    assert_eq!(journal.new_epoch(entry.id, 20).await.unwrap(), 21);
    assert!(journal.reach(entry.id, &step(Phase::Reverted, 3, "green answered 500")).await.unwrap());
    assert!(!journal.reach(entry.id, &step(Phase::Done, 4, "late")).await.unwrap(), "what is over stays as it is");
    let found = journal.last_switch().await.unwrap().unwrap();
    let phases: Vec<Phase> = found.steps.iter().map(|step| step.phase).collect();
    assert_eq!(phases, [Phase::Intended, Phase::Gated, Phase::Shifted, Phase::Reverted]);
    assert_eq!((found.epoch, found.phase, found.reason.as_deref()), (21, Phase::Reverted, Some("green answered 500")));
    assert_eq!(found.ended_at, Some(at(3)));
    assert_eq!(journal.unfinished_switches().await.unwrap(), []);
    assert_eq!(journal.untold().await.unwrap().len(), 1);
    journal.tell(entry.id, &[], at(4)).await.unwrap();
    assert_eq!(journal.untold().await.unwrap(), []);
}

#[tokio::test]
async fn a_deploy_past_its_deadline_is_closed_and_the_lease_is_free() {
    let (_folder, journal) = journal().await;
    let deploy = ours(&journal, What::Deploy, "ann", at(1)).await;
    assert_eq!(journal.deploy_under_way(at(60)).await.unwrap(), Some(DeployUnderWay { colour: Colour::Green, until: at(61) }));
    journal.close_overdue_deploys(at(60)).await.unwrap();
    assert_eq!(journal.entry(deploy.id).await.unwrap().unwrap().phase, Phase::Intended);
    journal.close_overdue_deploys(at(61)).await.unwrap();
    assert_eq!(journal.entry(deploy.id).await.unwrap().unwrap().phase, Phase::Interrupted);
    assert_eq!(journal.lease().await.unwrap(), None);
    let last = journal.last_deploy(Colour::Green).await.unwrap().unwrap();
    assert_eq!((last.id, last.phase), (deploy.id, Phase::Interrupted));
    assert_eq!(journal.last_deploy(Colour::Blue).await.unwrap(), None);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_a_renewed_one_is_not() {
    let (_folder, journal) = journal().await;
    let first = ours(&journal, What::Switch, "ann", at(1)).await;
    journal.renew(first.id, at(200)).await.unwrap();
    assert!(matches!(journal.take(intent(What::Switch, "bob", at(100)), at(100)).await.unwrap(), Taken::Locked(_)));
    let second = ours(&journal, What::Switch, "bob", at(201)).await;
    assert_eq!(journal.entry(first.id).await.unwrap().unwrap().phase, Phase::Interrupted);
    journal.renew(first.id, at(900)).await.unwrap();
    assert_eq!(journal.lease().await.unwrap().unwrap().entry, second.id, "nobody takes a lease by renewing");
}
