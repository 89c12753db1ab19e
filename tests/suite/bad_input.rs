//! Bad input, on every executable and every listener but the proxy's own: a clear error each, nothing lost, no panic, no 5xx.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use allswell::domain::beat::BeatKind;
use allswell::domain::colour::Colour;
use allswell::files;
use tokio::time::timeout;

use crate::harness::system::{config, demo_command};
use crate::harness::{Cluster, Host, Process, Raw, RawAnswer, Sender, System, allswell, eventually};

const KEY: &str = "a beat key";

/// Runs a part with this config to its end; its exit code and what it said.
async fn ended(host: &Host, executable: &str, config: &str) -> (Option<i32>, String) {
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let mut command = Command::new(executable);
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    let mut part = Process::start(&mut command, &host.path("part.log"));
    let status = part.end(Duration::from_secs(30)).await;
    let said = std::fs::read_to_string(host.path("part.log")).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (status.code(), said)
}

#[tokio::test]
async fn a_wrong_config_ends_every_part_with_code_2_and_each_mistake_has_its_line() {
    for part in [env!("CARGO_BIN_EXE_allswell-proxy"), env!("CARGO_BIN_EXE_allswell-prober"), env!("CARGO_BIN_EXE_allswell-watcher")] {
        let host = Host::new();
        let (code, said) = ended(&host, part, "[runtime]\ncommand = \"x\"\n[probe]\nevry = \"1s\"\nslow = \"quick\"\n").await;
        assert_eq!(code, Some(2), "{part}: {said}");
        for told in ["line 4: probe.evry is not a known key: did you mean every?", "line 5: probe.slow: \"quick\" is not a duration"] {
            assert!(said.contains(told), "{part}: {told}: {said}");
        }
        assert!(!host.path("state").exists(), "{part} began all the same");
    }
}

#[tokio::test]
async fn a_state_directory_that_is_somebody_else_s_ends_whoever_would_write_there_and_stays_as_it_is() {
    let parts = [env!("CARGO_BIN_EXE_allswell-proxy"), env!("CARGO_BIN_EXE_allswell-prober"), env!("CARGO_BIN_EXE_allswell-watcher")];
    for part in parts {
        let host = Host::new();
        let state = host.path("state");
        std::fs::create_dir(&state).unwrap();
        std::fs::write(state.join("letter"), "mine").unwrap();
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (code, said) = ended(&host, part, &config(&host, "x", "")).await;
        let ran = allswell(&host, &["up", "--state", "state"]).await;
        for (code, said) in [(code, &said), (Some(ran.code), &ran.err)] {
            assert_eq!(code, Some(1), "{part}: {said}");
            assert!(said.contains("open to others") && said.contains("chmod 700 ") && said.contains("--state DIR"), "{part}: {said}");
        }
        assert_eq!(std::fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o755, "{part}");
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1, "{part} left something behind");
    }
}

#[tokio::test]
async fn a_port_in_use_ends_the_part_with_its_setting_and_what_to_do() {
    let [proxy, prober, watcher] =
        [env!("CARGO_BIN_EXE_allswell-proxy"), env!("CARGO_BIN_EXE_allswell-prober"), env!("CARGO_BIN_EXE_allswell-watcher")];
    for (part, setting, port) in [
        (proxy, "proxy.live", 8000),
        (proxy, "proxy.idle", 8080),
        (proxy, "proxy.health", 7702),
        (prober, "prober.listen", 7701),
        (prober, "prober.health", 7703),
        (watcher, "watcher.listen", 7700),
    ] {
        let host = Host::new();
        let _taken = TcpListener::bind(host.at(port)).unwrap();
        let text = config(&host, "x", "");
        let (code, said) = ended(&host, part, &text).await;
        assert_eq!(code, Some(1), "{setting}: {said}");
        let told = format!("{setting} cannot listen on {}: the port is in use. Stop what uses it, or set another address", host.at(port));
        assert!(said.contains(&told), "{told}: {said}");
    }
}

