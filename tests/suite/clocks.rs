//! Stories about a clock that is set under parts that run: whatever they wait for comes as soon as before, and what they say is by the new clock.
//! The watcher's own stand in `alarms/truth.rs`.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::BeatKind;
use rustix::process::Signal;

use crate::harness::{Ear, Host, Manner, OwnClock, Process, Webhook, end_all_in, eventually, self_signed};
use crate::up::listeners;

const KEY: &str = "the key of these stories";

/// Whoever works in this folder ends with the story.
struct Cleared(PathBuf);

impl Drop for Cleared {
    fn drop(&mut self) {
        end_all_in(&self.0);
    }
}

#[tokio::test]
async fn a_heartbeat_s_own_channel_hears_of_a_silent_watcher_as_soon_though_the_clock_is_set_back() {
    let host = Host::new();
    let (ear, sink, own) = (Ear::start(&host.at(7700), KEY).await, Webhook::start(&host.at(80), None).await, OwnClock::new(&host));
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-heartbeat"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("ALLSWELL_BEAT_KEY", KEY);
    command.args(["--check", "shop", "--instance", "one", "--every", "500ms", "--no-health", "--fallback", "ops"]);
    command.args(["--watchers", &format!("http://{}", host.at(7700)), "--channel", &format!("ops=webhook:{}", sink.url())]);
    own.give(&mut command);
    let _heartbeat = Process::start(&mut command, &host.path("log"));
    let logged = |words: &str| std::fs::read_to_string(host.path("log")).unwrap_or_default().contains(words);
    eventually("a beat", || async { ear.last(BeatKind::Success) }).await;
    ear.set(Manner::Refuse(503));
    eventually("the silence has begun", || async { logged("does not acknowledge").then_some(()) }).await;
    // By the old clock it would be told as much later; and who is told takes nothing that is dated five minutes ago.
    own.set(-200);
    let told = format!("check.down watcher-{}", host.at(7700));
    eventually("it is told", || async { sink.told().contains(&told).then_some(()) }).await;
    eventually("the clock is followed", || async { logged("the system's clock has stepped").then_some(()) }).await;
}

#[tokio::test]
async fn up_goes_on_saying_that_all_is_well_though_the_clock_is_set_back() {
    let host = Host::new();
    let (ear, own) = (Ear::start(&host.at(7790), KEY).await, OwnClock::new(&host));
    let folder = host.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let config = format!(
        "[app]\nheartbeats = false\n[runtime]\ncommand = \"sleep 600\"\n[probe]\nevery = \"200ms\"\n{}beat_key = \"{KEY}\"\n",
        listeners(&host)
    );
    std::fs::write(folder.join("allswell.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
    command.current_dir(&folder).arg("up");
    own.give(&mut command);
    let _cleared = Cleared(folder);
    let mut up = Process::start(&mut command, &host.path("up.log"));
    let log = || std::fs::read_to_string(host.path("up.log")).unwrap_or_default();
    let beats = |at_least: Duration| {
        let sent = ear.beats().into_iter().filter(|beat| beat.check == "up" && clock::now().since(beat.sent_at) >= at_least);
        sent.count()
    };
    eventually("it beats", || async { (beats(Duration::ZERO) > 3).then_some(()) }).await;
    own.set(-3_600);
    // Of these the first would be the last for an hour, if what is due stood by the old clock.
    eventually("it beats on by the new clock", || async { (beats(Duration::from_secs(1_800)) > 5).then_some(()) }).await;
    assert!(log().contains("the system's clock has stepped"), "{}", log());
    up.signal(Signal::TERM);
    assert!(up.end(Duration::from_secs(40)).await.success(), "{}", log());
}

#[tokio::test]
async fn the_proxy_counts_down_its_certificate_by_a_clock_that_was_set_after_its_start() {
    let host = Host::new();
    let own = OwnClock::new(&host);
    self_signed(&host.path("shop"), "DNS:shop.example", 30);
    let tls = |name: &str| host.path(name).display().to_string();
    let lines = format!("[proxy]\nlive_tls = {{ certificate = \"{}\", key = \"{}\" }}\n", tls("shop.pem"), tls("shop.key"));
    let config = format!("[app]\nheartbeats = false\n[runtime]\ncommand = \"x\"\n{}", listeners(&host).replace("[proxy]\n", &lines));
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-proxy"));
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    own.give(&mut command);
    let _proxy = Process::start(&mut command, &host.path("proxy.log"));
    let client = allswell::net::client::http(Duration::from_secs(10)).unwrap();
    let shown = async || client.get(format!("http://{}/metrics", host.at(7702))).send().await.ok()?.text().await.ok();
    let line = |days: u32| format!("allswell_proxy_certificate_days{{listener=\"live\"}} {days}\n");
    eventually("29 days are left", || async { shown().await?.contains(&line(29)).then_some(()) }).await;
    own.set(10 * 86_400);
    eventually("19 days are left", || async { shown().await?.contains(&line(19)).then_some(()) }).await;
}

#[tokio::test]
async fn what_is_looked_at_again_and_again_is_dated_by_a_clock_that_was_set_meanwhile() {
    let host = Host::new();
    let own = OwnClock::new(&host);
    std::fs::create_dir(host.path("state")).unwrap();
    let config = format!("[app]\nheartbeats = false\n[runtime]\ncommand = \"x\"\n[log]\ndirectory = \"days\"\n{}", listeners(&host));
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let looked = |words: &[&str], out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.current_dir(host.path("")).args(words).args(["--every", "200ms", "--config", "allswell.toml", "--state", "state"]);
        own.give(&mut command);
        Process::start(&mut command, &host.path(out))
    };
    let _lookers = [looked(&["health"], "health.out"), looked(&["status", "--watch"], "status.out")];
    for days_ahead in [0_i64, 10] {
        own.set(days_ahead * 86_400);
        eventually("both say which day it is, and the day has its file", || async {
            let today = clock::now() + Duration::from_secs(days_ahead.unsigned_abs() * 86_400);
            let today = clock::local(today).format("%Y-%m-%d").to_string();
            let is_said = |out: &str| std::fs::read_to_string(host.path(out)).is_ok_and(|said| said.contains(&today));
            let is_kept = host.path(&format!("state/days/{today}.log")).exists();
            (is_said("health.out") && is_said("status.out") && is_kept).then_some(())
        })
        .await;
    }
}
