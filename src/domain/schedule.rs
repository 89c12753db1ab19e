//! When a beat is due.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, MappedLocalTime, NaiveTime, Offset, TimeZone, Timelike};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use super::calendar::Calendar;
use super::moment::{Moment, humane};
use super::zone::{NotAZone, Zone};

/// A schedule that has no time from here on never has one.
const START: Moment = Moment::from_millis(0);

/// When the next beat is due after the last one.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// So long after each beat.
    Every(Duration),
    /// At the times of a cron expression in a time zone.
    Cron(Box<CronSchedule>),
    /// At the times of a calendar expression of systemd.
    Calendar(Box<CalendarSchedule>),
}

/// A calendar expression, in a zone unless it names one itself.
#[derive(Debug, Clone)]
pub struct CalendarSchedule {
    expression: String,
    calendar: Calendar,
    zone: Zone,
}

/// Five cron fields in a zone.
#[derive(Debug, Clone)]
pub struct CronSchedule {
    expression: String,
    cron: Cron,
    zone: Zone,
    pace: Pace,
}

/// What a change of the clocks does to a schedule, as in Debian's cron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// At stated times: each once a day, though the clock shows it twice.
    Stated,
    /// Any minute of stated hours.
    Minutes,
    /// Any hour: by the time that passes.
    Hours,
}

/// Why a schedule was refused, in the user's words.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Neither five fields nor a calendar expression.
    #[error(
        "\"{expression}\" has {fields} fields, and a cron schedule has five (minute hour day month weekday); \
         nor is it a calendar expression of systemd (Mon..Fri *-*-* 08:00): {why}"
    )]
    Neither {
        /// What was given.
        expression: String,
        /// How many words it has.
        fields: usize,
        /// Why it is no calendar expression.
        why: String,
    },
    /// A field was not understood.
    #[error("\"{0}\" is not a cron schedule: {1}")]
    Cron(String, String),
    /// No such zone.
    #[error(transparent)]
    Zone(#[from] NotAZone),
    /// It has no next time.
    #[error("\"{0}\" never falls due")]
    Never(String),
}

impl Schedule {
    /// Reads five cron fields, or else a calendar expression of systemd, and a zone's name.
    ///
    /// # Errors
    /// In the user's words, where the expression or the zone is not understood, or where it never falls due.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, ScheduleError> {
        let zone: Zone = zone.parse()?;
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let (schedule, first) = match <[&str; 5]>::try_from(fields) {
            Ok(fields) => {
                let cron = CronSchedule::new(expression, fields, zone)?;
                let first = cron.next(START);
                (Self::Cron(Box::new(cron)), first)
            }
            Err(fields) => {
                let calendar = CalendarSchedule::new(expression, fields.len(), zone)?;
                let first = calendar.next(START);
                (Self::Calendar(Box::new(calendar)), first)
            }
        };
        if first.is_none() { Err(ScheduleError::Never(expression.to_owned())) } else { Ok(schedule) }
    }

    /// How long past due is usual where nothing is said of it: twice the shortest time between two beats, at most an hour.
    #[must_use]
    pub fn usual_grace(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3_600);
        /// A week of working hours has its shortest time among so many.
        const LOOKED_AT: usize = 200;
        let shortest = match self {
            Self::Every(period) => *period,
            Self::Cron(_) | Self::Calendar(_) => {
                let next = |last: &Moment| Some(self.next(*last)).filter(|next| next > last);
                let times: Vec<Moment> = std::iter::successors(Some(self.next(START)), next).take(LOOKED_AT).collect();
                times.windows(2).map(|two| two[1].since(two[0])).min().unwrap_or(LONGEST)
            }
        };
        (shortest * 2).min(LONGEST)
    }

    /// Whether its times are those of a day, each once, though the clock shows it twice: as Debian's cron and systemd have it.
    #[must_use]
    pub fn is_stated(&self) -> bool {
        match self {
            Self::Every(_) => false,
            Self::Cron(cron) => cron.pace == Pace::Stated,
            Self::Calendar(_) => true,
        }
    }

    /// When the next beat is due after a beat at `last`.
    #[must_use]
    pub fn next(&self, last: Moment) -> Moment {
        let next = match self {
            Self::Every(period) => Some(last + *period),
            Self::Cron(cron) => cron.next(last),
            Self::Calendar(calendar) => calendar.next(last),
        };
        next.unwrap_or(Moment::from_millis(i64::MAX))
    }
}

impl CalendarSchedule {
    fn new(expression: &str, fields: usize, zone: Zone) -> Result<Self, ScheduleError> {
        let neither = |why| ScheduleError::Neither { expression: expression.to_owned(), fields, why };
        Ok(Self { expression: expression.to_owned(), calendar: expression.parse().map_err(neither)?, zone })
    }

    fn next(&self, after: Moment) -> Option<Moment> {
        self.calendar.next(after, &self.zone)
    }
}