#[tokio::test]
async fn up_itself_ends_where_its_own_port_is_in_use_and_starts_nothing() {
    let host = Host::new();
    let _taken = TcpListener::bind(host.at(7704)).unwrap();
    let text = config(&host, &demo_command(&host), &format!("[up]\nhealth = \"{}\"\n", host.at(7704)));
    std::fs::write(host.path("allswell.toml"), text).unwrap();
    let ran = timeout(Duration::from_secs(30), allswell(&host, &["up"])).await.expect("it ends");
    let told = format!("up.health cannot listen on {}: the port is in use", host.at(7704));
    assert!(ran.code == 1 && ran.err.contains(&told), "{ran:?}");
    assert!(TcpListener::bind(host.at(8000)).is_ok(), "something was started");
}

#[tokio::test]
async fn the_health_of_up_refuses_what_no_listener_takes_and_answers_to_its_name() {
    let host = Host::new();
    let up = format!("[up]\nhealth = \"{}\"\nreach = \"shop.example\"\n", host.at(7704));
    let text = config(&host, &demo_command(&host), &up);
    let system = System::launch(host, &text).await;
    let address = system.host.at(7704);
    eventually("up answers", || async { get(&address, "/healthz").await }).await;
    all_refused(&address).await;
    let named = send(&address, "GET /metrics HTTP/1.1\r\nhost: shop.example:7704\r\n\r\n").await;
    assert_eq!(named.status, 200, "{}", named.text());
    let said = std::fs::read_to_string(system.host.path("up.log")).unwrap();
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test]
async fn up_repeats_the_words_of_a_part_whose_port_is_in_use() {
    let host = Host::new();
    let taken = TcpListener::bind(host.at(7702)).unwrap();
    let text = config(&host, &demo_command(&host), "");
    let system = System::launch(host, &text).await;
    let told = format!("proxy.health cannot listen on {}: the port is in use", system.host.at(7702));
    eventually("up says why", || async { std::fs::read_to_string(system.host.path("up.log")).ok()?.contains(&told).then_some(()) }).await;
    drop(taken);
    eventually("the proxy comes up by itself", || async {
        let live = Raw::connect(&system.host.at(8000)).await.ok()?.ask("GET", "/", &[], b"").await.ok()?;
        (live.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_ends_the_part_with_the_file_s_name() {
    let channel = "[[channel]]\nname = \"ops\"\nkind = \"slack\"\nurl = { file = \"FILE\" }\n";
    let key = "beat_key = { file = \"FILE\" }";
    let [prober, watcher] = [env!("CARGO_BIN_EXE_allswell-prober"), env!("CARGO_BIN_EXE_allswell-watcher")];
    for (part, more, names) in [(watcher, channel, "\"ops\""), (watcher, key, "watcher.beat_key"), (prober, key, "watcher.beat_key")] {
        let host = Host::new();
        // A directory cannot be read by anybody, not by root either.
        let more = more.replace("FILE", host.path("").to_str().unwrap());
        let text = config(&host, "x", &more);
        let (code, said) = ended(&host, part, &text).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(names) && said.contains("the secret file") && said.contains("cannot be read"), "{said}");
    }
}

#[tokio::test]
async fn up_starts_nothing_while_a_secret_is_missing_and_names_every_one() {
    let host = Host::new();
    let channel =
        |name: &str| format!("[[channel]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = {{ env = \"ALLSWELL_TEST_NEVER_SET\" }}\n");
    std::fs::write(host.path("allswell.toml"), config(&host, &demo_command(&host), &(channel("ops") + &channel("mail")))).unwrap();
    let ran = timeout(Duration::from_secs(30), allswell(&host, &["up"])).await.expect("it ends");
    assert_eq!(ran.code, 2, "{ran:?}");
    for name in ["ops", "mail"] {
        let told = format!("allswell.toml: channel \"{name}\": the environment variable ALLSWELL_TEST_NEVER_SET is not set");
        assert!(ran.err.contains(&told), "{ran:?}");
    }
    assert!(!host.path(".allswell/processes").exists(), "something was started");
}

#[tokio::test]
async fn up_says_why_a_colour_does_not_work() {
    let host = Host::new();
    let text = config(&host, &demo_command(&host), "").replace("name = \"shop\"", "name = \"shop\"\nhealth = \"/nowhere\"");
    let system = System::launch(host, &text).await;
    eventually("up says why", || async {
        let said = std::fs::read_to_string(system.host.path("up.log")).ok()?;
        ["blue", "green"].iter().all(|colour| said.contains(&format!("answered 404; see: allswell logs {colour}"))).then_some(())
    })
    .await;
}

/// A cluster with a real watcher beside it, which knows one check.
async fn everything() -> (Cluster, Process) {
    let host = Host::new();
    let check = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";
    let watcher = format!("[watcher]\nlisten = \"{}\"\nbeat_key = \"{KEY}\"\n{check}", host.at(7700));
    let cluster = Cluster::on(host, &[7700], "", &watcher).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(cluster.host.path("allswell.toml")).arg("--state").arg(cluster.host.path("state"));
    let watcher = Process::start(&mut command, &cluster.host.path("watcher.log"));
    eventually("the watcher answers", || async { get(&cluster.host.at(7700), "/healthz").await.filter(|answer| answer.status == 200) })
        .await;
    (cluster, watcher)
}

async fn get(address: &str, path: &str) -> Option<RawAnswer> {
    Raw::connect(address).await.ok()?.ask("GET", path, &["host: localhost"], b"").await.ok()
}

/// Sends this text on a connection of its own, and reads what comes.
async fn send(address: &str, request: &str) -> RawAnswer {
    let exchange = async {
        let mut client = Raw::connect(address).await.expect("it listens");
        // It may answer and close before it has read everything.
        let _ = client.send(request).await;
        client.answer().await.expect("an answer")
    };
    timeout(Duration::from_secs(20), exchange).await.expect("an answer in time")
}

/// What no listener takes, with the status that each must answer.
fn refused_everywhere() -> Vec<(String, &'static [u16])> {
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "a: b\r\n".repeat(2_000));
    let mut requests: Vec<(String, &'static [u16])> = vec![(long, &[404, 414, 431]), (many, &[400, 431])];
    for (text, statuses) in [
        ("GET /healthz HTTP/1.1\r\nhost: evil.example\r\n\r\n", &[421][..]),
        ("GET /metrics HTTP/1.1\r\nhost: 127.0.0.1.evil.example:7700\r\n\r\n", &[421]),
        ("GET http://evil.example/metrics HTTP/1.1\r\nhost: localhost\r\n\r\n", &[421]),
        ("GET /nowhere HTTP/1.1\r\nhost: evil.example\r\n\r\n", &[421]),
        ("GET /metrics HTTP/1.1\r\n\r\n", &[400, 421]),
        ("GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n", &[404]),
        ("GET /../../etc/passwd HTTP/1.1\r\nhost: localhost\r\n\r\n", &[404]),
        ("GET /%ff%00 HTTP/1.1\r\nhost: localhost\r\n\r\n", &[404]),
        ("POST /metrics HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n", &[405, 413]),
        ("nonsense\r\n\r\n", &[400]),
        ("GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: many\r\n\r\n", &[400]),
    ] {
        requests.push((text.to_owned(), statuses));
    }
    requests
}

async fn all_refused(address: &str) {
    for (request, statuses) in refused_everywhere() {
        let answer = send(address, &request).await;
        let about = format!("{address}: {} {}", answer.status, request.chars().take(80).collect::<String>());
        assert!(statuses.contains(&answer.status), "{about}");
        if [404, 413, 421].contains(&answer.status) {
            assert!(answer.text().starts_with("{\"error\":\""), "{about}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn what_no_listener_takes_is_refused_by_each_in_clear_words_and_nothing_is_lost() {
    let (cluster, _watcher) = everything().await;
    let sender = Sender::new(&cluster.host.at(7700), KEY);
    assert_eq!(sender.say("backup", BeatKind::Success).await, Some(200));
    for port in [7700, 7701, 7702, 7703] {
        all_refused(&cluster.host.at(port)).await;
    }
    for (port, path) in [(7700, "/healthz"), (7702, "/healthz"), (7703, "/healthz"), (7701, "/metrics")] {
        assert_eq!(get(&cluster.host.at(port), path).await.map(|answer| answer.status), Some(200), "{port}");
    }
    let overview = sender.overview().await.unwrap();
    let backup = overview["checks"].as_array().unwrap().iter().find(|check| check["name"] == "backup").unwrap();
    assert_eq!(backup["status"], "up", "{backup}");
    no_panic(&cluster.host);
}

#[tokio::test]
async fn the_control_refuses_wrong_tokens_and_wrong_orders_and_changes_nothing() {
    let (cluster, _watcher) = everything().await;
    let token = files::token(&cluster.host.path("state/prober.token")).unwrap();
    let order = |method: &str, path: &str, token: &str, body: &str| {
        let head = "host: localhost\r\ncontent-type: application/json";
        format!("{method} {path} HTTP/1.1\r\n{head}\r\nauthorization: {token}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let right = format!("Bearer {token}");
    let large = format!("{{\"to\":\"green\",\"by\":\"{}\"}}", "x".repeat(140_000));
    for (method, path, token, body, status, words) in [
        ("GET", "/v1/state", "", "", 401, "a bearer token is needed"),
        ("POST", "/v1/switch", "Bearer wrong", "{}", 401, "the bearer token is wrong"),
        ("POST", "/v1/switch", "Basic YTpi", "{}", 401, "a bearer token is needed"),
        ("POST", "/v1/switch", &right, "", 400, ""),
        ("POST", "/v1/switch", &right, "{\"to\":", 400, ""),
        ("POST", "/v1/switch", &right, "{\"to\":\"red\",\"wait\":true,\"by\":\"me\"}", 422, "red"),
        ("POST", "/v1/switch", &right, &large, 413, "at most"),
        ("POST", "/v1/deploys", &right, "{\"colour\":\"green\",\"by\":\"me\",\"timeout_ms\":0}", 400, "more than 0"),
        ("POST", "/v1/deploys/none/end", &right, "{\"ok\":true}", 400, ""),
        ("GET", "/v1/history?limit=lots", &right, "", 400, ""),
        ("GET", "/v1/gate?colour=red&within_ms=1", &right, "", 400, "red"),
        ("DELETE", "/v1/state", &right, "", 405, ""),
    ] {
        let answer = send(&cluster.host.at(7701), &order(method, path, token, body)).await;
        let about = format!("{method} {path} {}: {} {}", body.chars().take(60).collect::<String>(), answer.status, answer.text());
        // What is not understood is 400, or 422 where it is JSON of another shape.
        let is_right = answer.status == status || (status == 422 && answer.status == 400);
        assert!(is_right && answer.text().contains(words), "{about}");
        assert!(status == 405 || answer.text().starts_with("{\"error\":\""), "{about}");
    }
    assert_eq!(cluster.live().await, Some(Colour::Blue));
    assert!(cluster.remote.history(10).await.unwrap().is_empty(), "nothing was begun");
    no_panic(&cluster.host);
}

fn no_panic(host: &Host) {
    for log in ["proxy.log", "prober.log", "watcher.log"] {
        let said = std::fs::read_to_string(host.path(log)).unwrap();
        assert!(!said.contains("panicked"), "{log}: {said}");
    }
}
