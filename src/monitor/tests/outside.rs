use std::time::Duration;

use super::stage::{Stage, at, settings};
use crate::domain::beat::Live;
use crate::domain::colour::Colour;
use crate::domain::schedule::Schedule;
use crate::monitor::{Memory, Outside};
use crate::notify::SendError;

#[tokio::test]
async fn our_own_alls_well_is_withheld_unless_work_went_on() {
    let stage = Stage::new(&[]).await;
    let mut outside = Outside::new(at(0));
    assert!(outside.withheld(&stage.monitor, at(500)).await.is_some(), "no sweep yet");
    stage.sweep(600, 1_200).await;
    assert_eq!(outside.withheld(&stage.monitor, at(1_300)).await, None);
    assert!(outside.withheld(&stage.monitor, at(60_000)).await.is_some(), "nothing since the last one");
}

#[tokio::test]
async fn it_is_withheld_while_a_notice_has_found_no_channel_for_two_minutes() {
    let mut stage = Stage::new(&["job"]).await;
    let mut outside = Outside::new(at(0));
    stage.down("job", 0).await;
    for channel in ["ops", "mail"] {
        let claimed = stage.claim(channel, 0).await.unwrap();
        stage.refused(channel, &claimed, SendError::Retry { why: "connection refused".into(), after: None }, 0).await;
    }
    for now in (0..=119_000).step_by(1_000) {
        stage.sweep(now, now).await;
    }
    assert_eq!(outside.withheld(&stage.monitor, at(119_500)).await, None);
    stage.sweep(120_400, 120_600).await;
    let why = outside.withheld(&stage.monitor, at(120_800)).await.unwrap();
    assert!(why.contains("found no channel"), "{why}");
    assert_eq!(stage.told("mail", 121_000).await, ["check.down job"], "one channel is enough");
    stage.sweep(121_000, 122_200).await;
    assert_eq!(outside.withheld(&stage.monitor, at(122_400)).await, None);
}

#[tokio::test]
async fn it_is_withheld_when_the_courier_tries_nothing_but_not_while_a_notice_waits_for_its_cause() {
    let mut plan = settings(&["proxy", "prober", "blue"]);
    plan.checks[2].check.schedule = Schedule::Every(Duration::from_secs(3_600));
    let mut stage = Stage::with(plan).await;
    stage.live(Live { colour: Some(Colour::Blue), epoch: 1, phase: None, deploy: None, expected: None, journal: Vec::new() }, 0).await;
    stage.down("proxy", 1_000).await;
    stage.bad("blue", 1_000).await;
    let mut outside = Outside::new(at(0));
    for now in (1_000..125_000).step_by(1_000) {
        stage.good("prober", now).await;
        stage.bad("proxy", now).await;
        stage.sweep(now, now).await;
    }
    assert_eq!(outside.withheld(&stage.monitor, at(125_000)).await, None, "blue may yet be the cause");
    stage.good("blue", 126_000).await;
    for now in (126_000..250_000).step_by(1_000) {
        stage.good("prober", now).await;
        stage.bad("proxy", now).await;
        stage.sweep(now, now).await;
    }
    assert!(outside.withheld(&stage.monitor, at(250_000)).await.is_some(), "it is due, and nobody tries");
}

#[tokio::test]
async fn an_alls_well_that_a_dead_channel_does_not_take_withholds_nothing_once_another_has_told_that_it_is_dead() {
    let mut plan = settings(&[]);
    plan.channels[0].say = Some(Duration::from_secs(60));
    let ops = plan.channels[0].clone();
    let stage = Stage::with(plan).await;
    let mut outside = Outside::new(at(0));
    for now in (0..=190_000).step_by(1_000) {
        stage.sweep(now, now).await;
        if now <= 60_000 {
            stage.monitor.say(&ops, at(now)).await.unwrap();
        }
        while let Some(claimed) = stage.claim("ops", now).await {
            stage.refused("ops", &claimed, SendError::Retry { why: "connection refused".into(), after: None }, now).await;
        }
    }
    let why = outside.withheld(&stage.monitor, at(190_000)).await.unwrap();
    assert!(why.contains("found no channel"), "nobody has heard that ops is dead: {why}");
    assert_eq!(stage.told("mail", 190_000).await, ["channel.dead channel-ops"]);
    assert_eq!(outside.withheld(&stage.monitor, at(190_100)).await, None, "somebody has");
}

