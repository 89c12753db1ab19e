//! A container as the engine knows it, and how it ended.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::moment::Moment;

/// The label that says which app a container belongs to.
const APP: &str = "allswell.app";
/// The label that says which colour.
const COLOUR: &str = "allswell.colour";
/// The label that says what stands in it, where that is not the app.
const PART: &str = "allswell.part";
/// What Compose and Swarm call the service: `APP-COLOUR`.
const SERVICES: [&str; 2] = ["com.docker.compose.service", "com.docker.swarm.service.name"];

/// A container of a colour. Of a Swarm: a slot of its service, whichever task fills it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name: a replaced one may have the same.
    pub name: String,
    /// Its id: what its log is found by. None: nothing has run yet.
    pub id: Option<String>,
    /// Its colour.
    pub colour: Colour,
    /// What stands in it.
    pub holds: Holds,
    /// What it does now.
    pub life: Life,
    /// When it was started last.
    pub started_at: Option<Moment>,
    /// How it ended last, as far as the engine remembers.
    pub ended: Option<End>,
}

/// What stands in a container of a colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// An instance of the app.
    App,
    /// A heartbeat beside one, which beats under this name.
    Heartbeat {
        /// Its instance.
        instance: String,
    },
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Life {
    /// It has never run, or is on its way.
    Waiting,
    /// It runs.
    Running,
    /// It is held still.
    Paused,
    /// It has ended.
    Ended,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, by the engine's clock.
    pub at: Moment,
    /// Its exit code. None: it runs again, and the engine has forgotten.
    pub code: Option<i64>,
    /// It had used up its memory.
    pub out_of_memory: bool,
    /// The signal that somebody had sent it through the engine.
    pub sent: Option<String>,
    /// What the engine itself says of it.
    pub note: Option<String>,
}

/// What the engine says as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When, by the engine's clock.
    pub at: Moment,
    /// The container's name and id, where it is about one of a colour.
    pub of: Option<(String, String)>,
    /// What.
    pub what: Happened,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Somebody has sent it a signal.
    Signalled(String),
    /// It has used up its memory.
    OutOfMemory,
    /// It has ended, with this exit code.
    Ended(Option<i64>),
    /// Something else: worth a look.
    Other,
}

/// The colour that a container with these labels belongs to: by `allswell.colour`, unless `allswell.app` names another app; else by the
/// service's name, `APP-COLOUR`.
#[must_use]
pub fn colour_of(labels: &BTreeMap<String, String>, app: &str) -> Option<Colour> {
    if labels.get(APP).is_some_and(|named| named != app) {
        return None;
    }
    let labelled = labels.get(COLOUR).and_then(|word| word.parse().ok());
    labelled.or_else(|| SERVICES.iter().find_map(|label| colour_of_service(labels.get(*label)?, app)))
}

/// The colour that a service of this name runs: `APP-COLOUR`, or `STACK_APP-COLOUR`.
#[must_use]
pub fn colour_of_service(service: &str, app: &str) -> Option<Colour> {
    let of = |name: &str| name.strip_prefix(app)?.strip_prefix('-')?.parse().ok();
    of(service).or_else(|| of(service.split_once('_')?.1))
}

/// What a container with these labels holds: `allswell.part=heartbeat` is a heartbeat beside the app, which beats under this name.
#[must_use]
pub fn holds(labels: &BTreeMap<String, String>, instance: &str) -> Holds {
    match labels.get(PART).map(String::as_str) {
        Some("heartbeat") => Holds::Heartbeat { instance: instance.to_owned() },
        Some(_) | None => Holds::App,
    }
}

/// `ended with exit code 1`, `ran out of memory and was killed (exit code 137)`.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.out_of_memory, &self.sent, self.code) {
            (true, _, Some(code)) => write!(f, "ran out of memory and was killed (exit code {code})")?,
            (true, _, None) => f.write_str("ran out of memory and was killed")?,
            (false, Some(signal), Some(code)) => write!(f, "was sent {} by hand and ended with exit code {code}", signal_word(signal))?,
            (false, Some(signal), None) => write!(f, "was sent {} by hand and ended", signal_word(signal))?,
            (false, None, Some(code @ 129..=159)) => write!(f, "was ended by signal {} (exit code {code})", code - 128)?,
            (false, None, Some(code)) => write!(f, "ended with exit code {code}")?,
            (false, None, None) => f.write_str("ended; its exit code is not known")?,
        }
        match &self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}

fn signal_word(signal: &str) -> String {
    match signal {
        "9" => "signal 9 (kill)".to_owned(),
        "15" => "signal 15 (stop)".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_colour_is_known_by_its_label_or_by_its_service() {
        let of = |pairs: &[(&str, &str)]| colour_of(&labels(pairs), "shop");
        assert_eq!(of(&[("allswell.colour", "blue")]), Some(Colour::Blue));
        assert_eq!(of(&[("allswell.colour", "blue"), ("allswell.app", "shop")]), Some(Colour::Blue));
        assert_eq!(of(&[("allswell.colour", "blue"), ("allswell.app", "other")]), None, "another app's");
        assert_eq!(of(&[("com.docker.compose.service", "shop-green")]), Some(Colour::Green));
        assert_eq!(of(&[("com.docker.swarm.service.name", "shop-green")]), Some(Colour::Green));
        assert_eq!(of(&[("com.docker.swarm.service.name", "mine_shop-green")]), Some(Colour::Green));
        assert_eq!(of(&[("com.docker.compose.service", "shopgreen")]), None);
        assert_eq!(of(&[("com.docker.compose.service", "green")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn an_end_says_how_in_the_users_words() {
        let end = |code, sent: Option<&str>, out_of_memory| {
            End { at: Moment::default(), code, out_of_memory, sent: sent.map(str::to_owned), note: None }.to_string()
        };
        assert_eq!(end(Some(1), None, false), "ended with exit code 1");
        assert_eq!(end(Some(139), None, false), "was ended by signal 11 (exit code 139)");
        assert_eq!(end(Some(137), None, true), "ran out of memory and was killed (exit code 137)");
        assert_eq!(end(Some(137), Some("9"), false), "was sent signal 9 (kill) by hand and ended with exit code 137");
        assert_eq!(end(None, None, false), "ended; its exit code is not known");
    }
}
