//! What each of the last days was like, for people who look back.

use std::time::Duration;

use super::incident::Incident;
use super::moment::Moment;
use super::status::Status;

/// A day in UTC.
pub const DAY: Duration = Duration::from_secs(86_400);

/// One day of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its midnight, UTC.
    pub from: Moment,
    /// Something is known of it: it is not before the check was there.
    pub is_known: bool,
    /// How long the check was down in it.
    pub down: Duration,
    /// How long it was doing poorly.
    pub poorly: Duration,
    /// The incidents that touch it, by their place among those that were given.
    pub incidents: Vec<usize>,
}

/// The last `count` days up to today, oldest first. `known_since`: before that, nothing is known.
#[must_use]
pub fn days(incidents: &[Incident], known_since: Moment, count: u32, now: Moment) -> Vec<Day> {
    let day_ms = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    let today = Moment::from_millis(now.as_millis().div_euclid(day_ms) * day_ms);
    (0..count).rev().map(|ago| day(incidents, known_since, today - DAY * ago, now)).collect()
}

fn day(incidents: &[Incident], known_since: Moment, from: Moment, now: Moment) -> Day {
    let to = (from + DAY).min(now);
    let mut day = Day { from, is_known: to > known_since, down: Duration::ZERO, poorly: Duration::ZERO, incidents: Vec::new() };
    for (place, incident) in incidents.iter().enumerate() {
        let (since, until) = (incident.since.max(from), incident.resolved_at.unwrap_or(now).min(to));
        // One that began and ended in the same moment belongs to its day all the same.
        if incident.since >= to || incident.resolved_at.is_some_and(|end| end < from) {
            continue;
        }
        day.is_known = true;
        day.incidents.push(place);
        match incident.status {
            Status::Poorly => day.poorly += until.since(since),
            _ => day.down += until.since(since),
        }
    }
    day
}

/// The part of the known time in which the check was not down, in hundredths of a percent, rounded down; none where nothing is known.
#[must_use]
pub fn uptime(days: &[Day], known_since: Moment, now: Moment) -> Option<u32> {
    let known: Duration =
        days.iter().filter(|day| day.is_known).map(|day| (day.from + DAY).min(now).since(day.from.max(known_since))).sum();
    let down: Duration = days.iter().map(|day| day.down).sum();
    let (known, down) = (known.as_millis(), down.as_millis());
    if known == 0 {
        return None;
    }
    u32::try_from((known.saturating_sub(down)) * 10_000 / known).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::flip::Reason;
    use crate::domain::severity::Severity;

    const HOUR_MS: i64 = 3_600_000;

    fn incident(status: Status, from_hour: i64, to_hour: Option<i64>) -> Incident {
        let at = |hour: i64| Moment::from_millis(hour * HOUR_MS);
        Incident {
            key: format!("a-{from_hour}"),
            check: "a".into(),
            status,
            severity: Severity::Warning,
            since: at(from_hour),
            reason: Reason::Recovered,
            cause: None,
            flips: 1,
            resolved_at: to_hour.map(at),
        }
    }

    #[test]
    fn an_incident_over_midnight_counts_in_both_days_and_an_open_one_until_now() {
        let now = Moment::from_millis(72 * HOUR_MS + 6 * HOUR_MS);
        let all = [incident(Status::Down, 23, Some(25)), incident(Status::Poorly, 76, None)];
        let days = days(&all, Moment::from_millis(0), 4, now);
        let hours = |duration: Duration| duration.as_secs() / 3_600;
        let seen: Vec<_> = days.iter().map(|day| (hours(day.down), hours(day.poorly), day.incidents.clone())).collect();
        assert_eq!(seen, [(1, 0, vec![0]), (1, 0, vec![0]), (0, 0, vec![]), (0, 2, vec![1])]);
        assert_eq!(uptime(&days, Moment::from_millis(0), now), Some(9_743), "76 of 78 hours");
    }

    #[test]
    fn before_a_check_was_there_nothing_is_known_of_it() {
        let now = Moment::from_millis(72 * HOUR_MS);
        let known_since = Moment::from_millis(30 * HOUR_MS);
        let days = days(&[], known_since, 4, now);
        assert_eq!(days.iter().map(|day| day.is_known).collect::<Vec<_>>(), [false, true, true, true]);
        assert_eq!(uptime(&days, known_since, now), Some(10_000));
        assert_eq!(uptime(&days[..1], known_since, now), None);
    }
}
