//! nginx, driven by a rendered include and a reload.

use std::time::Duration;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use rustix::process::Signal;

use super::stage::{Front, Fronted, SWITCH, Stage};
use crate::harness::{Raw, allswell, eventually, listen};

const PROXY: &str = "kind = \"nginx\"\npid = \"{folder}/nginx.pid\"\nreload_timeout = \"2s\"\n\
                     command = [\"/usr/sbin/nginx\", \"-p\", \"{folder}\", \"-c\", \"{folder}/nginx.conf\"]";

async fn stage() -> Stage {
    let stage = Stage::new(PROXY, SWITCH).await;
    let folder = stage.path("").display().to_string();
    stage.write_config("servers.conf", "").await;
    std::fs::write(stage.path("more.conf"), "").unwrap();
    let text = format!(
        "daemon off;\npid {folder}nginx.pid;\nerror_log {folder}error.log;\nworker_processes 2;\nworker_shutdown_timeout 60s;\nevents {{}}\n\
         http {{\n    access_log off;\n    client_body_temp_path {folder}body;\n    proxy_temp_path {folder}proxy;\n    \
         fastcgi_temp_path {folder}f;\n    uwsgi_temp_path {folder}u;\n    scgi_temp_path {folder}s;\n    \
         include {folder}servers.conf;\n    include {folder}more.conf;\n}}\n"
    );
    std::fs::write(stage.path("nginx.conf"), text).unwrap();
    stage
}

fn start(stage: &Stage) -> Front {
    let config = stage.path("nginx.conf").display().to_string();
    stage.start(&["/usr/sbin/nginx", "-p", &stage.path("").display().to_string(), "-c", &config])
}

async fn fronted() -> Fronted {
    let stage = stage().await;
    let proxy = start(&stage);
    stage.with(proxy).await
}

fn rendered(front: &Fronted) -> String {
    std::fs::read_to_string(front.stage.path("state/nginx/http.conf")).unwrap()
}

/// The switch to green is refused with these words, and blue serves by everybody's word, on disk too.
async fn is_refused(front: &Fronted, words: &str) {
    let before = rendered(front);
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Refused, "{:?}", end.reason);
    assert!(end.reason.as_deref().is_some_and(|why| why.contains(words) && why.contains("put back")), "{:?}", end.reason);
    assert_eq!(rendered(front), before);
    front.is_still(Blue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_switches_under_load_and_nothing_reaches_the_old_colour_afterwards() {
    let front = fronted().await;
    front.claims_its_colour_to_the_prober_alone().await;
    let tally = front.switch_under_load(4, 0).await;
    assert_eq!(tally.strays, [""; 0]);
    // What nginx costs are connections that it closes, and requests that were just under way on them: docs/proxies.md.
    assert!(!tally.failed.iter().any(|why| why.contains(": 5")), "{:?}", tally.failed);
    front.claims_its_colour_to_the_prober_alone().await;
    assert_eq!(front.state().await.epoch, 4);
}

#[tokio::test]
async fn nginx_keeps_the_colour_through_a_restart() {
    let mut front = fronted().await;
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
    front.proxy.signal(Signal::TERM);
    front.proxy.end(Duration::from_secs(20)).await;
    front.proxy = start(&front.stage);
    eventually("the prober sees it again", || async { front.remote.state().await.ok()?.live }).await;
    front.is_still(Green).await;
    assert_eq!(front.state().await.epoch, 1);
}

#[tokio::test]
async fn a_broken_include_elsewhere_refuses_the_switch_and_ours_is_put_back() {
    let front = fronted().await;
    std::fs::write(front.stage.path("more.conf"), "nonsense here;\n").unwrap();
    is_refused(&front, "unknown directive \"nonsense\"").await;
    std::fs::write(front.stage.path("more.conf"), "").unwrap();
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
}

/// `nginx -t` and `nginx -s reload` both end with exit code 0, and the old config goes on.
#[tokio::test]
async fn a_reload_that_says_it_worked_and_did_not_refuses_the_switch() {
    let front = fronted().await;
    let listener = listen(&front.stage.lone.host.at(8099)).await;
    let at = listener.local_addr().unwrap();
    std::fs::write(front.stage.path("more.conf"), format!("server {{ listen {at} so_keepalive=on; }}\n")).unwrap();
    is_refused(&front, "goes on with blue:0").await;
}

#[tokio::test]
async fn the_old_workers_end_is_the_drain() {
    let front = fronted().await;
    let mut slow = Raw::connect(&front.stage.lone.host.at(8000)).await.unwrap();
    slow.send("GET /drip HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    slow.head().await.unwrap();
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
    assert_eq!(drained(&front).await.as_deref(), Some("1 old workers of nginx still finish what they have, and are left"));
    drop(slow);
    assert_eq!(front.switch(Blue).await.phase, Phase::Done);
    assert!(!drained(&front).await.is_some_and(|note| note.contains("are left")));
}

/// What the journal says of the last switch's drain.
async fn drained(front: &Fronted) -> Option<String> {
    let entry = front.remote.history(1).await.unwrap().remove(0);
    entry.steps.iter().find(|step| step.phase == Phase::Drained).unwrap().note.clone()
}

#[tokio::test]
async fn what_a_switch_costs_is_told_before_it_asks() {
    let front = fronted().await;
    let place = ["--config", "allswell.toml", "--state", "state"];
    let declined = allswell(&front.stage.lone.host, &[&["switch", "green"], &place[..]].concat()).await;
    assert_eq!(declined.code, 7, "{declined:?}");
    assert!(declined.err.contains("it closes every keep-alive connection"), "{declined:?}");
    front.is_still(Blue).await;
    assert!(front.stage.command(&["validate"]).await.contains("nginx cuts nothing at a deploy"));
    front.stage.command(&["switch", "green", "--yes", "--no-wait"]).await;
    front.is_still(Green).await;
}

#[tokio::test]
async fn whoever_has_lost_the_lease_meanwhile_writes_nothing_to_nginx() {
    let front = fronted().await;
    front.a_lost_lease_changes_nothing(Some("state/nginx/http.conf")).await;
    front.is_still(Blue).await;
}
