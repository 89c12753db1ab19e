//! `[switch.gate]`: what a colour has to show beyond passing probes.

use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::header::HeaderName;

use crate::probe::Wanted;
use crate::settings::{Section, words};

/// `[switch.gate]`: asked of every instance once its probes pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criteria {
    /// What is asked for. Default: `app.health`.
    pub path: Option<String>,
    /// What the answer has to be. Default: a 2xx.
    pub wanted: Wanted,
    /// A path at which a WebSocket has to open. Default: none.
    pub websocket: Option<String>,
    /// A command that has to end with exit code 0, its words; `{colour}` and `{address}` stand for what they say. Default: none.
    pub smoke: Vec<String>,
    /// How long that may take. Default: 1 min.
    pub smoke_timeout: Duration,
    /// Whether a watcher has to see the colour's heartbeats well. Default: false.
    pub heartbeats: bool,
}

impl Criteria {
    /// Reads `[switch.gate]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let [path, websocket] = ["path", "websocket"].map(|key| {
            let path = section.text(key);
            if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
                section.error(key, "must be a path that begins with /");
            }
            path
        });
        let status = section.texts("status").iter().filter_map(|text| told(&section, "status", status(text))).collect();
        let headers = section.texts("header").iter().filter_map(|text| told(&section, "header", header(text))).collect();
        let wanted = Wanted { status, headers, contains: section.text("contains"), latency: section.duration("latency") };
        let smoke = section.text("smoke").and_then(|text| told(&section, "smoke", words(&text).map_err(str::to_owned)));
        let criteria = Self {
            path,
            wanted,
            websocket,
            smoke: smoke.unwrap_or_default(),
            smoke_timeout: section.duration_or("smoke_timeout", Duration::from_secs(60)),
            heartbeats: section.flag_or("heartbeats", false),
        };
        section.finish();
        criteria
    }

    /// Whether anything is asked over HTTP beyond the probes.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.path.is_some() || self.wanted != Wanted::default()
    }
}

fn told<T>(section: &Section<'_>, key: &str, read: Result<T, String>) -> Option<T> {
    read.map_err(|why| section.error(key, why)).ok()
}

/// `200`, or `200-299`.
fn status(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    let range = number(first).zip(number(last)).filter(|(first, last)| first <= last).map(|(first, last)| first..=last);
    range.ok_or_else(|| format!("\"{text}\" is not a status: say \"200\" or \"200-299\""))
}

/// `x-version: 7`, or `x-version`.
fn header(text: &str) -> Result<(HeaderName, Option<String>), String> {
    let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value.trim().to_owned())));
    let name = name.trim().parse().map_err(|_| format!("\"{text}\" is not a header: say \"name\" or \"name: value\""))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (Criteria, Vec<String>) {
        let document = Document::parse(text);
        let criteria = Criteria::read(document.root());
        let (errors, ..) = document.finish();
        (criteria, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_wanted_is_read_and_nothing_is_wanted_by_default() {
        let (criteria, errors) =
            read("status = [\"200\", \"300-399\"]\nheader = \"X-Version: 7\"\nlatency = \"200ms\"\nsmoke = \"./smoke '{colour} x'\"\n");
        assert_eq!(errors, [""; 0]);
        assert_eq!(criteria.wanted.status, [200..=200, 300..=399]);
        assert_eq!(criteria.wanted.headers, [("x-version".parse().unwrap(), Some("7".to_owned()))]);
        assert_eq!((criteria.smoke.len(), criteria.asks(), read("").0.asks()), (2, true, false));
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let told = read("path = \"ready\"\nstatus = \"2xx\"\nheader = \"a b: c\"\nsmoke = \"'x\"\n").1.join("\n");
        for words in ["path: must be a path", "\"2xx\" is not a status", "\"a b: c\" is not a header", "smoke: has a quote"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
