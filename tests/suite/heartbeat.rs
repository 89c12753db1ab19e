//! Stories about the heartbeat: what it says, to whom, and how it ends.

use std::process::Command;
use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind, Showing};
use allswell::domain::colour::Colour;
use allswell::domain::moment::Moment;
use axum::Router;
use axum::routing::get;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;

use crate::harness::{Demands, Dns, Ear, HealthUrl, Host, Manner, Process, Smtp, Tmux, Webhook, eventually, mute};

const KEY: &str = "the key of these stories";
const LIMIT: Duration = Duration::from_secs(30);

/// The heartbeat without any setting of the surroundings.
fn heartbeat(check: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-heartbeat"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("ALLSWELL_BEAT_KEY", KEY);
    command.args(["--check", check, "--instance", "one", "--every", "100ms", "--app", "shop"]);
    command
}

/// The same heartbeat, started by another program.
fn started_by(first: &[&str], heartbeat: &Command) -> Command {
    let (program, words) = first.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(words).arg(heartbeat.get_program()).args(heartbeat.get_args());
    command.env_clear().envs(heartbeat.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn watchers(command: &mut Command, addresses: &[String]) {
    let urls: Vec<String> = addresses.iter().map(|address| format!("http://{address}")).collect();
    command.args(["--watchers", &urls.join(",")]);
}

fn log(host: &Host) -> String {
    std::fs::read_to_string(host.path("log")).unwrap_or_default()
}

fn reason(beat: &Beat) -> String {
    beat.health.as_ref().and_then(|health| health.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_beat_is_the_last_step_of_a_health_request_and_goes_to_every_watcher() {
    let host = Host::new();
    let (app, near, far) =
        (HealthUrl::start(&host.at(3001)).await, Ear::start(&host.at(7700), KEY).await, Ear::start(&host.at(7800), KEY).await);
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700), host.at(7800)]);
    command.args(["--health", &app.health(), "--colour", "blue", "--app-version", "7"]);
    let _heartbeat = Process::start(&mut command, &host.path("log"));
    for ear in [&near, &far] {
        let beat = eventually("a good beat", || async { ear.last(BeatKind::Success) }).await;
        assert_eq!((beat.check.as_str(), beat.identity.instance.as_str(), beat.every_ms), ("heartbeat-blue", "one", Some(100)));
        assert_eq!((beat.colour, beat.version.as_deref()), (Some(Colour::Blue), Some("7")));
        assert_eq!(beat.health.map(|health| health.showing), Some(Showing::Good));
    }
    for (manner, words) in [(Manner::Refuse(503), "answered 503"), (Manner::Hold, "no answer in time")] {
        app.set(manner);
        eventually(words, || async { near.last(BeatKind::Fail).filter(|beat| reason(beat) == words) }).await;
    }
    let bad: Vec<_> = near.beats().into_iter().filter(|beat| beat.kind == BeatKind::Fail).collect();
    let since = |beat: &Beat| beat.health.as_ref().and_then(|health| health.since);
    assert!(since(&bad[0]).is_some() && bad.iter().all(|beat| since(beat) == since(&bad[0])), "{bad:?}");
    let (beats, mut last) = (near.beats(), 0);
    for beat in beats {
        assert!(beat.identity.sequence > last, "sequences grow: {beat:?}");
        last = beat.identity.sequence;
    }
}

#[tokio::test]
async fn a_heartbeat_that_is_told_to_end_says_bye() {
    for (signal, words) in [(Signal::TERM, "asked to end by SIGTERM"), (Signal::INT, "asked to end by SIGINT")] {
        let host = Host::new();
        let ear = Ear::start(&host.at(7700), KEY).await;
        let mut command = heartbeat("heartbeat-blue");
        watchers(&mut command, &[host.at(7700)]);
        let mut heartbeat = Process::start(command.arg("--no-health"), &host.path("log"));
        eventually("a beat", || async { ear.last(BeatKind::Success) }).await;
        heartbeat.signal(signal);
        assert_eq!(heartbeat.end(LIMIT).await.code(), Some(0), "{}", log(&host));
        assert_eq!(ear.beats().last().map(|beat| (beat.kind, reason(beat))), Some((BeatKind::Bye, words.to_owned())));
    }
}

#[tokio::test]
async fn the_wrapper_exits_with_its_command_s_code_and_says_how_it_ended() {
    for (script, code, kind, words) in [
        ("exit 0", 0, BeatKind::Bye, "ended with code 0"),
        ("exit 3", 3, BeatKind::Fail, "ended with code 3"),
        ("kill -9 $$", 137, BeatKind::Fail, "ended by signal 9"),
        ("kill -15 $$", 143, BeatKind::Fail, "ended by signal 15"),
        ("exec /nowhere/at/all", 127, BeatKind::Fail, "ended with code 127"),
    ] {
        let host = Host::new();
        let ear = Ear::start(&host.at(7700), KEY).await;
        let mut command = heartbeat("heartbeat-blue");
        watchers(&mut command, &[host.at(7700)]);
        let mut wrapper = Process::start(command.args(["run", "--", "sh", "-c", script]), &host.path("log"));
        assert_eq!(wrapper.end(LIMIT).await.code(), Some(code), "{script}");
        let last = ear.beats().pop().expect("a last beat");
        assert_eq!((last.kind, reason(&last).as_str()), (kind, words), "{script}");
        let exited = last.health.is_some_and(|health| health.showing == Showing::Exited);
        assert_eq!(exited, kind == BeatKind::Fail, "{script}");
    }
}

#[tokio::test]
async fn the_wrapper_forwards_signals_and_what_was_asked_for_is_no_crash() {
    for (script, signal, code, words) in [
        ("trap 'exit 7' TERM; touch $READY; while :; do sleep 0.05; done", Signal::TERM, 7, "asked to end by SIGTERM: ended with code 7"),
        ("touch $READY; exec sleep 60", Signal::TERM, 143, "asked to end by SIGTERM: ended by signal 15"),
        ("touch $READY; exec sleep 60", Signal::HUP, 129, "asked to end by SIGHUP: ended by signal 1"),
        ("trap 'exit 0' USR1; touch $READY; while :; do sleep 0.05; done", Signal::USR1, 0, "ended with code 0"),
    ] {
        let host = Host::new();
        let ear = Ear::start(&host.at(7700), KEY).await;
        let mut command = heartbeat("heartbeat-blue");
        watchers(&mut command, &[host.at(7700)]);
        command.env("READY", host.path("ready"));
        // Whoever runs this may have nohup before it.
        let mut command = started_by(&["env", "--default-signal=HUP"], command.args(["run", "--", "sh", "-c", script]));
        let mut wrapper = Process::start(&mut command, &host.path("log"));
        eventually("the command runs", || async { host.path("ready").exists().then_some(()) }).await;
        wrapper.signal(signal);
        assert_eq!(wrapper.end(LIMIT).await.code(), Some(code), "{script}");
        assert_eq!(ear.beats().last().map(|beat| (beat.kind, reason(beat))), Some((BeatKind::Bye, words.to_owned())), "{script}");
    }
}

#[tokio::test]
async fn under_nohup_neither_the_wrapper_nor_its_command_ends_with_the_terminal() {
    let host = Host::new();
    let ear = Ear::start(&host.at(7700), KEY).await;
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700)]);
    command.env("READY", host.path("ready"));
    command.args(["run", "--", "sh", "-c", "echo $$ > $READY.new; mv $READY.new $READY; exec sleep 60"]);
    let mut wrapper = Process::start(&mut started_by(&["nohup"], &command), &host.path("log"));
    let ready = eventually("the command runs", || async { std::fs::read_to_string(host.path("ready")).ok() }).await;
    let app = Pid::from_raw(ready.trim().parse().expect("a process id")).expect("not zero");
    // What a shell does to its jobs when its terminal is gone.
    wrapper.signal(Signal::HUP);
    kill_process(app, Signal::HUP).expect("it is there");
    let heard = ear.beats().len();
    eventually("it beats on", || async { (ear.beats().len() > heard + 3).then_some(()) }).await;
    assert!(wrapper.ended().is_none(), "{}", log(&host));
    wrapper.signal(Signal::TERM);
    assert_eq!(wrapper.end(LIMIT).await.code(), Some(143), "{}", log(&host));
}

