//! How the pages look: wide and narrow, light and dark, to eyes and to screen readers.

use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind, Health, Showing};
use allswell::domain::entry::{Entry, Step};
use allswell::domain::switch::Phase;

use super::stage::{self, FILE, Stage, TOKEN, deploy, in_three_days, switch};
use crate::harness::{Browser, Host, Look};

const CONFIG: &str = "[public]\nchecks = [\"proxy\", \"nightly backup\"]\ntitle = \"shop status\"\n\
    [[check]]\nname = \"nightly backup\"\nschedule = \"0 3 * * *\"\ntz = \"Europe/Riga\"\ngrace = \"30m\"\n\
    [[check]]\nname = \"invoices\"\nperiod = \"1h\"\n[[check]]\nname = \"reindex\"\nperiod = \"10m\"\nfall = 3\n\
    [[maintenance]]\nname = \"new disks\"\nchecks = [\"nightly backup\"]\nschedule = \"{maintenance}\"\nduration = \"1h\"\n";

/// Those that stand in the documents.
const PICTURES: [&str; 8] = [
    "overview-wide",
    "overview-wide-dark",
    "overview-narrow",
    "check-wide-dark",
    "incident-wide",
    "switches-wide",
    "own-check-wide",
    "public-wide",
];

/// A system in which much is well and something is not.
pub(super) async fn lived_in(store: &str) -> Stage {
    let host = Host::new();
    stage::seed(store, &host, &["blue", "proxy", "nightly backup"]).await;
    let stage = Stage::kept_in(store, host, "", &CONFIG.replace("{maintenance}", &in_three_days())).await;
    let history = vec![
        switch(4, 47, "ann@desk"),
        deploy(3, 52, Phase::Done, None),
        reverted(2, 1_500),
        deploy(1, 2_900, Phase::Refused, Some("blue-1 ended by signal 9 within its first 2 s: out of memory")),
    ];
    stage.prober_says(history).await;
    stage.found("blue", Health::good(23), Some("v43")).await;
    stage.found("green", Health::not_good(Showing::Bad, "answered 503"), Some("v42")).await;
    for check in ["proxy", "preview"] {
        stage.found(check, Health::good(4), None).await;
    }
    for (check, instance, version) in
        [("heartbeat-blue", "blue-1", "v43"), ("heartbeat-blue", "blue-2", "v43"), ("heartbeat-green", "green-1", "v42")]
    {
        stage.heartbeat(check, instance, version).await;
    }
    let body = "dump: 184 tables, 12.4 GB\nuploaded to s3://backups/2026-11-25.tar.zst in 4m 12s\n";
    let backup = Beat { body: Some(body.to_owned()), ..stage.sender.beat("nightly backup", BeatKind::Success) };
    assert_eq!(stage.sender.send(&backup).await, Some(200));
    stage.found("invoices", Health::not_good(Showing::Bad, "exit status 2: no connection to the ledger"), None).await;
    for _ in 0..3 {
        assert_eq!(stage.sender.say("reindex", BeatKind::Fail).await, Some(200));
    }
    stage.incident("invoices").await;
    let (reindex, cookie) = (stage.incident("reindex").await, stage.sign_in(TOKEN).await);
    let ours = stage.url("");
    let act = format!("/incidents/{reindex}/acknowledge");
    let said = stage.post(&act, &[("origin", &ours), ("cookie", &cookie)], "note=the+index+is+being+moved").await;
    assert_eq!(said.status, 303, "{}", said.text);
    stage
}

/// A switch that was taken back.
fn reverted(number: i64, minutes_ago: u64) -> Entry {
    let mut entry = switch(number, minutes_ago, "bob@laptop");
    let reason = "3 of the last 3 probes of blue failed: answered 500".to_owned();
    entry.steps.truncate(4);
    let at = entry.started_at + Duration::from_secs(9);
    entry.steps.push(Step { phase: Phase::Reverted, at, note: Some(reason.clone()) });
    (entry.phase, entry.reason, entry.ended_at) = (Phase::Reverted, Some(reason), Some(at));
    entry
}

#[tokio::test]
async fn every_page_is_clean_wide_and_narrow_in_light_and_dark() {
    let stage = lived_in(FILE).await;
    let incident = stage.incident("invoices").await;
    let browser = Browser::start(&stage.host).await;
    browser.open(&stage.url("/sign-in")).await;
    browser.type_into("input[name=name]", "ann").await;
    browser.type_into("input[name=token]", TOKEN).await;
    browser.click("main button").await;
    browser.shows("Sign out").await;
    let pages = [
        ("overview", "/".to_owned()),
        ("checks", "/checks".to_owned()),
        ("check", "/checks/blue".to_owned()),
        ("own-check", "/checks/nightly%20backup".to_owned()),
        ("incidents", "/incidents".to_owned()),
        ("incident", format!("/incidents/{incident}")),
        ("switches", "/switches".to_owned()),
        ("public", "/public".to_owned()),
        ("sign-in", "/sign-in".to_owned()),
        ("not-found", "/checks/nobody".to_owned()),
    ];
    for (name, path) in &pages {
        browser.open(&stage.url(path)).await;
        for look in Look::ALL {
            browser.look(look).await;
            let place = format!("{name}-{}", look.name());
            assert_eq!(browser.serious_faults().await, Vec::<String>::new(), "{place}");
            let spills = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
            assert_eq!(spills, 0, "{place} is wider than its window");
            if *name == "overview" && look.width > 600 {
                let below = browser.run("return document.documentElement.scrollHeight - document.documentElement.clientHeight").await;
                assert_eq!(below, 0, "{place} is more than one screen");
            }
            if PICTURES.contains(&place.as_str()) {
                browser.picture(&place).await;
            }
        }
        is_fit_for_paper(&browser, name).await;
    }
}

/// On paper nothing is there to be clicked, nothing is cut off, and nothing is wider than the sheet.
async fn is_fit_for_paper(browser: &Browser, name: &str) {
    browser.print().await;
    let useless = "return [...document.querySelectorAll('nav, form, button, .who, .skip')].filter((one) => one.offsetParent).map((one) => one.outerHTML)";
    assert_eq!(browser.run(useless).await, serde_json::json!([]), "{name}");
    let cut = "return [document.documentElement, ...document.querySelectorAll('main *')]
        .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline' && one.clientWidth > 1)
        .map((one) => one.outerHTML.slice(0, 200))";
    assert_eq!(browser.run(cut).await, serde_json::json!([]), "{name}");
}

#[tokio::test]
async fn a_page_of_a_system_that_has_seen_nothing_says_what_to_do_next() {
    let stage = Stage::new("").await;
    let browser = Browser::start(&stage.host).await;
    browser.look(Look::WIDE).await;
    for (path, words) in [
        (
            "/",
            &[
                "Live colour undefined",
                "$ allswell up",
                "Nothing of your own is watched yet",
                "$ allswell reload",
                "Nothing was to be told yet",
            ][..],
        ),
        ("/incidents", &["Nothing has ever gone wrong here"]),
        ("/switches", &["Nothing was switched or deployed since this watcher listens", "$ allswell history"]),
        ("/checks?q=nobody", &["No check is like that"]),
        ("/checks/blue", &["No beat has said how long it took", "nothing is known yet"]),
    ] {
        browser.open(&stage.url(path)).await;
        // What stands before a command is drawn by the style sheet.
        let text = browser.text().await;
        for words in words {
            assert!(text.contains(words.trim_start_matches("$ ")), "{path}: {words} not in {text}");
        }
        assert_eq!(browser.serious_faults().await, Vec::<String>::new(), "{path}");
    }
}
