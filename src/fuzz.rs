//! What outsiders may send, read by whoever reads it: one target for every parser, and what must hold of whatever comes.
//!
//! Here only where it is tried: by the tests, which replay `fuzz/corpus` and change it at random, and by cargo-fuzz. A target panics where
//! something does not hold.

use crate::config::Config;
use crate::domain::moment::Moment;
use crate::domain::schedule::Schedule;
use crate::settings::parse_duration;
use crate::signing::Key;

/// A parser of outside input, tried with these bytes.
pub type Target = fn(&[u8]);

/// Every parser, by the name of its corpus.
pub const TARGETS: [(&str, Target); 18] = [
    ("alertmanager", crate::http::fuzz::alertmanager),
    ("beat", crate::http::fuzz::beat),
    ("caddy", crate::proxy::fuzz::caddy),
    ("chunked", |data| crate::proxy::embedded::fuzz::chunked(&pieces(data))),
    ("config", config),
    ("docker_lines", |data| crate::runtime::docker::fuzz::lines(&pieces(data))),
    ("duration", duration),
    ("forwarded", crate::proxy::embedded::fuzz::forwarded),
    ("haproxy", crate::proxy::fuzz::haproxy),
    ("head", crate::proxy::embedded::fuzz::head),
    ("maintenance", maintenance),
    ("page", crate::http::fuzz::page),
    ("ping_query", crate::http::fuzz::ping_query),
    ("ping_url", crate::http::fuzz::ping_url),
    ("schedule", schedule),
    ("signature", signature),
    ("standing", crate::proxy::fuzz::standing),
    ("websocket", |data| crate::proxy::embedded::fuzz::websocket(&pieces(data))),
];

/// Tries the target of this name: what cargo-fuzz calls.
pub fn run(name: &str, data: &[u8]) {
    for (_, target) in TARGETS.iter().filter(|(known, _)| *known == name) {
        target(data);
    }
}

/// As it may come: in pieces of the size that the first byte says.
fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let (size, rest) = data.split_first().map_or((0, data), |(size, rest)| (*size, rest));
    rest.chunks(usize::from(size % 17) + 1).collect()
}

/// `allswell.toml`: whatever is wrong with it is said with its line, and never ends us.
fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Err(problems) = Config::parse(text) else { return };
    assert!(!problems.is_empty(), "a config is refused without a word");
    assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
}

/// What is a duration is from 1 ms to a hundred years, and is read the same from its own milliseconds.
fn duration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(duration) = parse_duration(text) else { return };
    assert!(!duration.is_zero());
    assert_eq!(parse_duration(&format!("{}ms", duration.as_millis())), Ok(duration), "{text}");
}

/// A schedule falls due after the moment that it is asked for, again and again; the first byte chooses the moment and the zone.
fn schedule(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let zones = ["UTC", "Europe/Riga", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];
    let zone = zones.get(usize::from(*choice) % zones.len()).copied().unwrap_or_default();
    let Ok(schedule) = Schedule::parse(text, zone) else { return };
    let mut at = Moment::from_millis(i64::from(*choice) * 86_400_000 * 97);
    for _ in 0..3 {
        let next = schedule.next(at);
        assert!(next > at, "{text} in {zone} is due at {next}, asked for what comes after {at}");
        if next.as_millis() == i64::MAX {
            return;
        }
        at = next;
    }
}

/// A maintenance window, by `SCHEDULE;DURATION` or `FROM|TO`: whenever it is open, it ends.
fn maintenance(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let plain: String = text.chars().filter(|letter| !letter.is_control() && !"\"\\".contains(*letter)).collect();
    let given = match (plain.split_once('|'), plain.split_once(';')) {
        (Some((from, to)), _) => format!("from = \"{from}\"\nto = \"{to}\""),
        (None, Some((schedule, lasts))) => format!("schedule = \"{schedule}\"\nduration = \"{lasts}\""),
        (None, None) => return,
    };
    let Ok(loaded) = Config::parse(&format!("[[maintenance]]\nname = \"w\"\ntz = \"Europe/Riga\"\n{given}\n")) else { return };
    for window in &loaded.config.maintenance {
        let now = Moment::from_millis(1_795_000_000_000);
        assert!(window.open_until(now).is_none_or(|until| until > now), "{window:?}");
    }
}

/// Only the right signature is taken; the rest of the bytes is the body.
fn signature(data: &[u8]) {
    let (given, body) = data.split_at(data.len().min(64));
    let key = Key::new("a key of the fuzzer");
    let right = key.sign("POST", "/v1/beat", body);
    assert!(key.verify("POST", "/v1/beat", body, &right));
    let given = String::from_utf8_lossy(given);
    assert_eq!(key.verify("POST", "/v1/beat", body, &given), given == right);
    if let Ok(of_webhook) = Key::webhook(&format!("whsec_{given}")) {
        assert!(of_webhook.webhook_signature("id", 0, body).starts_with("v1,"));
    }
}

#[cfg(test)]
mod tests;
