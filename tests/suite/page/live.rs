//! What an open page shows while the system lives.

use std::time::Duration;

use allswell::cli::scroll::conduct::Conduct;
use allswell::clock;

use crate::harness::{Browser, Host, Look, System, eventually, system};

const EVERY: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_failed_probe_shows_on_the_open_page_without_a_reload_and_a_switch_on_the_page_of_switches() {
    let host = Host::new();
    let command = format!("{} --control {}", system::demo_command(&host), host.path("demo-{colour}.sock").display());
    let config = system::config(&host, &command, "").replace("every = \"1s\"", "every = \"4s\"");
    let system = System::start(host, &config).await;
    let browser = Browser::start(&system.host).await;
    browser.look(Look::WIDE).await;
    let url = |path: &str| format!("http://{}{path}", system.host.at(7700));
    browser.open(&url("/")).await;
    browser.shows("Live: blue").await;
    eventually("the page says that it is live", || async {
        browser.run("return document.getElementById('fresh').textContent === 'live'").await.as_bool().filter(|live| *live)
    })
    .await;
    browser.run("window.marked = true").await;
    system.conduct("green", Conduct::Fail).await;
    let began = clock::elapsed();
    browser.shows("failing, 1 of 3").await;
    let took = clock::elapsed() - began;
    eprintln!("the page showed a failed probe {took:?} after the app began to fail; probes go every {EVERY:?}");
    assert_eq!(browser.run("return window.marked").await, true, "the page was not loaded anew");
    system.conduct("green", Conduct::Recover).await;
    eventually("green works again", || async {
        browser.run("return [...document.querySelectorAll('.card.green .health.good')].length === 1").await.as_bool().filter(|well| *well)
    })
    .await;

    let switched = system.run(&["switch", "green", "--yes"]).await;
    assert!(switched.status.success(), "{}", String::from_utf8_lossy(&switched.stderr));
    browser.shows("Live: green").await;
    assert_eq!(browser.run("return window.marked").await, true);
    browser.open(&url("/switches")).await;
    for words in ["switch blue → green", "done", "gate", "verify", "drain of blue", "observe"] {
        browser.shows(words).await;
    }
}