#[test]
fn a_broken_store_is_told_from_memory_once_and_its_end_to_who_heard_of_it() {
    let mut memory = Memory::new(&settings(&[]));
    memory.observe(Some("locked".into()), at(0));
    memory.observe(Some("locked".into()), at(2_900));
    assert!(memory.due(at(2_900)).is_empty(), "what passes soon is not told");
    memory.observe(Some("locked".into()), at(3_000));
    let due = memory.due(at(3_000));
    assert_eq!(due.len(), 2);
    memory.settle(&due[0].1.key, true, at(3_000));
    memory.settle(&due[1].1.key, false, at(3_000));
    memory.observe(Some("locked".into()), at(3_500));
    assert!(memory.due(at(3_500)).is_empty(), "the other is tried again after a second");
    memory.observe(None, at(9_000));
    let over = memory.due(at(9_000));
    assert_eq!(over.len(), 1);
    assert_eq!(over[0].0, due[0].0, "only who was told hears the end");
    memory.settle(&over[0].1.key, true, at(9_000));
    assert!(memory.due(at(99_000)).is_empty());
}

#[test]
fn the_end_of_a_trouble_that_is_not_taken_yet_outlives_the_next_one() {
    let mut memory = Memory::new(&settings(&[]));
    for now in [0, 3_000] {
        memory.observe(Some("locked".into()), at(now));
    }
    let told = memory.due(at(3_000));
    for (_, notice) in &told {
        memory.settle(&notice.key, true, at(3_000));
    }
    memory.observe(None, at(9_000));
    for (_, notice) in memory.due(at(9_000)) {
        memory.settle(&notice.key, false, at(9_000));
    }
    memory.observe(Some("locked".into()), at(9_500));
    memory.observe(None, at(10_000));
    let over: Vec<_> = memory.due(at(10_000)).into_iter().map(|(channel, notice)| (channel, notice.subject.incident)).collect();
    let wanted: Vec<_> = told.into_iter().map(|(channel, notice)| (channel, notice.subject.incident)).collect();
    assert_eq!(over.len(), 2);
    assert!(wanted.iter().all(|end| over.contains(end)), "{over:?}");
}

#[test]
fn who_forgets_is_told_again_from_memory_while_it_lasts_and_its_end_once() {
    let mut memory = Memory::new(&settings(&[])).telling_again([("mail".to_owned(), Duration::from_secs(60))]);
    let mut told = Vec::new();
    for second in 0..150 {
        let now = at(second * 1_000);
        memory.observe((second < 140).then(|| "locked".into()), now);
        for (channel, notice) in memory.due(now) {
            memory.settle(&notice.key, true, now);
            told.push((second, channel, notice.kind.as_str()));
        }
    }
    let wanted = [
        (3, "mail", "check.down"),
        (3, "ops", "check.down"),
        (63, "mail", "check.down"),
        (123, "mail", "check.down"),
        (140, "mail", "check.resolved"),
        (140, "ops", "check.resolved"),
    ];
    told.sort();
    assert_eq!(told, wanted.map(|(second, channel, kind)| (second, channel.to_owned(), kind)));
}

#[test]
fn what_is_told_from_memory_waits_no_longer_and_no_less_when_the_clock_is_set() {
    for by in [3_600_000, -3_600_000] {
        let mut memory = Memory::new(&settings(&[]));
        memory.observe(Some("locked".into()), at(0));
        memory.follow(by);
        memory.observe(Some("locked".into()), at(2_900 + by));
        assert!(memory.due(at(2_900 + by)).is_empty(), "{by}: what passes soon is not told");
        memory.observe(Some("locked".into()), at(3_000 + by));
        let due = memory.due(at(3_000 + by));
        assert_eq!(due.len(), 2, "{by}");
        memory.settle(&due[0].1.key, true, at(3_000 + by));
        memory.settle(&due[1].1.key, false, at(3_000 + by));
        memory.follow(0);
        assert!(memory.due(at(3_900)).is_empty(), "{by}: the other is tried again after a second");
        assert_eq!(memory.due(at(4_000)).len(), 1, "{by}: and not after an hour");
        memory.observe(None, at(9_000));
        assert_eq!(memory.due(at(9_000))[0].1.subject.incident, due[0].1.subject.incident, "{by}: it is the same incident");
    }
}