impl CronSchedule {
    fn new(expression: &str, fields: [&str; 5], zone: Zone) -> Result<Self, ScheduleError> {
        let [minute, hour, day, _, weekday] = fields;
        // Debian's cron: both day fields must match where either begins with a star, else either is enough.
        let both_days = day.starts_with('*') || weekday.starts_with('*');
        let pace = match (minute.starts_with('*'), hour.starts_with('*')) {
            (_, true) => Pace::Hours,
            (true, false) => Pace::Minutes,
            (false, false) => Pace::Stated,
        };
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .dom_and_dow(both_days)
            .build()
            .parse(expression)
            .map_err(|error| ScheduleError::Cron(expression.to_owned(), error.to_string()))?;
        Ok(Self { expression: expression.to_owned(), cron, zone, pace })
    }

    /// As it was written.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone in which its times stand.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    fn next(&self, after: Moment) -> Option<Moment> {
        let after = after.to_utc().with_timezone(&self.zone);
        let mut next = self.cron.find_next_occurrence(&after, false).ok()?;
        while self.passes_over(&after, &next) {
            next = self.cron.find_next_occurrence(&next, false).ok()?;
        }
        Some(Moment::from(next.to_utc()))
    }

    /// Two cases around a change of the clocks in which croner differs from Debian's semantics as cronsim has them.
    fn passes_over(&self, after: &DateTime<Zone>, next: &DateTime<Zone>) -> bool {
        match self.pace {
            Pace::Hours => false,
            // The second of the two times that the clock shows alike.
            Pace::Stated => match self.zone.from_local_datetime(&next.naive_local()) {
                MappedLocalTime::Ambiguous(_, second) => *next == second,
                MappedLocalTime::Single(_) | MappedLocalTime::None => false,
            },
            Pace::Minutes => {
                let midnight = self.zone.from_local_datetime(&next.date_naive().and_time(NaiveTime::MIN)).earliest();
                let from = midnight.filter(|midnight| midnight > after).unwrap_or_else(|| after.clone());
                // Hours are counted from before the change: one that was moved by half an hour is entered in its middle.
                next.minute() < minutes_moved(&from, next)
            }
        }
    }
}

/// By how many minutes the clock was moved between two times, whole hours aside.
fn minutes_moved(from: &DateTime<Zone>, to: &DateTime<Zone>) -> u32 {
    let moved = to.offset().fix().local_minus_utc() - from.offset().fix().local_minus_utc();
    u32::try_from(moved.rem_euclid(3_600) / 60).unwrap_or(0)
}

/// In words that stand behind "due": `every 5s`, `at 0 3 * * * Europe/Riga`.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(period) => write!(f, "every {}", humane(*period)),
            Self::Cron(cron) => write!(f, "at {} {}", cron.expression, cron.zone),
            Self::Calendar(calendar) => write!(f, "at {} {}", calendar.expression, calendar.zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daily_job_is_due_at_its_local_hour() {
        let schedule = Schedule::parse("0 3 * * *", "Europe/Riga").unwrap();
        let next = schedule.next(Moment::from_millis(1_795_410_000_000));
        assert_eq!(next.to_utc().with_timezone(&"Europe/Riga".parse::<Zone>().unwrap()).format("%H:%M").to_string(), "03:00");
    }

    #[test]
    fn a_short_period_has_a_short_grace_and_none_has_more_than_an_hour() {
        let grace = |expression: &str| Schedule::parse(expression, "Europe/Riga").unwrap().usual_grace().as_secs();
        assert_eq!(["*/5 * * * *", "0,20 9-17 * * 1-5", "0 3 * * *", "*:0/10", "Mon 08:00"].map(grace), [600, 2_400, 3_600, 1_200, 3_600]);
        assert_eq!(
            [30, 1_800, 86_400].map(|period| Schedule::Every(Duration::from_secs(period)).usual_grace().as_secs()),
            [60, 3_600, 3_600]
        );
        // One that has a last time.
        assert_eq!(grace("2096-2-29"), 3_600);
    }

    #[test]
    fn a_schedule_that_never_falls_due_is_refused() {
        for (expression, zone) in [("0 0 31 2 *", "UTC"), ("* * * *", "UTC"), ("61 * * * *", "UTC"), ("* * * * *", "Mars/Base")] {
            assert!(Schedule::parse(expression, zone).is_err(), "{expression} {zone}");
        }
    }

    #[test]
    fn every_vector_of_debians_semantics_holds() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../tests/vectors/cron.json")).unwrap();
        let (valid, invalid) = (vectors["valid"].as_array().unwrap(), vectors["invalid"].as_array().unwrap());
        assert_eq!((valid.len(), invalid.len()), (940, 16));
        for case in valid {
            let schedule = Schedule::parse(text(&case["expr"]), text(&case["tz"])).unwrap();
            let after = |last: &Moment| Some(schedule.next(*last));
            let wanted: Vec<Moment> = case["next"].as_array().unwrap().iter().map(moment).collect();
            let got: Vec<Moment> = std::iter::successors(after(&moment(&case["after"])), after).take(wanted.len()).collect();
            assert_eq!(got, wanted, "{case}");
        }
        for expression in invalid {
            assert!(Schedule::parse(text(expression), "UTC").is_err(), "{expression}");
        }
    }

    fn text(value: &serde_json::Value) -> &str {
        value.as_str().unwrap()
    }

    fn moment(value: &serde_json::Value) -> Moment {
        Moment::from(text(value).parse::<DateTime<chrono::Utc>>().unwrap())
    }
}
