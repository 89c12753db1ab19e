//! Maintenance windows: once, or by a schedule. What happens within is recorded and shown, and told only if it is there at the end.

use std::time::Duration;

use super::moment::Moment;
use super::schedule::Schedule;

/// A time in which nothing is told of some checks.
#[derive(Debug, Clone)]
pub struct Window {
    /// Its name, for people.
    pub name: String,
    /// The checks; none given is all of them.
    pub checks: Vec<String>,
    /// When it is open.
    pub when: When,
}

/// When a window is open.
#[derive(Debug, Clone)]
pub enum When {
    /// Once.
    Once {
        /// From then on.
        from: Moment,
        /// Until then.
        to: Moment,
    },
    /// Again and again.
    Again {
        /// When it opens.
        schedule: Schedule,
        /// How long it stays open.
        lasts: Duration,
    },
}

impl Window {
    /// Whether it is about this check.
    #[must_use]
    pub fn concerns(&self, check: &str) -> bool {
        self.checks.is_empty() || self.checks.iter().any(|named| named == check)
    }

    /// From when until when it is open, now or next. None: it was open for the last time.
    #[must_use]
    pub fn next(&self, now: Moment) -> Option<(Moment, Moment)> {
        match &self.when {
            When::Once { from, to } => (now < *to).then_some((*from, *to)),
            When::Again { schedule, lasts } => {
                let opens = schedule.next(now - *lasts);
                (opens.as_millis() < i64::MAX).then(|| (opens, opens + *lasts))
            }
        }
    }

    /// Where it is open at `now`: until when. One that opens again before it closes is asked again then.
    #[must_use]
    pub fn open_until(&self, now: Moment) -> Option<Moment> {
        match &self.when {
            When::Once { from, to } => (*from <= now && now < *to).then_some(*to),
            When::Again { schedule, lasts } => {
                // The first opening from which it is still open now.
                let opened = schedule.next(now - *lasts);
                (opened <= now).then(|| opened + *lasts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap())
    }

    #[test]
    fn a_window_that_is_open_once_is_open_from_its_beginning_to_its_end() {
        let window = Window {
            name: "move".into(),
            checks: Vec::new(),
            when: When::Once { from: at("2026-01-01T02:00:00Z"), to: at("2026-01-01T03:00:00Z") },
        };
        assert_eq!(window.open_until(at("2026-01-01T01:59:59Z")), None);
        assert_eq!(window.open_until(at("2026-01-01T02:00:00Z")), Some(at("2026-01-01T03:00:00Z")));
        assert_eq!(window.open_until(at("2026-01-01T03:00:00Z")), None);
        assert!(window.concerns("anything"));
    }

    #[test]
    fn a_window_by_schedule_keeps_to_its_zone_through_a_change_of_the_clocks() {
        let schedule = Schedule::parse("30 2 * * 0", "Europe/Riga").unwrap();
        let window =
            Window { name: "sunday".into(), checks: vec!["a".into()], when: When::Again { schedule, lasts: Duration::from_secs(3_600) } };
        // Winter: UTC+2. Summer: UTC+3.
        assert_eq!(window.open_until(at("2026-01-04T00:30:00Z")), Some(at("2026-01-04T01:30:00Z")));
        assert_eq!(window.open_until(at("2026-01-04T01:30:00Z")), None);
        assert_eq!(window.open_until(at("2026-07-04T23:45:00Z")), Some(at("2026-07-05T00:30:00Z")));
        assert_eq!(window.open_until(at("2026-07-04T23:29:59Z")), None);
        assert!(!window.concerns("b"));
    }
}