/// The wrapper of whose command line this is a piece, by its number outside of its container.
fn wrapper_of(piece: &str) -> Option<Pid> {
    let is_it = |entry: &std::fs::DirEntry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        words.starts_with(env!("CARGO_BIN_EXE_allswell-heartbeat")) && words.contains(piece)
    };
    let found = std::fs::read_dir("/proc").ok()?.flatten().find(is_it)?;
    Pid::from_raw(found.file_name().to_str()?.parse().ok()?)
}

/// As `docker run --tty` has it: Ctrl-C there, and `docker stop` of an image whose STOPSIGNAL is SIGQUIT.
#[tokio::test]
async fn as_process_1_with_a_terminal_the_wrapper_has_each_signal_reach_its_command_once() {
    for (is_ctrl_c, words) in
        [(false, "asked to end by SIGQUIT: ended with code 7"), (true, "asked to end at its terminal: ended by signal 2")]
    {
        let host = Host::new();
        let ear = Ear::start(&host.at(7700), KEY).await;
        let ready = host.path("ready").display().to_string();
        let inside = format!(
            "exec unshare --pid --fork --kill-child {} --check shop --instance one --every 100ms --watchers http://{} \\\n\
             run -- sh -c \"trap 'exit 7' QUIT; touch {ready}; while :; do sleep 0.05; done\"\n",
            env!("CARGO_BIN_EXE_allswell-heartbeat"),
            host.at(7700)
        );
        std::fs::write(host.path("inside.sh"), inside).expect("a file");
        let terminal = Tmux::start(&host, 120, 30, &[("ALLSWELL_BEAT_KEY", KEY)]);
        terminal.enter(&format!("sh {}", host.path("inside.sh").display()));
        eventually("the command runs", || async { host.path("ready").exists().then_some(()) }).await;
        if is_ctrl_c {
            terminal.press("C-c");
        } else {
            kill_process(wrapper_of(&ready).expect("it runs"), Signal::QUIT).expect("it is there");
        }
        let end = eventually("it says how it ended", || async {
            ear.beats().into_iter().find(|beat| matches!(beat.kind, BeatKind::Bye | BeatKind::Fail))
        })
        .await;
        assert_eq!((end.kind, reason(&end).as_str()), (BeatKind::Bye, words), "{}", terminal.shows());
    }
}

