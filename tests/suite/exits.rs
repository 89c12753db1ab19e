//! Stories about: what `up` tells of a process that ended by itself.

use allswell::domain::beat::{Beat, BeatKind, Showing};
use allswell::domain::colour::Colour;
use allswell::domain::moment::Moment;
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Ear, Host, Manner, Process, end_all_in, eventually};

const KEY: &str = "a key of the story's own";

/// `up` with an ear of the story's own as its only watcher.
struct Up {
    host: Host,
    ear: Ear,
    process: Option<Process>,
}

impl Up {
    async fn start(heartbeats: bool) -> Self {
        let host = Host::new();
        let ear = Ear::start(&host.at(7790), KEY).await;
        let at = |port| host.at(port);
        let config = format!(
            "[app]\nheartbeats = {heartbeats}\n[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n\
             [runtime]\ncommand = \"{{allswell}} scroll --bind {} --port {{port}}\"\nversion = \"7\"\n\
             [proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n[probe]\nevery = \"500ms\"\nslow = \"300ms\"\ntimeout = \"400ms\"\n\
             [prober]\nlisten = \"{}\"\nhealth = \"{}\"\nwatchers = [\"http://{}\"]\n[watcher]\nlisten = \"{}\"\nbeat_key = \"{KEY}\"\n",
            at(3001),
            at(3002),
            host.ip,
            at(8000),
            at(8080),
            at(7702),
            at(7701),
            at(7703),
            at(7790),
            at(7700),
        );
        std::fs::write(host.path("allswell.toml"), config).expect("the config is written");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.current_dir(host.path("")).arg("up").arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
        let process = Process::start(&mut command, &host.path("up.log"));
        let up = Self { host, ear, process: Some(process) };
        for name in ["blue-1", "green-1", "prober"] {
            eventually("everything runs", || async { up.pid(name) }).await;
        }
        up
    }

    fn pid(&self, name: &str) -> Option<Pid> {
        let record = std::fs::read(self.host.path("state/processes").join(format!("{name}.json"))).ok()?;
        let record: serde_json::Value = serde_json::from_slice(&record).ok()?;
        Pid::from_raw(i32::try_from(record["pid"].as_i64()?).ok()?)
    }

    fn kill(&self, name: &str) {
        kill_process(self.pid(name).expect("it runs"), Signal::KILL).expect("it is there");
    }

    /// The first beat for a check that tells of this death.
    async fn told(&self, check: &str, words: &str) -> Beat {
        let tells = |beat: &Beat| {
            let reason = beat.health.as_ref().and_then(|health| health.reason.as_deref()).unwrap_or_default();
            beat.check == check && beat.kind == BeatKind::Fail && reason.contains(words)
        };
        eventually(words, || async { self.ear.beats().into_iter().find(tells) }).await
    }

    fn own_beats(&self) -> Vec<Beat> {
        self.ear.beats().into_iter().filter(|beat| beat.check == "up").collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // First, or it starts again what is ended.
        drop(self.process.take());
        end_all_in(&self.host.path(""));
    }
}

#[tokio::test]
async fn the_death_of_an_instance_is_told_as_its_colours_own_with_its_last_lines() {
    let up = Up::start(true).await;
    eventually("the app has said something", || async {
        std::fs::read_to_string(up.host.path("state/instances/blue-1.log")).ok().filter(|log| log.contains("listens"))
    })
    .await;
    up.kill("blue-1");
    let beat = up.told("heartbeat-blue", "blue-1 ended by signal 9").await;
    assert_eq!((beat.colour, beat.version.as_deref()), (Some(Colour::Blue), Some("7")));
    assert_eq!(beat.identity.instance, "blue-1");
    let health = beat.health.unwrap();
    assert_eq!(health.showing, Showing::Exited);
    assert!(health.reason.unwrap().contains("the demo app listens"));
}

#[tokio::test]
async fn without_heartbeats_the_death_of_an_instance_is_told_as_that_of_a_part() {
    let up = Up::start(false).await;
    up.ear.set(Manner::Refuse(404));
    let killed = up.pid("green-1");
    up.kill("green-1");
    eventually("it is started again", || async { up.pid("green-1").filter(|pid| Some(*pid) != killed) }).await;
    up.ear.set(Manner::Usual);
    let beat = up.told("up", "green-1 ended by signal 9").await;
    assert_eq!(beat.health.unwrap().showing, Showing::Exited);
}

#[tokio::test]
async fn the_death_of_a_part_is_told_and_all_is_well_a_whole_interval_later() {
    let up = Up::start(true).await;
    eventually("all is well", || async { up.own_beats().into_iter().find(|beat| beat.kind == BeatKind::Success) }).await;
    up.kill("prober");
    let told = up.told("up", "prober ended by signal 9 and is started again").await;
    let well = eventually("all is well again", || async {
        up.own_beats().into_iter().find(|beat| beat.kind == BeatKind::Success && beat.sent_at > told.sent_at)
    })
    .await;
    assert!(well.sent_at.since(told.sent_at).as_millis() >= 450, "{:?}", well.sent_at.since(told.sent_at));
}

#[tokio::test]
async fn news_that_nobody_took_is_kept_until_somebody_does() {
    let up = Up::start(true).await;
    eventually("all is well", || async { up.own_beats().pop() }).await;
    up.ear.set(Manner::Refuse(503));
    up.kill("blue-1");
    up.kill("prober");
    let log = || std::fs::read_to_string(up.host.path("up.log")).unwrap_or_default();
    eventually("up says that it is not heard", || async { log().contains("does not take our beats").then_some(()) }).await;
    assert!(!up.own_beats().iter().any(|beat| beat.kind == BeatKind::Fail));
    up.ear.set(Manner::Usual);
    up.told("heartbeat-blue", "blue-1 ended by signal 9").await;
    up.told("up", "prober ended by signal 9").await;
    eventually("up says that it is heard", || async { log().contains("takes our beats again").then_some(()) }).await;
}

#[tokio::test]
async fn a_beat_says_how_often_it_comes_and_no_two_are_the_same() {
    let up = Up::start(true).await;
    let beats = eventually("three beats", || async { Some(up.own_beats()).filter(|beats| beats.len() >= 3) }).await;
    assert!(beats.iter().all(|beat| beat.every_ms == Some(500) && beat.sent_at > Moment::from_millis(0)));
    let mut sequences: Vec<u64> = beats.iter().map(|beat| beat.identity.sequence).collect();
    sequences.dedup();
    assert_eq!(sequences.len(), beats.len());
}
