//! nginx, driven by a rendered include and a reload.

use std::future::ready;
use std::time::Duration;

use allswell::domain::colour::Colour::{self, Blue, Green};
use allswell::domain::switch::Phase;
use allswell::proxy::ProxyDriver;
use allswell::proxy::control::{ControlError, ShiftOrder};
use rustix::process::Signal;

use super::stage::{Front, Fronted, SWITCH, Stage};
use crate::harness::{Raw, allswell, eventually, listen};

const PROXY: &str = "kind = \"nginx\"\npid = \"{folder}/nginx.pid\"\nreload_timeout = \"2s\"\n\
                     command = [\"/usr/sbin/nginx\", \"-p\", \"{folder}\", \"-c\", \"{folder}/nginx.conf\"]";

/// nginx, told by a script of the story's own.
const SCRIPTED: &str = "kind = \"nginx\"\npid = \"{folder}/nginx.pid\"\nreload_timeout = \"{reload}\"\n\
                        command = [\"/bin/sh\", \"{folder}/nginx.sh\"]";

async fn stage(proxy: &str) -> Stage {
    let stage = Stage::new(proxy, SWITCH).await;
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
    let stage = stage(PROXY).await;
    let proxy = start(&stage);
    stage.with(proxy).await
}

/// nginx with blue live and without a prober, and what drives it by this script: it works in the story's folder, and `nginx` in it is the real
/// one.
async fn driven(reload: &str, script: &str) -> (Stage, Front, ProxyDriver) {
    let stage = stage(&SCRIPTED.replace("{reload}", reload)).await;
    let head = "cd \"$(dirname \"$0\")\"\nnginx() { /usr/sbin/nginx -p \"$PWD\" -c \"$PWD/nginx.conf\" \"$@\"; }";
    std::fs::write(stage.path("nginx.sh"), format!("{head}\n{script}\n")).unwrap();
    let proxy = start(&stage);
    assert_eq!(stage.ask(8000, "/work", false).await.text(), "blue 0");
    let driver = stage.driver();
    (stage, proxy, driver)
}

fn to(colour: Colour, epoch: u64) -> ShiftOrder {
    ShiftOrder { to: colour, epoch }
}

/// Waits until a fresh connection is told so.
async fn serves(driver: &ProxyDriver, live: Colour, epoch: u64) {
    eventually("a fresh connection says so", || async {
        let state = driver.state().await.ok()?;
        ((state.live, state.epoch) == (Some(live), epoch)).then_some(())
    })
    .await;
}

fn rendered(stage: &Stage) -> String {
    std::fs::read_to_string(stage.path("state/nginx/http.conf")).unwrap()
}

/// What the file says that the next reload goes by.
fn says(stage: &Stage) -> String {
    rendered(stage).lines().next().and_then(|line| line.split_whitespace().last()).unwrap_or_default().to_owned()
}

/// The switch to green is refused with these words, and blue serves by everybody's word, on disk too.
async fn is_refused(front: &Fronted, words: &str) {
    let before = rendered(&front.stage);
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Refused, "{:?}", end.reason);
    assert!(end.reason.as_deref().is_some_and(|why| why.contains(words) && why.contains("put back")), "{:?}", end.reason);
    assert_eq!(rendered(&front.stage), before);
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

/// The reload is done and said to have failed, and the one that is to put back what was there is not done.
#[tokio::test]
async fn a_colour_that_serves_though_it_was_to_be_put_back_is_not_refused_and_the_file_follows_it() {
    let script = "[ \"$1\" = -s ] && [ -e seen ] && exit 1\nnginx \"$@\" || exit\n[ \"$1\" = -s ] || exit 0\n\
                  until [ -e seen ]; do sleep 0.02; done\nexit 1";
    let (stage, _proxy, driver) = driven("20s", script).await;
    let seeing = async {
        serves(&driver, Green, 1).await;
        std::fs::write(stage.path("seen"), "").unwrap();
    };
    let (unknown, ()) = tokio::join!(driver.shift(to(Green, 1), ready(Ok(()))), seeing);
    assert!(matches!(&unknown, Err(ControlError::Unknown(why)) if why.contains("is not proven to serve")), "{unknown:?}");
    assert_eq!(says(&stage), "blue:0", "it was put back, and would be live at the next reload");
    serves(&driver, Green, 1).await;
    eventually("the file says what is served", || async {
        assert_eq!(driver.warning().await.ok()?, None);
        (says(&stage) == "green:1").then_some(())
    })
    .await;
}