#[tokio::test]
async fn a_name_server_that_answers_nobody_is_not_the_app_s_fault() {
    let host = Host::new();
    let (dns, ear) = (Dns::start(&host).await, Ear::start(&host.at(7700), KEY).await);
    dns.set_silent(true);
    // By a name that the hosts file knows, as it is in many a container.
    let app = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let health = format!("http://localhost:{}/healthz", app.local_addr().expect("an address").port());
    tokio::spawn(async move { axum::serve(app, Router::new().route("/healthz", get(|| async { "ok" }))).await });
    let mut command = dns.command(env!("CARGO_BIN_EXE_allswell-heartbeat"));
    // Each name that nobody knows keeps its lookup for five beats.
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("RES_OPTIONS", "timeout:5").env("ALLSWELL_BEAT_KEY", KEY);
    command.args(["--check", "shop", "--instance", "one", "--every", "1s", "--health", &health]);
    let unknown = ["one", "two", "three", "four"].map(|name| format!("{name}.example:7700"));
    watchers(&mut command, &[&unknown[..], &[host.at(7700)]].concat());
    let _heartbeat = Process::start(&mut command, &host.path("log"));
    eventually("five beats", || async { (ear.beats().len() >= 5).then_some(()) }).await;
    let bad: Vec<String> = ear.beats().iter().filter(|beat| beat.kind != BeatKind::Success).map(reason).collect();
    assert!(bad.is_empty(), "{bad:?}: {}", log(&host));
}

