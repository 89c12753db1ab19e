//! The search for the next time: from the year down to the second, and again from the top where a field has rolled over.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike};

use super::expression::Calendar;
use crate::domain::zone::Zone;

/// systemd looks no further.
const LAST_YEAR: i64 = 2199;
const SECOND: i64 = 1_000_000;

/// A time that a clock on the wall shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local {
    date: NaiveDate,
    hour: i64,
    minute: i64,
    micros: i64,
}

impl Local {
    pub(super) fn just_after(time: &DateTime<Zone>) -> Self {
        Self::from(time.naive_local()).later()
    }

    /// One microsecond later.
    pub(super) fn later(self) -> Self {
        self.naive().map_or(self, |naive| Self::from(naive + TimeDelta::microseconds(1)))
    }

    pub(super) fn naive(self) -> Option<NaiveDateTime> {
        let start = self.date.and_time(NaiveTime::MIN);
        start.checked_add_signed(TimeDelta::minutes(self.hour * 60 + self.minute) + TimeDelta::microseconds(self.micros))
    }

    fn midnight(date: NaiveDate) -> Self {
        Self { date, hour: 0, minute: 0, micros: 0 }
    }

    /// A time that the clock leaves out is moved on by as much as the clock is.
    fn exists(self, zone: &Zone) -> Result<Self, Self> {
        let Some(naive) = self.naive() else { return Ok(self) };
        let LocalResult::None = zone.from_local_datetime(&naive) else { return Ok(self) };
        let before = zone.from_local_datetime(&(naive - TimeDelta::hours(24))).earliest();
        Err(before.map_or(self, |before| Self::from((before + TimeDelta::hours(24)).naive_local())))
    }
}

impl From<NaiveDateTime> for Local {
    fn from(naive: NaiveDateTime) -> Self {
        let micros = i64::from(naive.second()) * SECOND + i64::from(naive.nanosecond() / 1_000);
        Self { date: naive.date(), hour: i64::from(naive.hour()), minute: i64::from(naive.minute()), micros }
    }
}

/// What one look at a time gives.
enum Found {
    /// It matches.
    Here(Local),
    /// Nothing before this one does.
    From(Local),
    Never,
}

impl Calendar {
    /// The first time from `from` on that every field has.
    pub(super) fn find(&self, mut from: Local, zone: &Zone) -> Option<Local> {
        loop {
            from = from.exists(zone).unwrap_or_else(|moved| moved);
            match self.look(from, zone) {
                Found::Here(found) => return Some(found),
                Found::From(next) => from = next,
                Found::Never => return None,
            }
        }
    }

    fn look(&self, from: Local, zone: &Zone) -> Found {
        match self.find_day(from.date) {
            None => Found::Never,
            Some(date) if date != from.date => Found::From(Local::midnight(date)),
            Some(date) => self.find_time(from, zone).unwrap_or_else(|| match date.checked_add_days(Days::new(1)) {
                Some(next) => Found::From(Local::midnight(next)),
                None => Found::Never,
            }),
        }
    }

    /// The first day from `date` on; none up to the last year.
    fn find_day(&self, date: NaiveDate) -> Option<NaiveDate> {
        let (mut year, mut month, mut day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
        loop {
            let next_year = self.year.first_from(year).filter(|next| *next <= LAST_YEAR)?;
            if next_year != year {
                (year, month, day) = (next_year, 1, 1);
            }
            match self.month.first_from(month).filter(|next| *next <= 12) {
                Some(same) if same == month => {}
                Some(next) => (month, day) = (next, 1),
                None => {
                    (year, month, day) = (year + 1, 1, 1);
                    continue;
                }
            }
            let length = days_of(year, month)?;
            let days = if self.from_end { self.day.counted_back(length) } else { self.day.clone() };
            // Counted back, a month may have none of them.
            let is_empty = days.0.is_empty() && !self.day.0.is_empty();
            let found = if is_empty { None } else { days.first_from(day).filter(|day| *day <= length) };
            match found.and_then(|day| ymd(year, month, day)) {
                Some(found) if self.has_weekday(found) => return Some(found),
                Some(found) => day = i64::from(found.day()) + 1,
                None => (month, day) = (month + 1, 1),
            }
        }
    }

    /// The first time of this day; none where the day has no more.
    fn find_time(&self, from: Local, zone: &Zone) -> Option<Found> {
        let hour = self.hour.first_from(from.hour).filter(|hour| *hour < 24)?;
        if hour != from.hour {
            // The hour may be one that the clock leaves out: looked at anew from where it goes on.
            return Some(Found::From(Local { hour, ..Local::midnight(from.date) }));
        }
        let minute = self.minute.first_from(from.minute).filter(|minute| *minute < 60);
        let Some(minute) = minute else { return Some(Found::From(next_hour(from))) };
        if minute != from.minute {
            return Some(Found::From(Local { minute, micros: 0, ..from }));
        }
        match self.second.first_from(from.micros).filter(|micros| *micros < 60 * SECOND) {
            None => Some(Found::From(next_minute(from))),
            Some(micros) => {
                let found = Local { micros, ..from };
                Some(found.exists(zone).map_or_else(Found::From, Found::Here))
            }
        }
    }

    fn has_weekday(&self, date: NaiveDate) -> bool {
        self.weekdays == 0 || self.weekdays & (1 << date.weekday().num_days_from_monday()) != 0
    }
}

fn next_hour(from: Local) -> Local {
    Local { hour: from.hour + 1, minute: 0, micros: 0, ..from }.rolled()
}

fn next_minute(from: Local) -> Local {
    Local { minute: from.minute + 1, micros: 0, ..from }.rolled()
}

impl Local {
    fn rolled(self) -> Self {
        self.naive().map_or(self, Self::from)
    }
}

fn ymd(year: i64, month: i64, day: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn days_of(year: i64, month: i64) -> Option<i64> {
    Some(i64::from(ymd(year, month, 1)?.num_days_in_month()))
}
