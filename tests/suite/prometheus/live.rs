//! The rules and dashboards that ship, on a running system that goes through deploy, switch, failure and recovery.
//!
//! Time is made short: every `for:` and every range of the rules is 60 times shorter. `deploy/prometheus/tests/` shows every alert with the
//! durations that ship.

use std::time::Duration;

use allswell::cli::scroll::conduct::Conduct;
use allswell::domain::beat::BeatKind;
use allswell::domain::colour::Colour;
use allswell::proxy::control::ProxyControl;
use rustix::process::Signal;
use serde_json::Value;

use super::dashboards::{dashboards, queries};
use super::place::Place;
use super::rules::rules;
use super::server::shortened;
use crate::harness::{Manner, Sender, Traffic, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alert_fires_and_resolves_and_every_panel_has_something_to_draw() {
    let mut place = Place::start().await;
    let traffic = Traffic::to(&format!("http://{}/", place.system.host.at(8000)));
    what_is_told(&mut place).await;
    place.prometheus.is_quiet().await;
    what_is_served(&place).await;
    place.prometheus.is_quiet().await;
    what_is_switched(&place).await;
    place.prometheus.is_quiet().await;
    who_watches(&place).await;
    place.prometheus.is_quiet().await;
    the_values_are_true(&place, traffic.take().answered).await;
    every_question_has_an_answer(&place).await;
    let seen = place.prometheus.seen();
    let missing: Vec<String> =
        rules().into_iter().filter(|rule| rule.is_alert && !seen.contains(&rule.name)).map(|rule| rule.name).collect();
    assert_eq!(missing, Vec::<String>::new(), "never fired");
}

/// Checks, channels, clocks, certificates: what the watcher hears and tells.
async fn what_is_told(place: &mut Place) {
    place.ops.set(Manner::Refuse(404));
    place.all(Some("no space left")).await;
    place.certificate(1);
    let key = std::fs::read_to_string(place.system.state().join("beat.key")).unwrap();
    let sender = Sender::new(&place.system.host.at(7700), key.trim());
    let mut late = sender.beat("backup", BeatKind::Log);
    late.sent_at = late.sent_at - Duration::from_secs(60);
    assert_eq!(sender.send(&late).await, Some(200));
    place.front_finds(Some("nothing that can be read")).await;
    place.run(&["deploy", "green", "--version", "bad"], 4).await;
    place.system.signal("heartbeat-blue-1", Signal::STOP).await;
    let strangers = async {
        loop {
            place.unsigned().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let fired = [
        "AllswellChannelDead",
        "AllswellCheckDown",
        "AllswellOutboxGrowing",
        "AllswellNoticeUntaken",
        "AllswellCertificateEnds",
        "AllswellCertificateEndsNow",
        "AllswellWatcherCertificateEnds",
        "AllswellLiveUndefined",
        "AllswellClockSkew",
        "AllswellDeployFailed",
        "AllswellBeatsRefused",
        "AllswellPartSilent",
        "AllswellInstancesMissing",
        "AllswellIdleColourUnhealthy",
    ];
    tokio::select! {
        () = place.prometheus.fire(&fired) => {}
        () = strangers => {}
    }
    place.prometheus.shows("max(allswell_checks{status=\"down\", app=\"shop\"}) > bool 5", 1.0).await;
    place.prometheus.shows("max(allswell_incidents_open{severity=\"warning\"}) > bool 5", 1.0).await;

    // What it refused it takes now: over half a minute after it was written.
    place.ops.set(Manner::Usual);
    place.prometheus.fire(&["AllswellAlarmsLate"]).await;
    place.all(None).await;
    place.certificate(90);
    assert_eq!(sender.say("backup", BeatKind::Log).await, Some(200));
    place.front_finds(None).await;
    place.system.signal("heartbeat-blue-1", Signal::CONT).await;
    place.run(&["deploy", "green", "--version", "2"], 0).await;
}

/// The live colour: slow, bad, gone again and again.
async fn what_is_served(place: &Place) {
    place.system.conduct("blue", Conduct::Slow).await;
    place.prometheus.fire(&["AllswellLiveColourPoorly"]).await;
    place.system.conduct("blue", Conduct::Fail).await;
    place.prometheus.fire(&["AllswellLiveColourDown", "AllswellSiteDown"]).await;
    place.system.conduct("blue", Conduct::Recover).await;
    place.prometheus.resolve(&["AllswellLiveColourDown", "AllswellSiteDown", "AllswellLiveColourPoorly"]).await;
    for _ in 0..4 {
        let pid = place.system.pid("blue-1").await;
        place.system.signal("blue-1", Signal::KILL).await;
        eventually("it is started again", || async {
            let state = place.system.processes().await;
            let blue = state.instances.iter().find(|instance| instance.colour == Colour::Blue)?;
            blue.pid.filter(|new| i32::try_from(*new).ok() != Some(pid.as_raw_nonzero().get())).map(|_| ())
        })
        .await;
    }
    place.prometheus.fire(&["AllswellRestarts", "AllswellRequestsFailing"]).await;
}

/// A switch that is taken back, and one that is not.
async fn what_is_switched(place: &Place) {
    let turns_bad = async {
        eventually("green is live", || async { (live(place).await? == Colour::Green).then_some(()) }).await;
        place.system.conduct("green", Conduct::Fail).await;
    };
    tokio::join!(place.run(&["deploy", "--version", "3", "--switch"], 5), turns_bad);
    place.prometheus.fire(&["AllswellSwitchReverted"]).await;
    place.system.conduct("green", Conduct::Recover).await;
    place.run(&["deploy", "--version", "4", "--switch"], 0).await;
    place.prometheus.shows("allswell_proxy_live{app=\"shop\", colour=\"green\"}", 1.0).await;
}

async fn live(place: &Place) -> Option<Colour> {
    ProxyControl::new(&place.system.state().join("proxy.sock"), Duration::from_secs(5)).state().await.ok()?.live
}

/// The parts themselves: stopped, and with a store that is locked.
async fn who_watches(place: &Place) {
    place.system.signal("proxy", Signal::STOP).await;
    place.prometheus.fire(&["AllswellProxyDown", "AllswellPartUnreachable"]).await;
    place.system.signal("proxy", Signal::CONT).await;
    place.prometheus.resolve(&["AllswellProxyDown", "AllswellPartUnreachable"]).await;

    place.system.signal("watcher", Signal::STOP).await;
    place.prometheus.fire(&["AllswellNoWatcher", "AllswellWatcherUnacknowledged"]).await;
    place.system.signal("watcher", Signal::CONT).await;
    place.prometheus.is_quiet().await;

    let outside = rusqlite::Connection::open(place.system.state().join("watcher.db")).unwrap();
    outside.execute_batch("BEGIN EXCLUSIVE").unwrap();
    place.prometheus.fire(&["AllswellWatcherStuck", "AllswellBeatsUnstored"]).await;
    outside.execute_batch("ROLLBACK").unwrap();
}

/// What Prometheus has, against what the system itself, its command line and its sinks say.
async fn the_values_are_true(place: &Place, answered: u32) {
    let prometheus = &place.prometheus;
    let history: Value = serde_json::from_str(&place.run(&["history", "--json"], 0).await).unwrap();
    let entries = history.as_array().unwrap();
    let ended = |what: &str, phase: &str| entries.iter().filter(|entry| entry["what"] == what && entry["phase"] == phase).count() as f64;
    prometheus.shows("allswell_switches_total{outcome=\"done\"}", ended("switch", "done")).await;
    prometheus.shows("allswell_switches_total{outcome=\"reverted\"}", ended("switch", "reverted")).await;
    prometheus.shows("count(allswell_deploy_timestamp_seconds{outcome=\"done\"})", 1.0).await;
    prometheus.shows("allswell_deploy_timestamp_seconds{version=\"4\"} > bool 0", 1.0).await;
    prometheus.shows("sum(allswell_incidents_open)", 0.0).await;
    prometheus.shows("allswell_checks{status=\"down\", app=\"shop\"}", 0.0).await;
    prometheus.shows("sum(allswell_check_instances{check=\"heartbeat-blue\", state=\"expected\"})", 1.0).await;
    prometheus.shows("allswell_proxy_certificate_days{app=\"front\"}", 89.0).await;
    prometheus.shows("allswell_watcher_certificate_days{listener=\"public\"}", 89.0).await;
    prometheus.shows("allswell_proxy_live{app=\"shop\", colour=\"blue\"}", 0.0).await;
    prometheus.shows("count(allswell_build_info)", 5.0).await;
    prometheus.shows("min(allswell_check_health{app=\"shop\"})", 1.0).await;
    prometheus.shows("sum(allswell_outbox_notices{part=\"watcher\"})", 0.0).await;
    let through = format!("sum(allswell_proxy_requests_total{{app=\"shop\", status=\"2xx\"}}) >= bool {answered}");
    prometheus.shows(&through, 1.0).await;
    let overview = place.system.overview().await.unwrap();
    let heard = overview["checks"].as_array().unwrap().iter().find(|check| check["name"] == "backup").unwrap()["last_heard"].clone();
    let heard: allswell::domain::moment::Moment = serde_json::from_value(heard).unwrap();
    prometheus.shows("allswell_check_beat_timestamp_seconds{check=\"backup\"}", heard.as_seconds()).await;
}

/// What only a prober with an engine to watch has: that it is there is shown on a real one, in `docker::faults`.
const OF_AN_ENGINE: [&str; 2] = ["allswell_engine_answers", "allswell_instances_in_trouble"];

/// Over the time of the story, every rule, panel, annotation and variable has data.
async fn every_question_has_an_answer(place: &Place) {
    let mut empty = Vec::new();
    for rule in rules() {
        if place.prometheus.series(&shortened(&rule.expression)).await == 0 {
            empty.push(rule.name);
        }
    }
    for (name, board) in dashboards() {
        for query in queries(&name, &board).into_iter().filter(|query| !OF_AN_ENGINE.iter().any(|metric| query.expression.contains(metric)))
        {
            let asked = query.expression.replace("$__rate_interval", "5s").replace("$__range", "1m");
            let mut count = 0;
            // The certificate is the other proxy's; what a check has depends on the check.
            for (app, check) in [("shop", "heartbeat-blue"), ("shop", "blue"), ("front", "blue")] {
                count += place.prometheus.series(&asked.replace("$app", app).replace("$check", check)).await;
                if count > 0 {
                    break;
                }
            }
            if count == 0 {
                empty.push(query.place);
            }
        }
    }
    assert_eq!(empty, Vec::<String>::new(), "nothing to draw");
}