#[tokio::test]
async fn the_wrapper_beats_while_its_command_runs_and_reaps_what_that_leaves_behind() {
    let host = Host::new();
    let ear = Ear::start(&host.at(7700), KEY).await;
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700)]);
    command.env("LEFT", host.path("left")).env("GO", host.path("go"));
    let orphan = "echo $$ > $LEFT.new; mv $LEFT.new $LEFT; until [ -e $GO ]; do sleep 0.02; done";
    let script = format!("(sh -c '{orphan}' &); exec sleep 60");
    let mut wrapper = Process::start(command.args(["run", "--", "sh", "-c", &script]), &host.path("log"));
    let left = eventually("an orphan", || async { std::fs::read_to_string(host.path("left")).ok() }).await;
    let status = format!("/proc/{}/status", left.trim());
    let parent = format!("PPid:\t{}\n", wrapper.pid().as_raw_nonzero());
    eventually("the orphan is ours", || async { std::fs::read_to_string(&status).is_ok_and(|text| text.contains(&parent)).then_some(()) })
        .await;
    std::fs::write(host.path("go"), "").expect("a file");
    eventually("the orphan is reaped", || async { (!std::path::Path::new(&status).exists()).then_some(()) }).await;
    eventually("several beats", || async { (ear.beats().len() > 3).then_some(()) }).await;
    assert!(ear.beats().iter().all(|beat| beat.kind == BeatKind::Success));
    assert!(wrapper.ended().is_none());
    wrapper.signal(Signal::TERM);
    assert_eq!(wrapper.end(LIMIT).await.code(), Some(143));
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_told() {
    let host = Host::new();
    let ear = Ear::start(&host.at(7700), KEY).await;
    for (program, code) in [("/nowhere/at/all", 127), ("/etc/passwd", 126)] {
        let mut command = heartbeat("heartbeat-blue");
        watchers(&mut command, &[host.at(7700)]);
        let mut wrapper = Process::start(command.args(["run", "--", program]), &host.path("log"));
        assert_eq!(wrapper.end(LIMIT).await.code(), Some(code));
        let last = ear.beats().pop().expect("a last beat");
        assert_eq!(last.kind, BeatKind::Fail);
        assert!(reason(&last).starts_with(&format!("{program} cannot be started: ")), "{last:?}");
    }
}

#[tokio::test]
async fn a_process_that_ends_beside_the_heartbeat_is_told_at_once() {
    let host = Host::new();
    let ear = Ear::start(&host.at(7700), KEY).await;
    let app = Process::start(Command::new("sleep").arg("60"), &host.path("app"));
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700)]);
    let pid = app.pid().as_raw_nonzero().to_string();
    let mut heartbeat = Process::start(command.args(["--watch-pid", &pid]), &host.path("log"));
    eventually("a beat", || async { ear.last(BeatKind::Success) }).await;
    app.signal(Signal::KILL);
    assert_eq!(heartbeat.end(LIMIT).await.code(), Some(1), "{}", log(&host));
    let last = ear.beats().pop().expect("a last beat");
    assert_eq!((last.kind, reason(&last)), (BeatKind::Fail, format!("process {pid} ended")));
}

#[tokio::test]
async fn the_last_beat_is_said_again_while_nobody_has_taken_it() {
    let host = Host::new();
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700), host.at(7701)]);
    let mut wrapper = Process::start(command.args(["run", "--", "sh", "-c", "exit 3"]), &host.path("log"));
    eventually("a first attempt is over", || async { log(&host).contains("nobody has taken the last beat").then_some(()) }).await;
    let ear = Ear::start(&host.at(7700), KEY).await;
    assert_eq!(wrapper.end(LIMIT).await.code(), Some(3));
    let last = ear.beats().pop().expect("a last beat");
    assert_eq!((last.kind, reason(&last)), (BeatKind::Fail, "ended with code 3".to_owned()));
}

#[tokio::test]
async fn one_beat_is_done_when_any_watcher_stored_it() {
    let host = Host::new();
    let ear = Ear::start(&host.at(7700), KEY).await;
    let once = async |addresses: &[String], key: &str, more: &[&str]| {
        let mut command = heartbeat("nightly backup");
        watchers(&mut command, addresses);
        command.env("ALLSWELL_BEAT_KEY", key).arg("once").args(more);
        Process::start(&mut command, &host.path("log")).end(LIMIT).await.code()
    };
    assert_eq!(once(&[host.at(7701), host.at(7700)], KEY, &["--kind", "log", "--body", "3 files"]).await, Some(0));
    let beat = ear.last(BeatKind::Log).expect("a log beat");
    assert_eq!((beat.check.as_str(), beat.body.as_deref()), ("nightly backup", Some("3 files")));
    assert_eq!(once(&[host.at(7701)], KEY, &[]).await, Some(1));
    assert!(log(&host).contains("connection refused"), "{}", log(&host));
    assert_eq!(once(&[host.at(7700)], "another key", &[]).await, Some(1));
    assert!(log(&host).contains("answered 401: the signature is wrong"), "{}", log(&host));
}