/// A master that is stopped goes on as one does that has no time: it may load what it was told after everybody has stopped waiting.
#[tokio::test]
async fn a_reload_that_may_still_come_is_not_refused() {
    let (stage, proxy, driver) = driven("2s", "nginx \"$@\"").await;
    proxy.signal(Signal::STOP);
    let unknown = driver.shift(to(Green, 1), ready(Ok(()))).await;
    proxy.signal(Signal::CONT);
    assert!(matches!(&unknown, Err(ControlError::Unknown(why)) if why.contains("not done with the reload")), "{unknown:?}");
    assert_eq!(says(&stage), "blue:0");
    // Whoever finds out orders the old colour anew.
    driver.shift(to(Blue, 2), ready(Ok(()))).await.unwrap();
    serves(&driver, Blue, 2).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_put_back_is_not_refused() {
    let script = "[ \"$1\" = -t ] && rm state/nginx/http.conf && mkdir state/nginx/http.conf\nexit 1";
    let (_stage, _proxy, driver) = driven("20s", script).await;
    let unknown = driver.shift(to(Green, 1), ready(Ok(()))).await;
    assert!(matches!(&unknown, Err(ControlError::Unknown(why)) if why.contains("http.conf could not be put back")), "{unknown:?}");
    serves(&driver, Blue, 0).await;
    let told = eventually("somebody is told", || async { driver.warning().await.unwrap() }).await;
    assert!(told.contains("blue:0 is served") && told.contains("cannot be written"), "{told}");
}

#[tokio::test]
async fn what_is_put_back_is_what_serves_whatever_the_file_said() {
    let (stage, _proxy, driver) = driven("20s", "nginx \"$@\"").await;
    let blue = rendered(&stage);
    std::fs::write(stage.path("state/nginx/http.conf"), blue.replace("blue:0", "green:9")).unwrap();
    assert_eq!(says(&stage), "green:9");
    std::fs::write(stage.path("more.conf"), "nonsense here;\n").unwrap();
    let refused = driver.shift(to(Green, 1), ready(Ok(()))).await;
    assert!(matches!(&refused, Err(ControlError::Refused(why)) if why.contains("put back")), "{refused:?}");
    assert_eq!(rendered(&stage), blue);
}

#[tokio::test]
async fn a_shift_goes_on_to_its_end_though_nobody_waits_for_it_any_more() {
    let script = "[ \"$1\" = -t ] && touch begun && until [ -e go ]; do sleep 0.02; done\nnginx \"$@\"";
    let (stage, _proxy, driver) = driven("20s", script).await;
    let ordered = driver.clone();
    let waiting = tokio::spawn(async move { ordered.shift(to(Green, 1), ready(Ok(()))).await });
    eventually("it has begun", || async { stage.path("begun").exists().then_some(()) }).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    std::fs::write(stage.path("go"), "").unwrap();
    serves(&driver, Green, 1).await;
    assert_eq!(says(&stage), "green:1");
}

#[tokio::test]
async fn old_workers_that_cannot_be_seen_are_not_taken_for_gone() {
    let front = fronted().await;
    let (pid, aside, before) = (front.stage.path("nginx.pid"), front.stage.path("aside.pid"), rendered(&front.stage));
    std::fs::rename(&pid, &aside).unwrap();
    let end = front.switch(Green).await;
    assert_eq!(end.phase, Phase::Refused);
    let words = ["nginx.pid (proxy.pid) cannot be read", "Nothing was changed"];
    assert!(end.reason.as_deref().is_some_and(|why| words.iter().all(|words| why.contains(words))), "{:?}", end.reason);
    assert_eq!(rendered(&front.stage), before);
    front.is_still(Blue).await;
    let driver = front.stage.driver();
    let unknown = driver.load(Blue).await;
    assert!(matches!(&unknown, Err(ControlError::Unknown(why)) if why.contains("proxy.pid")), "{unknown:?}");
    assert!(driver.warning().await.unwrap().is_some_and(|why| why.contains("proxy.pid")), "somebody should look at it");
    std::fs::rename(&aside, &pid).unwrap();
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
}

#[tokio::test]
async fn a_file_that_was_changed_and_not_loaded_is_set_right_before_a_reload_goes_by_it() {
    let front = fronted().await;
    let blue = rendered(&front.stage);
    assert_eq!(front.switch(Green).await.phase, Phase::Done);
    let green = rendered(&front.stage);
    // As whoever takes the switch back leaves it, and is killed before nginx is told.
    std::fs::write(front.stage.path("state/nginx/http.conf"), blue).unwrap();
    eventually("the prober has set it right", || async { (rendered(&front.stage) == green).then_some(()) }).await;
    front.is_still(Green).await;
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
    // Of a deploy that goes on to it, too, and before anything is replaced.
    let declined = allswell(&front.stage.lone.host, &[&["deploy", "--version", "2", "--switch"], &place[..]].concat()).await;
    assert!(declined.code == 7 && declined.err.contains("it closes every keep-alive connection"), "{declined:?}");
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
