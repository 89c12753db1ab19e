use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::domain::answers::{Answers, BothAnswers};
use crate::domain::shift::{Before, Belief, Believed};
use crate::domain::switch::{DIRECTLY, OUTSIDE};
use crate::store::clock_steps;

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
    assert_eq!(lease.to_string(), "a switch to green by ann@desk");
    assert!(!journal.reach(first.id, &step(Phase::Done, 3, "")).await.unwrap(), "no phase is skipped");
    assert!(journal.reach(first.id, &step(Phase::Refused, 3, "")).await.unwrap());
    assert_eq!(ours(&journal, What::Deploy, "bob", at(4)).await.epoch, 9, "the epoch grows");
}

#[tokio::test]
async fn every_phase_stands_in_the_journal_and_the_end_stays() {
    let (_folder, journal) = journal().await;
    let asked =
        Asked { version: Some("2".into()), forced: Some("a fire".into()), instances: Some(3), ..intent(What::Switch, "ann", at(1)).asked };
    let taken = journal.take(Intent { asked, ..intent(What::Switch, "ann", at(1)) }, at(1)).await.unwrap();
    let Taken::Ours(entry) = taken else { panic!("{taken:?}") };
    assert_eq!(journal.unfinished_switches().await.unwrap(), std::slice::from_ref(&entry), "it stands there as it was given out");
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

async fn order(journal: &Journal, what: What, instances: Option<u32>, now: Moment) -> Entry {
    let intent = intent(what, "ann", now);
    let asked = Asked { instances, ..intent.asked };
    match journal.take(Intent { asked, ..intent }, now).await.unwrap() {
        Taken::Ours(entry) => entry,
        Taken::Locked(lease) => panic!("locked by {lease}"),
    }
}

async fn expected(journal: &Journal) -> Option<u32> {
    journal.expected().await.unwrap().get(&Colour::Green).copied()
}

#[tokio::test]
async fn fewer_instances_are_expected_from_the_beginning_and_more_from_a_good_end() {
    let (folder, journal) = journal().await;
    let up = order(&journal, What::Scale, Some(3), at(1)).await;
    assert_eq!(expected(&journal).await, None, "two are configured, and three are not there yet");
    journal.reach(up.id, &step(Phase::Done, 2, "")).await.unwrap();
    assert_eq!(expected(&journal).await, Some(3));
    let down = order(&journal, What::Scale, Some(1), at(3)).await;
    assert_eq!(expected(&journal).await, Some(1), "whoever leaves from now on is not missing");
    journal.reach(down.id, &step(Phase::Done, 4, "")).await.unwrap();
    let again = Journal::new(Store::open("sqlite:prober.db", folder.path()).await.unwrap());
    assert_eq!(expected(&again).await, Some(1), "it outlives the prober");
    let deploy = order(&again, What::Deploy, None, at(5)).await;
    again.reach(deploy.id, &step(Phase::Done, 6, "")).await.unwrap();
    assert_eq!(expected(&again).await, Some(1), "a deploy that says no number changes none");
    assert_eq!(again.history(1).await.unwrap()[0].asked.instances, None);
}

#[tokio::test]
async fn what_does_not_end_well_leaves_the_number_as_it_was() {
    let (_folder, journal) = journal().await;
    let failed = order(&journal, What::Scale, Some(1), at(1)).await;
    assert_eq!(expected(&journal).await, Some(1));
    journal.reach(failed.id, &step(Phase::Refused, 2, "it could not")).await.unwrap();
    assert_eq!(expected(&journal).await, None, "what is configured counts again");
    let done = order(&journal, What::Scale, Some(4), at(3)).await;
    journal.reach(done.id, &step(Phase::Done, 4, "")).await.unwrap();
    let stop = order(&journal, What::Stop, Some(0), at(5)).await;
    assert_eq!((stop.what, expected(&journal).await), (What::Stop, Some(0)));
    journal.close_overdue_deploys(at(100)).await.unwrap();
    assert_eq!(journal.entry(stop.id).await.unwrap().unwrap().phase, Phase::Interrupted);
    assert_eq!(expected(&journal).await, Some(4));
    let more = order(&journal, What::Deploy, Some(9), at(101)).await;
    journal.reach(more.id, &step(Phase::Refused, 102, "")).await.unwrap();
    assert_eq!(expected(&journal).await, Some(4));
}

#[tokio::test]
async fn only_a_deploy_makes_its_colour_quiet() {
    let (_folder, journal) = journal().await;
    let scale = order(&journal, What::Scale, Some(3), at(1)).await;
    assert_eq!(journal.deploy_under_way(at(2)).await.unwrap(), None);
    journal.reach(scale.id, &step(Phase::Done, 3, "")).await.unwrap();
    order(&journal, What::Deploy, Some(3), at(4)).await;
    assert!(journal.deploy_under_way(at(5)).await.unwrap().is_some());
}

/// What the proxy serves by now.
async fn believed(journal: &Journal) -> Believed {
    match journal.belief().await.unwrap() {
        Belief::Known(believed) => believed,
        other @ (Belief::UnderWay | Belief::Nothing) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_switch_past_the_prober_is_written_down_once_and_only_while_nobody_is_at_it() {
    let (_folder, journal) = journal().await;
    assert_eq!(journal.belief().await.unwrap(), Belief::Nothing);
    journal.note_first((Colour::Blue, 3)).await.unwrap();
    let first = believed(&journal).await;
    assert_eq!(first, Believed { claim: (Colour::Blue, 3), highest: 3, broken_off: Vec::new() });
    let asked = Asked { target: Colour::Green, version: None, by: OUTSIDE.into(), forced: Some(DIRECTLY.into()), instances: None };
    let end = step(Phase::Done, 2, "the proxy serves green");
    let deploy = ours(&journal, What::Deploy, "bob", at(1)).await;
    assert_eq!(journal.belief().await.unwrap(), Belief::UnderWay);
    assert!(!journal.write_found(&first, &asked, 4, &end).await.unwrap(), "bob is at it");
    journal.reach(deploy.id, &step(Phase::Done, 2, "")).await.unwrap();
    assert!(journal.write_found(&first, &asked, 4, &end).await.unwrap());
    assert!(!journal.write_found(&first, &asked, 4, &end).await.unwrap(), "it stands there already");
    assert_eq!(believed(&journal).await.claim, (Colour::Green, 4));
    let found = journal.last_switch().await.unwrap().unwrap();
    assert_eq!((found.phase, found.origin, found.epoch, found.ended_at), (Phase::Done, Some(Colour::Blue), 4, Some(at(2))));
    assert_eq!((&found.asked, &found.reason), (&asked, &end.note));
    assert_eq!(found.steps, [end]);
    assert_eq!(journal.untold().await.unwrap(), [found]);
}

#[tokio::test]
async fn what_the_journal_says_of_the_proxy_is_the_last_switch_that_was_not_refused() {
    let (_folder, journal) = journal().await;
    journal.note_first((Colour::Blue, 7)).await.unwrap();
    let done = ours(&journal, What::Switch, "ann", at(1)).await;
    assert_eq!(journal.belief().await.unwrap(), Belief::UnderWay);
    for phase in [Phase::Gated, Phase::Shifted, Phase::Verified, Phase::Drained, Phase::Done] {
        assert!(journal.reach(done.id, &step(phase, 2, "")).await.unwrap());
    }
    assert_eq!(believed(&journal).await, Believed { claim: (Colour::Green, 8), highest: 8, broken_off: Vec::new() });
    let refused = ours(&journal, What::Switch, "ann", at(3)).await;
    assert!(journal.reach(refused.id, &step(Phase::Refused, 4, "")).await.unwrap());
    assert_eq!(believed(&journal).await, Believed { claim: (Colour::Green, 8), highest: 9, broken_off: Vec::new() });
    journal.has_used(done.id, 12).await.unwrap();
    journal.has_used(done.id, 3).await.unwrap();
    assert_eq!(believed(&journal).await, Believed { claim: (Colour::Green, 12), highest: 12, broken_off: Vec::new() });
}

#[tokio::test]
async fn an_order_finds_who_is_at_it_what_was_deployed_and_what_was_broken_off() {
    let (_folder, journal) = journal().await;
    journal.note_first((Colour::Blue, 7)).await.unwrap();
    let deploy = ours(&journal, What::Deploy, "bob", at(1)).await;
    let found = journal.standing(Colour::Green).await.unwrap();
    assert_eq!((found.lease, found.belief), (journal.lease().await.unwrap(), Belief::UnderWay));
    assert!(journal.reach(deploy.id, &step(Phase::Done, 2, "")).await.unwrap());
    for phases in [&[Phase::Interrupted][..], &[Phase::Gated, Phase::Interrupted]] {
        let switch = ours(&journal, What::Switch, "ann", at(3)).await;
        for phase in phases {
            assert!(journal.reach(switch.id, &step(*phase, 4, "")).await.unwrap());
        }
    }
    let found = journal.standing(Colour::Green).await.unwrap();
    assert_eq!((found.lease, found.deploy.map(|deploy| (deploy.id, deploy.phase))), (None, Some((deploy.id, Phase::Done))));
    // The first one had not come as far as the gate: it has ordered nobody.
    let believed = Believed { claim: (Colour::Blue, 7), highest: 10, broken_off: vec![(Colour::Green, 10)] };
    assert_eq!(found.belief, Belief::Known(believed));
    assert!(journal.standing(Colour::Blue).await.unwrap().deploy.is_none());
}

#[tokio::test]
async fn what_was_answered_before_a_switch_outlives_the_prober_and_is_that_switchs_alone() {
    let (folder, journal) = journal().await;
    let answers = |total, failed| Answers { total, failed };
    let counted = BothAnswers { blue: answers(9_000, 90), green: answers(7, 1) };
    let before = Before { lately: answers(500, 50), counted };
    let first = ours(&journal, What::Switch, "ann", at(1)).await;
    assert!(!journal.reach_shifted(first.id, &step(Phase::Shifted, 2, ""), Some(&before)).await.unwrap(), "no phase is skipped");
    assert_eq!(journal.before_shift(first.id).await.unwrap(), None, "it was not made");
    assert!(journal.reach(first.id, &step(Phase::Gated, 2, "")).await.unwrap());
    assert!(journal.reach_shifted(first.id, &step(Phase::Shifted, 3, "a note"), Some(&before)).await.unwrap());
    drop(journal);
    let journal = Journal::new(Store::open("sqlite:prober.db", folder.path()).await.unwrap());
    let found = journal.entry(first.id).await.unwrap().unwrap();
    assert_eq!((found.phase, found.steps.last()), (Phase::Shifted, Some(&step(Phase::Shifted, 3, "a note"))));
    assert_eq!(journal.before_shift(first.id).await.unwrap(), Some(before));
    assert!(journal.reach(first.id, &step(Phase::Stayed, 4, "")).await.unwrap());
    let second = ours(&journal, What::Switch, "ann", at(5)).await;
    assert!(journal.reach(second.id, &step(Phase::Gated, 6, "")).await.unwrap());
    // As an older prober writes it down, or one whose proxy does not count.
    assert!(journal.reach_shifted(second.id, &step(Phase::Shifted, 7, ""), None).await.unwrap());
    assert_eq!(journal.before_shift(second.id).await.unwrap(), None, "that was of the first one");
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_it_would_have_though_the_clock_is_set_meanwhile() {
    const HOUR: i64 = 3_600;
    for by in [HOUR, -HOUR] {
        let (_folder, journal) = journal().await;
        let deploy = ours(&journal, What::Deploy, "ann", at(10_000)).await;
        let mut transaction = journal.store.begin().await.unwrap();
        clock_steps::shift(&mut transaction, by * 1_000).await.unwrap();
        transaction.commit().await.unwrap();
        let now = |second: i64| at(second + by);
        assert_eq!(journal.deploy_under_way(now(10_059)).await.unwrap().map(|deploy| deploy.until), Some(now(10_060)), "{by}");
        journal.close_overdue_deploys(now(10_059)).await.unwrap();
        let taken = journal.take(intent(What::Switch, "bob", now(10_059)), now(10_059)).await.unwrap();
        assert!(matches!(taken, Taken::Locked(lease) if lease.entry == deploy.id), "{by}: nobody else begins");
        assert_ne!(ours(&journal, What::Switch, "bob", now(10_060)).await.id, deploy.id, "{by}: nor waits for longer");
    }
}

#[tokio::test]
async fn what_was_deployed_since_the_last_deploy_that_was_done_is_not_proven() {
    let (_folder, journal) = journal().await;
    let ended = async |what: What, second: i64, phase: Phase| {
        let entry = ours(&journal, what, "ann", at(second)).await;
        assert!(journal.end(entry.id, &step(phase, second + 1, "its end"), None).await.unwrap());
        entry.id
    };
    assert!(journal.unproven_deploys(Colour::Green).await.unwrap().is_empty());
    ended(What::Deploy, 1, Phase::Refused).await;
    ended(What::Deploy, 3, Phase::Done).await;
    let cut_off = ended(What::Deploy, 5, Phase::Interrupted).await;
    ended(What::Scale, 7, Phase::Refused).await;
    let refused = ended(What::Deploy, 9, Phase::Refused).await;
    assert_eq!(journal.unproven_deploys(Colour::Green).await.unwrap(), [refused, cut_off]);
    assert!(journal.unproven_deploys(Colour::Blue).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_an_order_asks_does_not_read_all_that_the_journal_has_ever_held() {
    let (_folder, journal) = journal().await;
    let mut connection = journal.store.read().await.unwrap();
    for (query, values) in [(LAST_SWITCH, 0), (LAST_DEPLOY, 1), (UNPROVEN, 2), (UNFINISHED, 0), (UNTOLD, 0), (HIGHEST, 0)] {
        let asked = (0..values).fold(sql(format!("EXPLAIN QUERY PLAN {query}")), |asked, _| asked.bind("green"));
        let plan: Vec<String> = asked.all(&mut connection).await.unwrap().iter().map(|row| row.get("detail").unwrap()).collect();
        // From the newest on until the first one that fits, of which most are.
        let newest_first = query == LAST_SWITCH;
        let is_found = plan.iter().all(|step| newest_first || step.contains("INDEX") || step.starts_with("SCALAR SUBQUERY"));
        assert!(is_found, "{query}: {plan:?}");
    }
}
