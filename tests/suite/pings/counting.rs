//! What a ping does to its check.

use super::stage::{ID, Stage};
use crate::harness::eventually;

#[tokio::test]
async fn a_crontab_s_curl_keeps_a_check_up_and_its_exit_status_takes_it_down() {
    let stage = Stage::with_check("1h", "").await;
    assert_eq!(stage.status("backup").await, "new");
    stage.ping(&format!("{ID}/0")).await;
    assert_eq!(stage.status("backup").await, "up");
    let path = format!("/ping/{ID}/3");
    stage.curl(&["-m", "10", "--retry", "5", "--data-binary", "copied 7 files\ndisk full\n"], &path).await;
    assert_eq!(stage.status("backup").await, "down");
    stage.told("check.down backup").await;
    let told = stage.sink.taken();
    let reason = told.iter().find(|taken| taken.kind == "check.down").unwrap().body["data"]["reason"].clone();
    assert_eq!(reason, "exit status 3: disk full");
    stage.ping(ID).await;
    stage.told("check.resolved backup").await;
}

#[tokio::test]
async fn a_start_without_an_end_alarms_for_each_run_by_itself() {
    let stage = Stage::with_check("1h", "grace = \"1s\"").await;
    let other = "11111111-2222-4333-8444-555555555555";
    stage.ping(ID).await;
    stage.ping(&format!("{ID}/start?rid={ID}")).await;
    stage.ping(&format!("{ID}/start?rid={other}")).await;
    stage.ping(&format!("{ID}?rid={other}")).await;
    stage.told("check.down backup").await;
    let told = stage.sink.taken();
    let reason = told.iter().find(|taken| taken.kind == "check.down").unwrap().body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("started at ") && reason.ends_with(" and never ended"), "{reason}");
    stage.ping(&format!("{ID}?rid={ID}")).await;
    stage.told("check.resolved backup").await;
}

#[tokio::test]
async fn thresholds_and_the_least_interval_are_the_check_s_own() {
    let stage = Stage::with_check("1h", "fall = 2\nrise = 2\nmin_interval = \"30m\"").await;
    let mut seen = Vec::new();
    for path in ["", "/fail", "/fail", "", ""] {
        stage.ping(&format!("{ID}{path}")).await;
        seen.push(stage.status("backup").await);
    }
    assert_eq!(seen, ["up", "failing", "down", "down", "poorly"], "the last one came far too soon after the one before");
    let reason = stage.check("backup").await["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.starts_with("came ") && reason.contains("30m at least belong between two"), "{reason}");
    let flips = stage.curl(&[], "/v1/flips?limit=1").await.body;
    assert!(flips.contains("\"words\":\"too often: came "), "{flips}");
}

#[tokio::test]
async fn link_previews_and_wrong_methods_are_kept_and_never_count() {
    let stage = Stage::with_check("1h", "methods = \"POST\"").await;
    let path = format!("/ping/{ID}");
    assert_eq!(stage.curl(&[], &path).await.short(), (200, "OK"));
    assert_eq!(stage.status("backup").await, "new", "a GET of a check that takes POST alone");
    let crawler = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";
    stage.curl(&["-A", crawler, "-X", "POST"], &path).await;
    assert_eq!(stage.status("backup").await, "new", "a link preview");
    stage.curl(&["-d", ""], &path).await;
    assert_eq!(stage.status("backup").await, "up");
    stage.curl(&["-A", crawler, "-X", "POST"], &format!("{path}/fail")).await;
    assert_eq!(stage.status("backup").await, "up", "a link preview of the fail URL");
}

#[tokio::test]
async fn start_log_and_early_beats_change_no_more_than_they_should() {
    let stage = Stage::with_check("1h", "").await;
    for says in ["start", "log"] {
        stage.ping(&format!("{ID}/{says}")).await;
        assert_eq!(stage.status("backup").await, "new", "{says}");
    }
    let due = || async { stage.check("backup").await["due"].clone() };
    let before = due().await;
    stage.ping(&format!("{ID}/start")).await;
    assert_eq!(due().await, before, "a start never extends a deadline");
    stage.ping(ID).await;
    eventually("a success does", || async { (due().await != before).then_some(()) }).await;
}
