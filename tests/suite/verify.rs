//! Stories about: a proxy that does not do as it says. An acknowledgement alone proves nothing.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::proxy::control::ShiftOrder;
use allswell::release::{Entry, Remote, SwitchEnd, SwitchEvent, SwitchOrder};
use tokio::join;

use crate::harness::{Host, Lone, Moody, Process, Script, Scripted, eventually};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"1s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"5s\"\ndrain = \"200ms\"\nobserve = \"200ms\"";

/// A prober, two colours that pass, and such a proxy.
struct Stage {
    _lone: Lone,
    _apps: [Moody; 2],
    proxy: Scripted,
    _prober: Process,
    remote: Remote,
}

impl Stage {
    async fn set(script: Script, probe: &str) -> Self {
        let host = Host::new();
        let apps = [Moody::start(host.at(3001), "blue").await, Moody::start(host.at(3002), "green").await];
        let lone = Lone::prepare(host, &[], SWITCH, probe);
        let proxy = Scripted::start(&lone.host, script).await;
        let (prober, remote) = lone.start().await;
        Self { _lone: lone, _apps: apps, proxy, _prober: prober, remote }
    }

    /// Switches to green; `shifted` is called when it is said that green is live.
    async fn switch(&self, shifted: impl Fn()) -> SwitchEnd {
        let order = SwitchOrder { to: Green, force: None, wait: true, by: "ann@desk".into() };
        let heard = |event: &SwitchEvent| {
            if event.phase == Phase::Shifted {
                shifted();
            }
        };
        self.remote.switch(&order, heard).await.expect("it ends")
    }

    /// The journal's last word.
    async fn last(&self) -> Option<Entry> {
        self.remote.history(1).await.expect("the journal").pop()
    }
}

/// Switches to green: how it ended, the journal's word for it, and what the proxy was ordered.
async fn switch(script: Script) -> (SwitchEnd, Entry, Vec<ShiftOrder>) {
    let stage = Stage::set(script, PROBE).await;
    let end = stage.switch(|| {}).await;
    (end, stage.last().await.expect("an entry"), stage.proxy.orders())
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

#[tokio::test]
async fn it_is_said_that_a_colour_is_live_when_the_front_door_was_seen_and_the_journal_has_it_by_then() {
    let stage = Stage::set(Script::IsSeenLate, PROBE).await;
    let is_seen = AtomicBool::new(false);
    let written = async {
        eventually("the shift is written down", async || stage.last().await.filter(|entry| entry.phase == Phase::Shifted)).await;
        is_seen.store(true, SeqCst);
        stage.proxy.open();
    };
    let begun = clock::elapsed();
    // On a machine that is held up it is said after a second all the same.
    let is_late = || clock::elapsed() - begun > Duration::from_secs(1);
    let said = stage.switch(|| assert!(is_seen.load(SeqCst) || is_late(), "nobody has seen green answer"));
    assert_eq!(join!(said, written).0.phase, Phase::Done);
}

#[tokio::test]
async fn a_front_door_that_does_not_answer_keeps_nobody_from_hearing_that_a_colour_is_live() {
    let patient = PROBE.replace("timeout = \"1s\"", "timeout = \"20s\"");
    let stage = Stage::set(Script::IsSeenLate, &patient).await;
    assert_eq!(stage.switch(|| stage.proxy.open()).await.phase, Phase::Done);
}
