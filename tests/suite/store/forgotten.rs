//! What is forgotten, and what never is.

use allswell::domain::check::{Flip, Reason, Status};
use allswell::domain::incident::Incident;
use allswell::domain::notice::Notice;
use allswell::store::{notices, outbox, prune};

use super::ground::{at, grounds};

/// The notice that this check is down, for this channel.
fn notice(check: &str, channel: &str) -> Notice {
    let reason = Reason::Silent { last_heard: None, farewell: None, forgiven: false };
    let flip = Flip { from: Status::Up, to: Status::Down, at: at(0), since: at(0), key_at: at(0), reason };
    Notice::about(&Incident::open(check, &flip, None), "shop", None, None, at(0)).for_channel(channel)
}

#[tokio::test]
async fn what_nobody_takes_keeps_nothing_else_from_being_forgotten() {
    for ground in grounds().await {
        let mut write = ground.write().await;
        for number in 0..=prune::STEP {
            notices::write(&mut write, &notice(&format!("check {number}"), "dead"), "dead", at(0)).await.unwrap();
        }
        let taken = notice("job", "ops");
        notices::write(&mut write, &taken, "ops", at(0)).await.unwrap();
        outbox::take(&mut write, &taken.key, at(1), "ok").await.unwrap();
        assert_eq!(prune::oldest_notices(&mut write, at(10)).await.unwrap(), 1, "{}", ground.name);
        assert_eq!(outbox::waiting(&mut write, "dead").await.unwrap(), i64::from(prune::STEP) + 1);
    }
}