#[tokio::test]
async fn a_probe_passes_at_2xx_in_time_and_says_why_not() {
    let host = Host::new();
    let app = HealthUrl::start(&host.at(3001)).await;
    let _silent = mute(&host.at(3002)).await;
    let probe = async |url: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-heartbeat"));
        let log = host.path(&format!("probe-{}", url.len()));
        let code = Process::start(command.env_clear().args(["probe", url, "--timeout", "300ms"]), &log).end(LIMIT).await.code();
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::remove_file(&log).expect("it was there");
        (code, said)
    };
    assert_eq!(probe(&app.health()).await, (Some(0), String::new()));
    app.set(Manner::Refuse(500));
    assert_eq!(probe(&app.health()).await, (Some(1), "answered 500\n".to_owned()));
    assert_eq!(probe(&format!("http://{}/", host.at(3002))).await, (Some(1), "no answer in time\n".to_owned()));
    assert_eq!(probe(&format!("http://{}/", host.at(3003))).await, (Some(1), "connection refused\n".to_owned()));
}

#[tokio::test]
async fn a_watcher_that_acknowledges_nothing_is_told_once_and_once_when_it_is_back() {
    let host = Host::new();
    let (ear, sink) = (Ear::start(&host.at(7700), KEY).await, Webhook::start(&host.at(80), None).await);
    ear.set(Manner::Refuse(503));
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700)]);
    command.args(["--no-health", "--fallback", "ops"]).env("ALLSWELL_CHANNELS", format!("ops=webhook:{}", sink.url()));
    let mut heartbeat = Process::start(&mut command, &host.path("log"));
    let down = eventually("it is told", || async { sink.taken().pop() }).await;
    assert!(down.body["data"]["reason"].as_str().is_some_and(|reason| reason.starts_with("answered 503; ")), "{down:?}");
    let moment = |value: &serde_json::Value| serde_json::from_value::<Moment>(value.clone()).expect("a moment");
    let waited = moment(&down.body["timestamp"]).since(moment(&down.body["data"]["since"]));
    assert!(waited >= Duration::from_millis(600), "six intervals: {waited:?}");
    ear.set(Manner::Usual);
    eventually("it is resolved", || async { sink.told().into_iter().find(|told| told.starts_with("check.resolved")) }).await;
    let check = format!("watcher-{}", host.at(7700));
    assert_eq!(sink.told(), [format!("check.down {check}"), format!("check.resolved {check}")]);
    heartbeat.signal(Signal::TERM);
    assert_eq!(heartbeat.end(LIMIT).await.code(), Some(0));
    assert_eq!(sink.told().len(), 2, "{:?}", sink.told());
}

#[tokio::test]
async fn a_crash_that_no_watcher_hears_is_told_by_the_heartbeat_s_own_channel() {
    let host = Host::new();
    let sink = Webhook::start(&host.at(80), None).await;
    let mut command = heartbeat("heartbeat-blue");
    watchers(&mut command, &[host.at(7700)]);
    command.args(["--channel", &format!("ops=webhook:{}", sink.url()), "--fallback", "ops", "run", "--", "sh", "-c", "exit 3"]);
    let mut wrapper = Process::start(&mut command, &host.path("log"));
    assert_eq!(wrapper.end(LIMIT).await.code(), Some(3));
    let [told] = &sink.taken()[..] else { panic!("one notice: {:?}", sink.told()) };
    assert_eq!((told.kind.as_str(), told.body["data"]["check"].as_str()), ("check.down", Some("heartbeat-blue")));
    assert!(told.body["data"]["reason"].as_str().is_some_and(|reason| reason.starts_with("ended with code 3; ")), "{told:?}");
}

