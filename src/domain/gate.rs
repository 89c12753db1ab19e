//! Whether a colour is fit to go live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::beat::Showing;
use super::moment::Moment;

/// One probe of a target, as the prober remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When it ended.
    pub at: Moment,
    /// What it showed.
    pub showing: Showing,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// Why it is not good, in the user's words.
    pub reason: Option<String>,
}

impl Observation {
    /// When it began, at the earliest: what is kept are whole milliseconds.
    #[must_use]
    pub fn began(&self) -> Moment {
        const ROUNDED: u64 = 1;
        self.at - Duration::from_millis(self.latency_ms + ROUNDED)
    }

    /// Slow answers pass; bad ones do not.
    #[must_use]
    pub fn passed(&self) -> bool {
        matches!(self.showing, Showing::Good | Showing::Slow)
    }
}

/// The gate's rule.
#[derive(Debug, Clone, Copy)]
pub struct GateRule {
    /// Passes in a row.
    pub passes: u32,
    /// The newest pass must be younger than this.
    pub every: Duration,
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// Go on.
    Open,
    /// Not yet, and why, in the user's words.
    Shut(String),
}

impl GateRule {
    /// Decides on what was observed, oldest first. What is unknown fails.
    #[must_use]
    pub fn decide(&self, observed: &[Observation], now: Moment) -> Gate {
        let passes = observed.iter().rev().take_while(|probe| probe.passed()).count();
        let wanted = usize::try_from(self.passes.max(1)).unwrap_or(usize::MAX);
        match observed.last() {
            None => Gate::Shut("it was never probed".into()),
            Some(last) if !last.passed() => {
                Gate::Shut(format!("the last probe failed: {}", last.reason.as_deref().unwrap_or("no reason given")))
            }
            Some(last) if now.since(last.at) > self.every => Gate::Shut("the last probe is too old".into()),
            Some(_) if passes < wanted => Gate::Shut(format!("{passes} of {wanted} probes in a row have passed")),
            Some(_) => Gate::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(second: i64, showing: Showing) -> Observation {
        Observation { at: Moment::from_millis(second * 1_000), showing, status: None, latency_ms: 1, reason: Some("answered 500".into()) }
    }

    fn decide(probes: &[(i64, Showing)], now: i64) -> Gate {
        let observed: Vec<_> = probes.iter().map(|(second, showing)| probe(*second, *showing)).collect();
        GateRule { passes: 2, every: Duration::from_secs(5) }.decide(&observed, Moment::from_millis(now * 1_000))
    }

    #[test]
    fn it_opens_on_fresh_passes_in_a_row_and_on_nothing_else() {
        use Showing::{Bad, Good, Slow};
        assert_eq!(decide(&[(1, Bad), (2, Good), (3, Slow)], 4), Gate::Open);
        assert_eq!(decide(&[], 4), Gate::Shut("it was never probed".into()));
        assert_eq!(decide(&[(1, Good), (2, Good)], 9), Gate::Shut("the last probe is too old".into()));
        assert_eq!(decide(&[(2, Bad), (3, Good)], 4), Gate::Shut("1 of 2 probes in a row have passed".into()));
        assert_eq!(decide(&[(1, Good), (2, Good), (3, Bad)], 4), Gate::Shut("the last probe failed: answered 500".into()));
    }
}
