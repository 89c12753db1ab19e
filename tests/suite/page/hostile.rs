//! HTML and JSON in whatever comes from outside: escaped in every page, message and log.

use allswell::domain::beat::{Beat, BeatKind, Health, Showing};
use allswell::domain::switch::Phase;

use super::stage::{Stage, TOKEN, deploy, in_three_days, switch};
use crate::harness::eventually;

/// Ends a tag, an attribute, a script, a CDATA section, a JSON text and a line of a log.
const HOSTILE: &str = "\"'><x-injected a=1></x-injected><script>pwned()</script>]]>&amp;{\"a\":1}\u{202e}\n{\"level\":\"fake\"}";

/// A piece of a path, with nothing left as it is.
fn path(text: &str) -> String {
    text.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02x}"))
}

/// Every page on which it can stand.
fn pages(name: &str, key: &str) -> Vec<String> {
    vec![
        "/".to_owned(),
        "/checks".to_owned(),
        format!("/checks?q={}", path(HOSTILE)),
        format!("/checks/{}", path(name)),
        "/checks/blue".to_owned(),
        "/incidents".to_owned(),
        format!("/incidents/{}", path(key)),
        "/switches".to_owned(),
        format!("/checks/{}", path(HOSTILE)),
        format!("/incidents/{}", path(HOSTILE)),
        format!("/sign-in?next={}", path(HOSTILE)),
        "/public".to_owned(),
        "/public/feed.rss".to_owned(),
        "/public/badge.svg".to_owned(),
        format!("/public/badge/{}.svg", path(name)),
    ]
}

#[tokio::test]
async fn whatever_a_name_a_body_a_reason_or_a_note_has_stays_text() {
    let name = HOSTILE.replace('\n', " ");
    let toml = name.replace('\\', "\\\\").replace('"', "\\\"");
    let stage = Stage::new(&format!(
        "[public]\nchecks = [\"{toml}\"]\ntitle = \"{toml}\"\n[[check]]\nname = \"{toml}\"\nslug = \"hostile\"\nperiod = \"1h\"\n\
         [[maintenance]]\nname = \"{toml}\"\nschedule = \"{}\"\nduration = \"1h\"\n",
        in_three_days()
    ))
    .await;
    let mut done = switch(1, 9, HOSTILE);
    done.steps[4].note = Some(HOSTILE.to_owned());
    done.asked.forced = Some(HOSTILE.to_owned());
    let mut failed = deploy(2, 5, Phase::Refused, Some(HOSTILE));
    failed.asked.version = Some(HOSTILE.to_owned());
    stage.prober_says(vec![failed, done]).await;
    stage.found("blue", Health::not_good(Showing::Bad, HOSTILE), Some(&HOSTILE[..60])).await;
    let mut beat = Beat { body: Some(HOSTILE.to_owned()), ..stage.sender.beat(&name, BeatKind::Fail) };
    beat.health = Some(Health::not_good(Showing::Bad, HOSTILE));
    beat.identity.instance = name.clone();
    assert_eq!(stage.sender.send(&beat).await, Some(200));
    let key = stage.incident(&name).await;
    let (cookie, origin) = (stage.sign_in(TOKEN).await, stage.url(""));
    let note = format!("note={}&for=1h", path(HOSTILE));
    for act in [format!("/incidents/{}/acknowledge", path(&key)), format!("/checks/{}/mute", path(&name))] {
        let answer = stage.post(&act, &[("cookie", &cookie), ("origin", &origin)], &note).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }
    for page in pages(&name, &key) {
        let answer = stage.get(&page, &[("cookie", &cookie)]).await;
        assert!(!answer.text.contains("<x-injected") && !answer.text.contains("pwned()</script>"), "{page}: {}", answer.text);
        assert!(
            answer.status == 404 || page.starts_with("/sign-in") || answer.text.contains("&lt;x-injected"),
            "{page} does not show it: {}",
            answer.text
        );
    }
    let told = eventually("the channel is told", || async {
        stage.sink.taken().into_iter().find(|taken| taken.body["data"]["check"] == name.as_str())
    })
    .await;
    assert!(told.body["data"]["reason"].as_str().unwrap().contains("<x-injected"), "as it came, within the JSON: {}", told.body);
    let log = std::fs::read_to_string(stage.host.path("watcher.log")).unwrap();
    assert!(log.contains("muted") && log.contains("acknowledged"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("{\"level\":\"fake\"}")), "a line of somebody else's: {log}");
}