#[tokio::test]
async fn where_there_is_no_watcher_all_s_well_goes_straight_to_a_channel_and_is_withheld_when_it_is_not() {
    let host = Host::new();
    let (app, sink) = (HealthUrl::start(&host.at(3001)).await, Webhook::start(&host.at(80), None).await);
    let mut command = heartbeat("shop");
    command.args(["--health", &app.health(), "--say", "ops", "--say-every", "200ms"]);
    command.args(["--channel", &format!("ops=webhook:{}", sink.url())]);
    let _heartbeat = Process::start(&mut command, &host.path("log"));
    let well = |sink: &Webhook| sink.told().iter().filter(|told| *told == "channel.well shop").count();
    eventually("all's well, twice", || async { (well(&sink) >= 2).then_some(()) }).await;
    app.set(Manner::Refuse(500));
    eventually("the opposite", || async { sink.told().pop().filter(|told| told == "check.down shop") }).await;
    let before = well(&sink);
    let asked = app.asked();
    eventually("two intervals of `say` pass", || async { (app.asked() > asked + 5).then_some(()) }).await;
    assert_eq!(well(&sink), before);
    app.set(Manner::Usual);
    eventually("well again", || async { sink.told().contains(&"check.resolved shop".to_owned()).then_some(()) }).await;
    eventually("all's well again", || async { (well(&sink) > before).then_some(()) }).await;
}

#[tokio::test]
async fn a_mail_goes_over_starttls_to_a_server_that_ssl_cert_file_vouches_for() {
    let host = Host::new();
    let server = Smtp::start(&host, Demands { starttls: true, password: Some("hunter2") }).await;
    let describe = format!("mail=email:{},from=a@shop.example,to=ops@shop.example,user=ops,password=env:SMTP_PASSWORD", server.address());
    let start = |trust: bool| {
        let mut command = heartbeat("shop");
        command.args(["--no-health", "--say", "mail"]).env("ALLSWELL_CHANNELS", &describe).env("SMTP_PASSWORD", "hunter2");
        if trust {
            command.env("SSL_CERT_FILE", server.certificate());
        }
        Process::start(&mut command, &host.path("log"))
    };
    let distrustful = start(false);
    eventually("the stranger is refused", || async { log(&host).contains("does not take it now").then_some(()) }).await;
    assert_eq!(server.taken().len(), 0);
    drop(distrustful);
    let _trustful = start(true);
    let mail = eventually("the mail is taken", || async { server.taken().pop() }).await;
    assert_eq!((mail["tls"].as_bool(), mail["signed_in"].as_bool()), (Some(true), Some(true)), "{mail}");
    assert!(!log(&host).contains("hunter2"), "{}", log(&host));
}

#[tokio::test]
async fn wrong_usage_is_told_at_once_and_shows_no_secret() {
    let host = Host::new();
    for (arguments, words) in [
        (&["--check", "x", "--watchers", "http://w.example"][..], "--health URL"),
        (&["--no-health", "--watchers", "http://w.example"], "--check"),
        (&["--check", "x", "--no-health"], "--watchers"),
        (&["--check", "x", "--no-health", "--watchers", "w.example/hush"], "http://"),
        (&["--check", "x", "--health", "hush", "--watchers", "http://w.example"], "http://"),
        (&["--check", "x", "--no-health", "--watchers", "http://w.example", "--every", "soon"], "is not a duration"),
        (&["--check", "x", "--no-health", "--say", "ops"], "there is no channel named ops"),
        (&["--check", "x", "--no-health", "--channel", "ops=slack:hush", "--say", "ops"], "https://"),
        (&["--check", "x", "--no-health", "--watchers", "http://w.example", "--channel", "ops=slack:hush"], "there for nothing"),
        (&["--check", "x", "once"], "--watchers"),
        (&["run"], "<COMMAND>"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-heartbeat"));
        command.env_clear().env("ALLSWELL_BEAT_KEY", "hush").args(arguments);
        let file = host.path("usage");
        let mut process = Process::start(&mut command, &file);
        assert_eq!(process.end(LIMIT).await.code(), Some(2), "{arguments:?}");
        let said = std::fs::read_to_string(&file).expect("it says something");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("hush"), "{arguments:?}: {said}");
        std::fs::remove_file(&file).expect("it was there");
    }
}
