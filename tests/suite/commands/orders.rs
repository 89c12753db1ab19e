//! Orders that nobody can carry out, that are declined, or that must not be guessed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Host, Process, allswell, eventually};

fn with_config() -> Host {
    let host = Host::new();
    let text = format!(
        "[runtime]\ncommand = \"x\"\n[app]\nheartbeats = false\n[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n\
         [proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n[prober]\nlisten = \"{}\"\nhealth = \"{}\"\nwatchers = [\"http://{}\"]\n",
        host.at(3001),
        host.at(3002),
        host.at(8000),
        host.at(8080),
        host.at(7702),
        host.at(7701),
        host.at(7703),
        host.at(7700),
    );
    fs::write(host.path("allswell.toml"), text).unwrap();
    host
}

fn part(host: &Host, executable: &str) -> Process {
    let mut command = Command::new(executable);
    command.current_dir(host.path("")).stdin(Stdio::null());
    Process::start(&mut command, &host.path("parts.log"))
}

/// What the proxy says by itself, once it answers.
async fn proxy_answers(host: &Host) -> Value {
    eventually("the proxy answers", || async move {
        let ran = allswell(host, &["live", "--json"]).await;
        (ran.code != 8).then(|| ran.json())
    })
    .await
}

#[tokio::test]
async fn a_part_that_does_not_answer_is_named_with_what_to_do() {
    let host = with_config();
    let never = allswell(&host, &["live"]).await;
    assert_eq!(never.code, 8, "{never:?}");
    assert!(never.err.contains("there is no state directory") && never.err.contains("--state DIR"), "{never:?}");
    fs::create_dir(host.path(".allswell")).unwrap();
    fs::write(host.path(".allswell/prober.token"), "token\n").unwrap();
    for words in [&["live"][..], &["status"], &["history"], &["switch", "green"], &["toggle"], &["rollback"], &["deploy"], &["stop"]] {
        let ran = allswell(&host, words).await;
        assert_eq!(ran.code, 8, "{words:?}: {ran:?}");
        let all = format!("{}{}", ran.out, ran.err);
        assert!(all.contains("does not answer on "), "{words:?}: {all}");
        assert!(words == ["status"] || all.contains("s `allswell up` running?"), "{words:?}: {all}");
    }
    let document = allswell(&host, &["history", "--json"]).await.json();
    assert_eq!(document["code"], 8, "{document}");
}

#[tokio::test]
async fn past_a_dead_prober_the_proxy_is_asked_and_ordered_and_no_is_the_default() {
    let host = with_config();
    let _proxy = part(&host, env!("CARGO_BIN_EXE_allswell-proxy"));
    assert_eq!(proxy_answers(&host).await["said_by"], "proxy");
    let live = allswell(&host, &["live"]).await;
    assert_eq!((live.code, live.out.as_str()), (0, "blue\n"), "{live:?}");
    assert!(live.err.contains("This is what the proxy itself says"), "{live:?}");

    let declined = allswell(&host, &["switch", "green", "--direct"]).await;
    assert_eq!(declined.code, 7, "{declined:?}");
    assert!(declined.err.contains("[y/N]") && declined.err.contains("--yes"), "{declined:?}");
    assert_eq!(allswell(&host, &["live"]).await.out, "blue\n", "nothing was changed");

    let before = proxy_answers(&host).await["epoch"].as_u64().unwrap();
    let done = allswell(&host, &["switch", "green", "--direct", "--yes", "--json"]).await;
    assert_eq!((done.code, &done.json()["epoch"]), (0, &(before + 1).into()), "{done:?}");
    assert_eq!(allswell(&host, &["live"]).await.out, "green\n");
}

#[tokio::test]
async fn a_proxy_whose_socket_stands_elsewhere_is_found_by_the_state_directory_alone() {
    let host = with_config();
    fs::create_dir(host.path("run")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-proxy"));
    // As its unit has it.
    command.current_dir(host.path("")).env("ALLSWELL_RUNTIME", host.path("run"));
    let _proxy = Process::start(&mut command, &host.path("parts.log"));
    assert_eq!(proxy_answers(&host).await["said_by"], "proxy");
    assert!(host.path("run/proxy.sock").exists());
    let done = allswell(&host, &["switch", "green", "--direct", "--yes"]).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(allswell(&host, &["live"]).await.out, "green\n");
    let held = allswell(&host, &["hold", "on", "--json"]).await;
    assert_eq!((held.code, &held.json()["held"]), (0, &true.into()), "{held:?}");
}

#[tokio::test]
async fn a_command_that_asks_changes_nothing_about_the_directory_that_it_is_given() {
    let host = with_config();
    let place = host.path("place");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    let state = ["--state", place.to_str().unwrap()];
    // Empty, somebody else's, and one that a part has used.
    for file in [None, Some("letter"), Some("prober.token")] {
        file.inspect(|name| fs::write(place.join(name), "x\n").unwrap());
        for words in [&["live"][..], &["status"], &["history"], &["checks"], &["logs", "blue"], &["hold", "on"]] {
            let ran = allswell(&host, &[words, &state].concat()).await;
            assert_ne!(ran.code, 0, "{ran:?}");
            assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o755, "{file:?}: {words:?}");
        }
    }
    assert_eq!(fs::read_dir(&place).unwrap().count(), 2, "asking leaves nothing behind");
}

#[tokio::test]
async fn an_undefined_live_colour_is_a_warning_and_never_a_guess() {
    let host = with_config();
    fs::create_dir(host.path(".allswell")).unwrap();
    fs::write(host.path(".allswell/proxy.json"), "neither blue nor green").unwrap();
    let _proxy = part(&host, env!("CARGO_BIN_EXE_allswell-proxy"));
    let _prober = part(&host, env!("CARGO_BIN_EXE_allswell-prober"));
    eventually("the prober answers", || async {
        let ran = allswell(&host, &["live", "--json"]).await;
        (ran.code == 3 && ran.json()["said_by"] == "prober").then_some(())
    })
    .await;
    let live = allswell(&host, &["live"]).await;
    assert_eq!((live.code, live.out.as_str()), (3, ""), "{live:?}");
    assert!(live.err.starts_with("warning: which colour is live is undefined"), "{live:?}");
    for words in [&["toggle"][..], &["rollback"], &["deploy"], &["switch", "green"]] {
        let ran = allswell(&host, words).await;
        assert_eq!(ran.code, 3, "{words:?}: {ran:?}");
    }
    let history = allswell(&host, &["history", "--json"]).await;
    assert_eq!((history.code, history.json()), (0, Value::Array(Vec::new())), "nothing was changed: {history:?}");
    let direct = allswell(&host, &["switch", "green", "--direct", "--yes"]).await;
    assert_eq!(direct.code, 2, "the prober is not dead: {direct:?}");
}
