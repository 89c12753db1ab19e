//! Where a switch stands, and what a prober does that finds one unfinished.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::colour::Colour;

/// What stands beside *gated* where `--force` left the gate out, before the reason.
pub const SKIPPED: &str = "the gate was skipped";

/// By whom a switch was made that somebody ordered from the proxy itself, where that does not say who.
pub const OUTSIDE: &str = "outside the prober";

/// Why such a switch had no gate.
pub const DIRECTLY: &str = "directly at the proxy";

/// The phases of a switch, as the journal keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Written down; nothing done yet.
    Intended,
    /// The gate opened.
    Gated,
    /// The proxy changed colour: acknowledged.
    Shifted,
    /// The front door proved it.
    Verified,
    /// Old requests have finished, or their time is over; now it is observed.
    Drained,
    /// The end, as asked.
    Done,
    /// The end: the gate or the proxy refused; nothing was changed.
    Refused,
    /// The end: it was taken back.
    Reverted,
    /// The end: it should have been taken back and could not, because the old colour fails too.
    Stayed,
    /// The end: the prober died before the shift, its time was over, or somebody else has ordered the proxy meanwhile. Nothing is changed for that.
    Interrupted,
}

/// By whom such a switch was made, as far as the proxy says it.
#[must_use]
pub fn outside(by: Option<&str>) -> String {
    by.map_or(OUTSIDE.to_owned(), |by| format!("{by} {OUTSIDE}"))
}

impl Phase {
    /// How a switch can end.
    pub const ENDS: [Self; 5] = [Self::Done, Self::Refused, Self::Reverted, Self::Stayed, Self::Interrupted];

    /// Every one, in their order.
    pub const ALL: [Self; 10] = [
        Self::Intended,
        Self::Gated,
        Self::Shifted,
        Self::Verified,
        Self::Drained,
        Self::Done,
        Self::Refused,
        Self::Reverted,
        Self::Stayed,
        Self::Interrupted,
    ];

    /// The word in journal, metrics and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Gated => "gated",
            Self::Shifted => "shifted",
            Self::Verified => "verified",
            Self::Drained => "drained",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Reverted => "reverted",
            Self::Stayed => "stayed",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        Self::ENDS.contains(&self)
    }

    /// Whether a power cut may take it out of the journal before the next is reached: a prober that finds a switch unfinished goes by what the
    /// proxy says, and does the same with an open gate as before it.
    #[must_use]
    pub fn may_be_lost(self) -> bool {
        self == Self::Gated
    }

    /// Whether a switch that stands here may stand there next. What is over stays as it is, and nothing is skipped: but a prober that finds the
    /// proxy on the new colour verifies from wherever its predecessor stood.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match next {
            _ if self.is_over() => false,
            Self::Intended => false,
            Self::Gated => self == Self::Intended,
            Self::Shifted => self == Self::Gated,
            Self::Verified => matches!(self, Self::Intended | Self::Gated | Self::Shifted),
            Self::Drained => self == Self::Verified,
            Self::Done => self == Self::Drained,
            Self::Refused => matches!(self, Self::Intended | Self::Gated),
            Self::Reverted | Self::Stayed | Self::Interrupted => true,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not a phase.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a phase of a switch")]
pub struct NotAPhase(String);

impl FromStr for Phase {
    type Err = NotAPhase;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word).ok_or_else(|| NotAPhase(word.to_owned()))
    }
}

/// What the proxy says when it is asked for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyAnswer {
    /// It answered: its live colour, none if undefined.
    Live(Option<Colour>),
    /// It did not answer.
    Silent,
}

/// What to do with a switch that was found unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It is over already.
    Nothing,
    /// The proxy is still on the old colour: close it as interrupted.
    Interrupt,
    /// The proxy is on the new colour, unproven: verify, then on or back.
    Verify,
    /// Proven: drain, observe and finish.
    Finish,
    /// The proxy is silent or undefined: alarm, change nothing, ask again.
    Alarm,
}

/// Decides on a journalled switch to `target` that stands at `phase`.
#[must_use]
pub fn recover(phase: Phase, target: Colour, proxy: ProxyAnswer) -> Recovery {
    match (phase, proxy) {
        (Phase::Done | Phase::Refused | Phase::Reverted | Phase::Stayed | Phase::Interrupted, _) => Recovery::Nothing,
        (_, ProxyAnswer::Silent | ProxyAnswer::Live(None)) => Recovery::Alarm,
        (_, ProxyAnswer::Live(Some(live))) if live != target => Recovery::Interrupt,
        (Phase::Intended | Phase::Gated | Phase::Shifted, ProxyAnswer::Live(Some(_))) => Recovery::Verify,
        (Phase::Verified | Phase::Drained, ProxyAnswer::Live(Some(_))) => Recovery::Finish,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_read_back_as_it_was_written() {
        for phase in Phase::ALL {
            assert_eq!(phase.to_string().parse::<Phase>().unwrap(), phase);
        }
    }

    #[test]
    fn a_switch_goes_from_phase_to_phase_and_from_its_end_nowhere() {
        use Phase::{Done, Drained, Gated, Intended, Interrupted, Refused, Reverted, Shifted, Stayed, Verified};
        let broken_off = [Reverted, Stayed, Interrupted];
        for (phase, on) in [
            (Intended, vec![Gated, Verified, Refused]),
            (Gated, vec![Shifted, Verified, Refused]),
            (Shifted, vec![Verified]),
            (Verified, vec![Drained]),
            (Drained, vec![Done]),
        ] {
            for next in Phase::ALL {
                assert_eq!(phase.may_become(next), on.contains(&next) || broken_off.contains(&next), "{phase} to {next}");
            }
        }
        for over in [Done, Refused, Reverted, Stayed, Interrupted] {
            assert!(!Phase::ALL.iter().any(|next| over.may_become(*next)), "{over} is over");
        }
    }

    #[test]
    fn whether_a_phase_that_a_power_cut_may_take_is_there_changes_nothing() {
        use ProxyAnswer::{Live, Silent};
        let answers = [Live(Some(Colour::Blue)), Live(Some(Colour::Green)), Live(None), Silent];
        for phase in Phase::ALL.into_iter().filter(|phase| phase.may_be_lost()) {
            assert!(Phase::Intended.may_become(Phase::Verified) && phase.may_become(Phase::Verified));
            for answer in answers {
                assert_eq!(recover(phase, Colour::Green, answer), recover(Phase::Intended, Colour::Green, answer), "{phase} {answer:?}");
            }
        }
    }

    #[test]
    fn recovery_asks_the_proxy_and_never_guesses() {
        use ProxyAnswer::{Live, Silent};
        let (old, new) = (Some(Colour::Blue), Some(Colour::Green));
        for (phase, proxy, wanted) in [
            (Phase::Intended, Live(old), Recovery::Interrupt),
            (Phase::Gated, Live(old), Recovery::Interrupt),
            (Phase::Gated, Live(new), Recovery::Verify),
            (Phase::Shifted, Live(new), Recovery::Verify),
            (Phase::Verified, Live(new), Recovery::Finish),
            (Phase::Drained, Live(new), Recovery::Finish),
            (Phase::Shifted, Silent, Recovery::Alarm),
            (Phase::Shifted, Live(None), Recovery::Alarm),
            (Phase::Done, Silent, Recovery::Nothing),
        ] {
            assert_eq!(recover(phase, Colour::Green, proxy), wanted, "{phase} {proxy:?}");
        }
    }
}
