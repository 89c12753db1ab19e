//! Whether a colour answers worse than the one before it.

use serde::{Deserialize, Serialize};

use super::colour::Colour;

/// What a colour has answered, counted from some moment on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// All of them.
    pub total: u64,
    /// Those with 5xx, and those that the app broke off.
    pub failed: u64,
}

/// What both have answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BothAnswers {
    /// Blue.
    pub blue: Answers,
    /// Green.
    pub green: Answers,
}

impl BothAnswers {
    /// Of one of them.
    #[must_use]
    pub fn of(self, colour: Colour) -> Answers {
        match colour {
            Colour::Blue => self.blue,
            Colour::Green => self.green,
        }
    }
}

impl Answers {
    /// Fewer prove nothing.
    pub const ENOUGH: u64 = 20;

    /// What came after an earlier count; none where the count has begun anew meanwhile.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self { total: self.total.checked_sub(earlier.total)?, failed: self.failed.checked_sub(earlier.failed)? })
    }

    fn percent(self) -> u64 {
        (self.failed.min(self.total) * 100).checked_div(self.total).unwrap_or(0)
    }

    /// Why these answers are worse than those before: more than so many percentage points more of them are 5xx.
    #[must_use]
    pub fn risen(self, before: Self, points: u32) -> Option<String> {
        let (now, then) = (self.percent(), before.percent());
        (self.total >= Self::ENOUGH && now > then + u64::from(points))
            .then(|| format!("{now}% of its {} answers were 5xx or broke off, {then}% before the switch", self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(total: u64, failed: u64) -> Answers {
        Answers { total, failed }
    }

    #[test]
    fn a_rise_is_told_from_what_was_there_before_and_from_too_few() {
        let told = answers(100, 12).risen(answers(1_000, 60), 5).unwrap();
        assert_eq!(told, "12% of its 100 answers were 5xx or broke off, 6% before the switch");
        assert_eq!(answers(100, 11).risen(answers(1_000, 60), 5), None);
        assert_eq!(answers(19, 19).risen(answers(1_000, 0), 5), None);
        assert!(answers(20, 20).risen(answers(0, 0), 5).is_some());
    }

    #[test]
    fn a_count_that_began_anew_says_nothing() {
        assert_eq!(answers(30, 3).since(answers(10, 1)), Some(answers(20, 2)));
        assert_eq!(answers(5, 0).since(answers(10, 1)), None);
    }
}
