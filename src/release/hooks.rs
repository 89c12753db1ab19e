//! `[[switch.hook]]`: the user's own commands and webhooks before and after each phase.

use std::time::Duration;

use serde_json::json;

use crate::clock;
use crate::domain::moment::humane;
use crate::net::client::{explain, http};
use crate::program;
use crate::settings::{Secret, Section, words};
use crate::store::Entry;

/// What a switch does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// The colour is proven fit.
    Gate,
    /// The proxy changes colour.
    Shift,
    /// The front door proves it.
    Verify,
    /// Old requests finish.
    Drain,
    /// A bad switch is taken back.
    Observe,
}

/// Before it or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A hook that fails then refuses the switch, or has it taken back.
    Before,
    /// Its outcome is told, and changes nothing.
    After,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callee {
    /// A command, its words; it has to end with exit code 0.
    Command(Vec<String>),
    /// A URL that is posted to; it has to answer 2xx.
    Url(Secret),
}

/// One `[[switch.hook]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// `before gate`, `after drain`, ...
    pub at: (When, Doing),
    /// What is called: `command`, where `{colour}` stands for the colour that goes live, or `url`.
    pub callee: Callee,
    /// How long it may take. Default: 30 s.
    pub timeout: Duration,
}

const MOMENTS: [(&str, (When, Doing)); 10] = [
    ("before gate", (When::Before, Doing::Gate)),
    ("after gate", (When::After, Doing::Gate)),
    ("before shift", (When::Before, Doing::Shift)),
    ("after shift", (When::After, Doing::Shift)),
    ("before verify", (When::Before, Doing::Verify)),
    ("after verify", (When::After, Doing::Verify)),
    ("before drain", (When::Before, Doing::Drain)),
    ("after drain", (When::After, Doing::Drain)),
    ("before observe", (When::Before, Doing::Observe)),
    ("after observe", (When::After, Doing::Observe)),
];

impl Hook {
    /// Reads one; none where it is wrong.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        if !section.is_given("at") {
            section.error("at", "is missing: say when, as in \"before shift\"");
        }
        let at = section.one_of("at", &MOMENTS);
        let (command, url) = (section.text("command"), section.secret("url"));
        let timeout = section.duration_or("timeout", Duration::from_secs(30));
        let callee = match (command, url) {
            (Some(command), None) => words(&command).map(Callee::Command).map_err(|why| section.error("command", why)).ok(),
            (None, Some(url)) => Some(Callee::Url(url)),
            (Some(_), Some(_)) | (None, None) => {
                section.error("command", "give a command or a url, and not both");
                None
            }
        };
        section.finish();
        Some(Self { at: at?, callee: callee?, timeout })
    }

    /// When it is called, in words.
    #[must_use]
    pub fn moment(&self) -> &'static str {
        MOMENTS.iter().find(|(_, at)| *at == self.at).map_or("", |(words, _)| words)
    }

    /// Calls it for a switch. What came of it, in words, for the journal.
    ///
    /// # Errors
    /// Why it failed.
    pub(super) async fn call(&self, entry: &Entry) -> Result<String, String> {
        let began = clock::elapsed();
        let called = match &self.callee {
            Callee::Command(words) => self.run(words, entry).await,
            Callee::Url(url) => self.post(url, entry).await,
        };
        called.map_err(|why| format!("the hook {}: {why}", self.moment()))?;
        Ok(format!("the hook {} took {}", self.moment(), humane(clock::elapsed().saturating_sub(began))))
    }

    async fn run(&self, words: &[String], entry: &Entry) -> Result<(), String> {
        let colour = entry.asked.target;
        let words: Vec<String> = words.iter().map(|word| word.replace("{colour}", colour.as_str())).collect();
        let environment = [
            ("ALLSWELL_COLOUR", colour.to_string()),
            ("ALLSWELL_HOOK", self.moment().to_owned()),
            ("ALLSWELL_SWITCH", entry.id.to_string()),
            ("ALLSWELL_EPOCH", entry.epoch.to_string()),
            ("ALLSWELL_BY", entry.asked.by.clone()),
        ];
        program::run(&words, &environment, self.timeout).await.map(drop).map_err(|error| error.to_string())
    }

    async fn post(&self, url: &Secret, entry: &Entry) -> Result<(), String> {
        let url = url.reveal().map_err(|error| error.to_string())?;
        let data =
            json!({ "hook": self.moment(), "colour": entry.asked.target, "switch": entry.id, "epoch": entry.epoch, "by": entry.asked.by });
        let body = json!({ "type": "switch.hook", "timestamp": clock::now(), "data": data });
        let client = http(self.timeout).map_err(|error| error.to_string())?;
        let answer = client.post(url).json(&body).send().await.map_err(explain)?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answered {}", answer.status().as_u16())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (Option<Hook>, String) {
        let document = Document::parse(text);
        let hook = Hook::read(document.root());
        let (errors, ..) = document.finish();
        (hook, errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_hook_is_a_moment_and_a_callee() {
        let hook = read("at = \"before shift\"\ncommand = \"./warm {colour}\"\ntimeout = \"5s\"\n").0.unwrap();
        assert_eq!((hook.moment(), hook.timeout.as_secs()), ("before shift", 5));
        assert!(read("command = \"x\"\n").1.contains("at: is missing"));
        assert!(read("at = \"during shift\"\ncommand = \"x\"\n").1.contains("\"during shift\" is not known: one of before gate"));
        assert!(read("at = \"after gate\"\n").1.contains("give a command or a url"));
    }
}
