//! Time zones by name, from a database that is built in: an image may have none.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Timelike};
use chrono::{FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset as Away};

use super::moment::Moment;

/// A zone of the IANA database, such as Europe/Riga. Clones share what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(jiff::tz::TimeZone);

/// How far a zone is from UTC at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneOffset {
    zone: Zone,
    fixed: FixedOffset,
}

/// No such zone.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a time zone: use a name such as Europe/Riga")]
pub struct NotAZone(String);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// What its clocks call the time at this moment: EET, EEST.
    #[must_use]
    pub fn abbreviation(&self, at: Moment) -> String {
        self.0.to_offset_info(timestamp(at.as_millis().div_euclid(1_000))).abbreviation().to_owned()
    }

    fn offset(&self, away: Away) -> ZoneOffset {
        // No place on Earth is further away than chrono can say.
        let fixed = FixedOffset::east_opt(away.seconds()).unwrap_or_else(|| chrono::Utc.fix());
        ZoneOffset { zone: self.clone(), fixed }
    }
}

/// By the name alone, as it is written in the database.
impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(name: &str) -> Result<Self, NotAZone> {
        let known = jiff::tz::TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name));
        known.map(Self).ok_or_else(|| NotAZone(name.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.iana_name().unwrap_or_default())
    }
}

impl TimeZone for Zone {
    type Offset = ZoneOffset;

    fn from_offset(offset: &ZoneOffset) -> Self {
        offset.zone.clone()
    }

    fn offset_from_local_date(&self, local: &NaiveDate) -> MappedLocalTime<ZoneOffset> {
        self.offset_from_local_datetime(&local.and_time(NaiveTime::MIN))
    }

    fn offset_from_local_datetime(&self, local: &NaiveDateTime) -> MappedLocalTime<ZoneOffset> {
        let Some(civil) = civil(local) else { return MappedLocalTime::None };
        match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => MappedLocalTime::Single(self.offset(offset)),
            AmbiguousOffset::Fold { before, after } => MappedLocalTime::Ambiguous(self.offset(before), self.offset(after)),
            AmbiguousOffset::Gap { .. } => MappedLocalTime::None,
        }
    }

    fn offset_from_utc_date(&self, utc: &NaiveDate) -> ZoneOffset {
        self.offset_from_utc_datetime(&utc.and_time(NaiveTime::MIN))
    }

    fn offset_from_utc_datetime(&self, utc: &NaiveDateTime) -> ZoneOffset {
        self.offset(self.0.to_offset(timestamp(utc.and_utc().timestamp())))
    }
}

impl Offset for ZoneOffset {
    fn fix(&self) -> FixedOffset {
        self.fixed
    }
}

impl fmt::Display for ZoneOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fixed.fmt(f)
    }
}

/// Beyond the database's years the offset of its last or first one holds.
fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// None beyond the database's years.
fn civil(local: &NaiveDateTime) -> Option<DateTime> {
    let small = |number: u32| i8::try_from(number).ok();
    let (year, month, day) = (i16::try_from(local.year()).ok()?, small(local.month())?, small(local.day())?);
    DateTime::new(year, month, day, small(local.hour())?, small(local.minute())?, small(local.second())?, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    #[test]
    fn a_zone_is_known_by_its_name_as_the_database_has_it() {
        for name in ["UTC", "Europe/Riga", "America/Argentina/Buenos_Aires", "US/Pacific", "GB", "EST5EDT", "Etc/GMT+12"] {
            assert_eq!(zone(name).to_string(), name);
        }
        for name in ["", "utc", "europe/riga", "mon", "Mars/Base", "Local", "/etc/localtime", "EET-2"] {
            assert!(name.parse::<Zone>().is_err(), "{name}");
        }
        assert_eq!(zone("UTC"), Zone::UTC);
    }

    #[test]
    fn what_the_clock_shows_twice_is_ambiguous_and_what_it_leaves_out_is_none() {
        let riga = zone("Europe/Riga");
        let hours = |offset: &ZoneOffset| offset.fix().local_minus_utc() / 3_600;
        let shown = |text: &str| riga.offset_from_local_datetime(&local(text)).map(|offset| hours(&offset));
        assert_eq!(shown("2026-03-29 02:59"), MappedLocalTime::Single(2));
        assert_eq!(shown("2026-03-29 03:00"), MappedLocalTime::None);
        assert_eq!(shown("2026-03-29 04:00"), MappedLocalTime::Single(3));
        assert_eq!(shown("2026-10-25 03:30"), MappedLocalTime::Ambiguous(3, 2));
        // By the rule that goes on, after the last change that the database lists.
        assert_eq!(shown("2199-07-01 12:00"), MappedLocalTime::Single(3));
    }

    #[test]
    fn its_time_has_a_name_and_no_time_is_beyond_it() {
        let riga = zone("Europe/Riga");
        assert_eq!(riga.abbreviation(Moment::from_millis(1_795_410_000_000)), "EET");
        assert_eq!(riga.abbreviation(Moment::from_millis(1_782_000_000_000)), "EEST");
        for far in [i64::MIN, i64::MAX] {
            assert!(!riga.abbreviation(Moment::from_millis(far)).is_empty());
        }
        for far in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            assert_ne!(riga.offset_from_utc_datetime(&far).fix().local_minus_utc(), 0);
        }
    }
}
