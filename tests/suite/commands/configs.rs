//! `init`, `validate`, `schedule`, and what is said about a config that is wrong.

use std::fs;

use crate::harness::{Host, Webhook, allswell};

fn with_config(text: &str) -> Host {
    let host = Host::new();
    fs::write(host.path("allswell.toml"), text).unwrap();
    host
}

#[tokio::test]
async fn every_mistake_in_a_config_is_told_at_once_with_its_line_and_the_nearest_key() {
    let host = with_config("[switch]\npases = 3\ndrain = \"soon\"\n\n[app]\nhealth = \"healthz\"\n");
    let ran = allswell(&host, &["validate"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    for told in [
        "allswell.toml: line 2: switch.pases is not a known key: did you mean passes?",
        "allswell.toml: line 3: switch.drain: \"soon\" is not a duration",
        "allswell.toml: line 6: app.health: must be a path that begins with /",
        "runtime.command",
        "4 errors",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let document = allswell(&host, &["validate", "--json"]).await.json();
    assert_eq!(document["errors"].as_array().map(Vec::len), Some(4), "{document}");
    assert!(document["errors"].to_string().contains("\"line\":2"), "{document}");
    let live = allswell(&host, &["live"]).await;
    assert_eq!(live.code, 2, "every command refuses it: {live:?}");
    assert!(live.err.contains("did you mean passes?"), "{live:?}");
}

#[tokio::test]
async fn a_config_that_is_not_there_is_said_with_what_to_do() {
    let ran = allswell(&Host::new(), &["live"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    for told in ["there is no config at allswell.toml", "`allswell init`", "`allswell up`", "--config FILE"] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_an_error_and_one_in_plain_text_is_never_shown() {
    let channel = "[[channel]]\nname = \"ops\"\nkind = \"slack\"\nurl = \"https://hooks.example/hunter2\"\nsay = \"1d\"\n";
    let host = with_config(&format!("[runtime]\ncommand = \"x\"\n{channel}"));
    for words in [&["validate"][..], &["validate", "--json"]] {
        let ran = allswell(&host, words).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let all = format!("{}{}", ran.out, ran.err);
        assert!(all.contains("is a secret in plain text"), "{all}");
        assert!(!all.contains("hunter2"), "{all}");
    }
    let channel = "[[channel]]\nname = \"ops\"\nkind = \"slack\"\nurl = { file = \"/nowhere/url\" }\n";
    let host = with_config(&format!("[runtime]\ncommand = \"x\"\n{channel}"));
    let ran = allswell(&host, &["validate"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("ops") && ran.err.contains("the secret file /nowhere/url cannot be read"), "{ran:?}");
}

#[tokio::test]
async fn what_a_part_would_not_start_with_is_told_by_validate_and_stops_up() {
    let at_fault = "[up]\nhealth = \"7704\"\n[prober]\nwatchers = [\"127.0.0.1:7700\"]\n[watcher]\nsite = \"shop.example\"\n";
    let host = with_config(&format!("[runtime]\ncommand = \"x\"\n{at_fault}"));
    let ran = allswell(&host, &["validate"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    for told in [
        "allswell.toml: line 4: up.health: \"7704\" is not host:port",
        "allswell.toml: line 6: prober.watchers: not a whole URL",
        "allswell.toml: line 8: watcher.site: not a whole URL",
        "3 errors",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }

    let at_fault = "[watcher]\ntls = { certificate = \"/nowhere/pem\", key = \"/nowhere/key\" }\ntoken = { file = \"/nowhere/token\" }\n\
                    [[switch.hook]]\nat = \"after shift\"\nurl = { env = \"ALLSWELL_TEST_NEVER_SET\" }\n";
    let host = with_config(&format!("[runtime]\ncommand = \"x\"\n{at_fault}"));
    for words in ["validate", "up"] {
        let ran = allswell(&host, &[words]).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        for told in [
            "allswell.toml: watcher.tls: the certificate /nowhere/pem with the key /nowhere/key cannot be used",
            "allswell.toml: watcher.token: the secret file /nowhere/token cannot be read",
            "allswell.toml: the url of the hook after shift: the environment variable ALLSWELL_TEST_NEVER_SET is not set",
        ] {
            assert!(ran.err.contains(told), "{told}: {}", ran.err);
        }
    }
    assert!(!host.path(".allswell/processes").exists(), "something was started");
}

#[tokio::test]
async fn validate_says_who_would_not_hear_of_what() {
    let host = with_config("[runtime]\ncommand = \"x\"\n");
    let ran = allswell(&host, &["validate"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("nobody hears of any failure: there is no [[channel]]"), "{ran:?}");
    assert!(ran.out.contains("nobody hears when this host dies"), "{ran:?}");
    let unheard = allswell(&host, &["validate", "--json"]).await.json()["unheard"].clone();
    assert_eq!(unheard.as_array().map(Vec::len), Some(3), "{unheard}");
}

#[tokio::test]
async fn init_writes_what_validate_accepts_and_never_overwrites() {
    let host = Host::new();
    assert_eq!(allswell(&host, &["init"]).await.code, 0);
    let ran = allswell(&host, &["validate"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    fs::write(host.path("allswell.toml"), "# mine\n").unwrap();
    let again = allswell(&host, &["init"]).await;
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("is there already and was left as it is"), "{again:?}");
    assert_eq!(fs::read_to_string(host.path("allswell.toml")).unwrap(), "# mine\n");
    assert_eq!(allswell(&host, &["init", "--config", "other.toml"]).await.code, 0);
    assert!(host.path("other.toml").exists());
}

#[tokio::test]
async fn a_schedule_is_shown_before_it_is_trusted() {
    let host = Host::new();
    let ran = allswell(&host, &["schedule", "0 3 * * *", "--tz", "Europe/Riga", "--count", "3"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out.lines().filter(|line| line.contains(" 03:00 ")).count(), 3, "{ran:?}");
    let document = allswell(&host, &["schedule", "0 12 * * *", "--count", "2", "--json"]).await.json();
    let times: Vec<&str> = document.as_array().unwrap().iter().filter_map(|time| time.as_str()).collect();
    assert!(times.len() == 2 && times.iter().all(|time| time.ends_with("T12:00:00.000Z")), "{times:?}");
    for (words, told) in [
        (["schedule", "0 3 * *", "--tz", "UTC"], "a cron schedule has five"),
        (["schedule", "0 0 31 2 *", "--tz", "UTC"], "never falls due"),
        (["schedule", "0 3 * * *", "--tz", "Mars/Base"], "is not a time zone"),
    ] {
        let ran = allswell(&host, &words).await;
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(told), "{ran:?}");
    }
}

#[tokio::test]
async fn a_channel_is_tested_with_what_its_receiver_says() {
    let host = Host::new();
    let sink = Webhook::start(&host.at(9001), None).await;
    let channel = |name: &str, url: &str| format!("[[channel]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\n");
    let dead = format!("http://{}/hunter2", host.at(9002));
    let text = format!("[runtime]\ncommand = \"x\"\n{}{}", channel("ops", &sink.url()), channel("dead", &dead));
    fs::write(host.path("allswell.toml"), text).unwrap();
    let ran = allswell(&host, &["test-channel", "ops"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("✓ ops took it: "), "{ran:?}");
    assert_eq!(sink.told(), ["channel.test channel-ops"]);
    let ran = allswell(&host, &["test-channel", "--json"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    let document = ran.json();
    assert_eq!((&document[0]["taken"], &document[1]["taken"]), (&true.into(), &false.into()), "{document}");
    assert_eq!(document[1]["said"], "connection refused", "{document}");
    let ran = allswell(&host, &["test-channel", "op"]).await;
    assert_eq!((ran.code, ran.err.contains("there are ops, dead")), (2, true), "{ran:?}");
}
