//! Stories about: a proxy that does not do as it says. An acknowledgement alone proves nothing.

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::proxy::control::ShiftOrder;
use allswell::release::{Entry, SwitchEnd, SwitchOrder};

use crate::harness::{Host, Lone, Moody, Script, Scripted};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"5s\"\ndrain = \"200ms\"\nobserve = \"200ms\"";

/// Switches to green: how it ended, the journal's word for it, and what the proxy was ordered.
async fn switch(script: Script) -> (SwitchEnd, Entry, Vec<ShiftOrder>) {
    let host = Host::new();
    let _apps = [Moody::start(host.at(3001), "blue").await, Moody::start(host.at(3002), "green").await];
    let lone = Lone::prepare(host, &[], SWITCH, PROBE);
    let proxy = Scripted::start(&lone.host, script).await;
    let (_prober, remote) = lone.start().await;
    let order = SwitchOrder { to: Green, force: None, wait: true, by: "ann@desk".into() };
    let end = remote.switch(&order, |_| {}).await.expect("it ends");
    let entry = remote.history(1).await.expect("the journal").remove(0);
    (end, entry, proxy.orders())
}

async fn taken_back(script: Script, why: &str) {
    let (end, entry, orders) = switch(script).await;
    assert_eq!((end.phase, entry.phase), (Phase::Reverted, Phase::Reverted));
    assert!(end.reason.as_deref().is_some_and(|reason| reason.contains(why)), "{:?}", end.reason);
    let [there, back] = orders[..] else { panic!("{orders:?}") };
    assert_eq!((there.to, back.to), (Green, Blue));
    assert!(back.epoch > there.epoch, "the way back is an order of its own");
    assert_eq!(entry.epoch, back.epoch);
}

#[tokio::test]
async fn an_old_colour_that_goes_on_serving_is_noticed() {
    taken_back(Script::KeepsBlue, "the front door is served by blue, epoch 1, not by green, epoch 1").await;
}

#[tokio::test]
async fn an_answer_under_an_old_epoch_proves_nothing() {
    taken_back(Script::KeepsEpoch, "the front door is served by green, epoch 0, not by green, epoch 1").await;
}

#[tokio::test]
async fn an_answer_of_nobody_in_particular_proves_nothing() {
    taken_back(Script::SaysNothing, "the front door does not say which colour answers").await;
}

#[tokio::test]
async fn an_order_that_is_not_answered_and_not_done_is_made_stale_before_it_can_arrive_late() {
    let (end, _, orders) = switch(Script::HangsUndone).await;
    assert_eq!(end.phase, Phase::Refused);
    let [late, fence] = orders[..] else { panic!("{orders:?}") };
    assert_eq!((late.to, fence.to), (Green, Blue));
    assert!(fence.epoch > late.epoch);
}

#[tokio::test]
async fn an_order_that_is_not_answered_and_done_goes_on() {
    let (end, entry, orders) = switch(Script::HangsDone).await;
    assert_eq!((end.phase, orders.len()), (Phase::Done, 1));
    assert!(entry.steps.iter().any(|step| step.phase == Phase::Verified));
}
