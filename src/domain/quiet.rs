//! Told to be quiet, for a stated time: by hand, or by a maintenance window. Nothing is quiet for ever.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::maintenance::Window;
use super::moment::Moment;

/// How a check is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuietKind {
    /// What happens is recorded and shown, and not told.
    Mute,
    /// Nothing is expected of it.
    Pause,
}

/// A check that somebody has told to be quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The check.
    pub check: String,
    /// How it is quiet.
    pub kind: QuietKind,
    /// Who said so: user and host.
    pub by: String,
    /// When.
    pub since: Moment,
    /// Until when.
    pub until: Moment,
    /// Why, in their words.
    pub note: Option<String>,
}

/// Why nothing is told of a check now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hush {
    /// When to look again.
    pub until: Moment,
    /// In words.
    pub why: String,
}

impl QuietKind {
    /// The word that people read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mute => "muted",
            Self::Pause => "paused",
        }
    }
}

/// `blue muted by ann@desk until 2026-11-24T03:00:00.000Z (new disk)`.
impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} by {} until {}", self.check, self.kind.as_str(), self.by, self.until)?;
        self.note.iter().try_for_each(|note| write!(f, " ({note})"))
    }
}

/// Whether nothing is to be told of a check at `now`, and why: the quiet that lasts longest.
#[must_use]
pub fn hushed(check: &str, by_hand: &[Quiet], windows: &[Window], now: Moment) -> Option<Hush> {
    let muted = by_hand.iter().filter(|quiet| quiet.check == check && quiet.kind == QuietKind::Mute && now < quiet.until);
    let muted = muted.map(|quiet| Hush { until: quiet.until, why: format!("muted by {} until {}", quiet.by, quiet.until) });
    let windows = windows.iter().filter(|window| window.concerns(check)).filter_map(|window| {
        let until = window.open_until(now)?;
        Some(Hush { until, why: format!("maintenance \"{}\" until {until}", window.name) })
    });
    muted.chain(windows).max_by_key(|hush| hush.until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::maintenance::When;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn quiet(kind: QuietKind, until: i64) -> Quiet {
        Quiet { check: "blue".into(), kind, by: "ann@desk".into(), since: at(0), until: at(until), note: None }
    }

    #[test]
    fn a_mute_holds_for_its_check_and_its_time_and_no_longer() {
        let muted = [quiet(QuietKind::Mute, 10)];
        assert_eq!(hushed("blue", &muted, &[], at(9)).unwrap().until, at(10));
        assert_eq!(hushed("blue", &muted, &[], at(10)), None);
        assert_eq!(hushed("green", &muted, &[], at(9)), None);
        assert_eq!(hushed("blue", &[quiet(QuietKind::Pause, 10)], &[], at(9)), None, "a pause is no mute: nothing happens in it");
    }

    #[test]
    fn of_a_mute_and_a_window_the_longer_holds() {
        let window = Window { name: "night".into(), checks: vec!["blue".into()], when: When::Once { from: at(5), to: at(20) } };
        let hush = hushed("blue", &[quiet(QuietKind::Mute, 10)], std::slice::from_ref(&window), at(6)).unwrap();
        assert_eq!((hush.until, hush.why.starts_with("maintenance \"night\"")), (at(20), true));
        assert_eq!(hushed("green", &[], &[window], at(6)), None);
    }
}
