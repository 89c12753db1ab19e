//! The journal of deploys and switches.

use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use allswell::store::{Asked, Intent, Journal, Step, Taken, What};

use super::ground::{at, grounds};

fn intent(what: What) -> Intent {
    let asked = Asked { target: Colour::Green, version: None, by: "ann".into(), forced: None, instances: Some(1) };
    Intent { what, asked, origin: Some(Colour::Blue), proxy_epoch: 7, until: at(0) + Duration::from_secs(60), configured: 2 }
}

#[tokio::test]
async fn a_journal_keeps_the_lease_the_steps_and_what_is_expected() {
    for ground in grounds().await {
        let journal = Journal::new(ground.store.clone());
        let Taken::Ours(entry) = journal.take(intent(What::Scale), at(0)).await.unwrap() else { panic!("not ours") };
        assert_eq!(entry.epoch, 8, "{}", ground.name);
        assert!(matches!(journal.take(intent(What::Switch), at(1)).await.unwrap(), Taken::Locked(_)), "{}", ground.name);
        journal.renew(entry.id, at(90_000)).await.unwrap();
        assert_eq!(journal.lease().await.unwrap().unwrap().until, at(90_000), "{}", ground.name);
        assert_eq!(journal.expected().await.unwrap()[&Colour::Green], 1, "{}", ground.name);
        let step = Step { phase: Phase::Done, at: at(2), note: None };
        assert!(journal.reach(entry.id, &step).await.unwrap(), "{}", ground.name);
        assert!(!journal.reach(entry.id, &step).await.unwrap(), "{}: it is over", ground.name);
        let phases: Vec<Phase> = journal.history(1).await.unwrap()[0].steps.iter().map(|step| step.phase).collect();
        assert_eq!(phases, [Phase::Intended, Phase::Done], "{}", ground.name);
    }
}
