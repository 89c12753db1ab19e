//! Caddy, driven by its admin API.

use std::time::Duration;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use rustix::process::Signal;

use super::stage::{Front, Fronted, SWITCH, Stage};
use crate::harness::{Raw, eventually};

const PROXY: &str = "kind = \"caddy\"\nadmin = \"{ip}:2019\"";

/// Its home is the story's directory.
fn start(stage: &Stage, words: &[&str]) -> Front {
    let home = stage.path("").display().to_string();
    let (home, data) = (format!("XDG_CONFIG_HOME={home}"), format!("XDG_DATA_HOME={home}"));
    stage.start(&[&["/usr/bin/env", &home, &data, "/usr/bin/caddy", "run", "--config", "caddy.json"], words].concat())
}

async fn fronted() -> Fronted {
    let stage = Stage::new(PROXY, SWITCH).await;
    stage.write_config("caddy.json", "").await;
    let proxy = start(&stage, &["--resume"]);
    stage.with(proxy).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_switches_under_load_and_nothing_reaches_the_old_colour_afterwards() {
    let front = fronted().await;
    front.claims_its_colour_to_the_prober_alone().await;
    let tally = front.switch_under_load(4, 0).await;
    assert_eq!(tally.strays, [""; 0]);
    // What Caddy costs are connections that it closes, and requests that were just under way on them: docs/proxies.md.
    assert!(!tally.failed.iter().any(|why| why.contains(": 5")), "{:?}", tally.failed);
    front.claims_its_colour_to_the_prober_alone().await;
    assert_eq!(front.state().await.epoch, 4);
}

#[tokio::test]
async fn caddy_keeps_the_colour_when_it_resumes_and_is_undefined_when_it_has_forgotten() {
    let mut front = fronted().await;
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
    end(&mut front.proxy).await;
    front.proxy = start(&front.stage, &["--resume"]);
    eventually("the prober sees it again", || async { front.remote.state().await.ok()?.live }).await;
    front.is_still(Green).await;
    end(&mut front.proxy).await;
    front.proxy = start(&front.stage, &[]);
    let state =
        eventually("Caddy answers", || async { Some(front.remote.state().await.ok()?).filter(|state| state.proxy_trouble.is_none()) });
    assert_eq!((state.await.live, front.stage.ask(8000, "/work", false).await.text()), (None, "blue 0".to_owned()));
}

#[tokio::test]
async fn a_switch_that_was_not_written_down_is_so_by_the_next_round_and_a_caddy_that_forgets_it_is_noticed() {
    let mut front = fronted().await;
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
    // As a prober leaves it that is killed right after Caddy has changed its config.
    let kept = front.stage.path("state/caddy.live");
    std::fs::remove_file(&kept).unwrap();
    let says = || std::fs::read_to_string(&kept).unwrap_or_default();
    eventually("the prober has written it down", || async { (says() == "green:1").then_some(()) }).await;
    end(&mut front.proxy).await;
    front.proxy = start(&front.stage, &[]);
    let state =
        eventually("Caddy answers", || async { Some(front.remote.state().await.ok()?).filter(|state| state.proxy_trouble.is_none()) });
    assert_eq!(state.await.live, None);
}

#[tokio::test]
async fn a_config_that_caddy_refuses_refuses_the_switch() {
    let stage = Stage::new(PROXY, SWITCH).await;
    stage.write_config("caddy.json", "").await;
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(stage.path("caddy.json")).unwrap()).unwrap();
    let (certificate, key) = (stage.path("elsewhere.pem"), stage.path("elsewhere.key"));
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["req", "-x509", "-days", "2", "-subj", "/CN=x", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    config["apps"]["tls"]["certificates"]["load_files"] = serde_json::json!([{ "certificate": certificate, "key": key }]);
    std::fs::write(stage.path("caddy.json"), config.to_string()).unwrap();
    let proxy = start(&stage, &[]);
    let front = stage.with(proxy).await;
    std::fs::remove_file(&certificate).unwrap();
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Refused);
    assert!(end.reason.as_deref().is_some_and(|why| why.contains("Caddy refuses its new config")), "{:?}", end.reason);
    front.is_still(Blue).await;
}

#[tokio::test]
async fn what_goes_on_on_the_old_colour_is_told_and_not_cut() {
    let front = fronted().await;
    let mut slow = Raw::connect(&front.stage.lone.host.at(8000)).await.unwrap();
    slow.send("GET /drip HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    slow.head().await.unwrap();
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
    let entry = front.remote.history(1).await.unwrap().remove(0);
    let drained = entry.steps.iter().find(|step| step.phase == Phase::Drained).unwrap();
    // A probe of ours may run beside it.
    let said = drained.note.as_deref().unwrap_or_default();
    let left = said.split_once(" requests and streams still run on blue and are left").map(|(number, _)| number);
    assert!(matches!(left, Some("1" | "2")), "{said}");
}

async fn end(caddy: &mut Front) {
    caddy.signal(Signal::TERM);
    caddy.end(Duration::from_secs(20)).await;
}

#[tokio::test]
async fn whoever_has_lost_the_lease_meanwhile_writes_nothing_to_caddy() {
    let front = fronted().await;
    front.a_lost_lease_changes_nothing(None).await;
    front.is_still(Blue).await;
}
