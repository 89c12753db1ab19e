//! A moment in wall time, in whole milliseconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z. Arithmetic saturates; nothing here panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(i64);

impl Moment {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, as metrics have it.
    #[must_use]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// How long ago `earlier` was; zero when it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment for calendars; the epoch when it is beyond their range.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.0).single().unwrap_or_default()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::<Utc>::deserialize(deserializer).map(Self::from)
    }
}

/// Whole milliseconds, as stores keep them: shorter than RFC 3339, and read and written sooner. Reads both.
pub mod millis {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    use super::{DateTime, Moment, Utc};

    /// Writes a moment.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn serialize<S: Serializer>(moment: &Moment, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(moment.0)
    }

    /// Reads a moment.
    ///
    /// # Errors
    /// Where it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        deserializer.deserialize_any(Either)
    }

    struct Either;

    impl Visitor<'_> for Either {
        type Value = Moment;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("milliseconds since the epoch, or RFC 3339")
        }

        fn visit_i64<E: Error>(self, millis: i64) -> Result<Moment, E> {
            Ok(Moment(millis))
        }

        fn visit_u64<E: Error>(self, millis: u64) -> Result<Moment, E> {
            i64::try_from(millis).map(Moment).map_err(E::custom)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
            DateTime::parse_from_rfc3339(text).map(|time| Moment::from(time.with_timezone(&Utc))).map_err(E::custom)
        }
    }

    /// A moment as milliseconds, where there may be none.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        use super::super::Moment;

        #[derive(Serialize, Deserialize)]
        struct Kept(#[serde(with = "super")] Moment);

        /// Writes a moment.
        ///
        /// # Errors
        /// Where it cannot be written.
        pub fn serialize<S: Serializer>(moment: &Option<Moment>, serializer: S) -> Result<S::Ok, S::Error> {
            moment.map(Kept).serialize(serializer)
        }

        /// Reads a moment.
        ///
        /// # Errors
        /// Where it is none.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Moment>, D::Error> {
            Ok(Option::<Kept>::deserialize(deserializer)?.map(|kept| kept.0))
        }
    }
}

/// `4s`, `12m 5s`, `3h 20m`, `2d 4h`: the two largest units, rounded down; under a second, `120ms`.
#[must_use]
pub fn humane(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() { format!("{}ms", duration.as_millis()) } else { shown.join(" ") }
}

/// As [`humane`], in whole seconds: `0s` under a second, for what is looked at again and again.
#[must_use]
pub fn age(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "0s".to_owned(),
        seconds => humane(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_json() {
        let moment = Moment::from_millis(1_795_410_000_123);
        let text = serde_json::to_string(&moment).unwrap();
        assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), moment);
    }

    #[test]
    fn a_store_keeps_milliseconds_and_reads_what_was_kept_before() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Row(#[serde(with = "millis")] Moment, #[serde(with = "millis::option")] Option<Moment>);
        let row = Row(Moment::from_millis(1_795_410_000_123), Some(Moment::from_millis(-5)));
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(text, "[1795410000123,-5]");
        assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
        let before = r#"["2026-11-23T05:00:00.123Z","1969-12-31T23:59:59.995Z"]"#;
        assert_eq!(serde_json::from_str::<Row>(before).unwrap(), row);
        assert_eq!(serde_json::from_str::<Row>("[1,null]").unwrap().1, None);
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Moment::from_millis(i64::MAX);
        assert_eq!(end + Duration::MAX, end);
        assert_eq!(Moment::from_millis(0).since(end), Duration::ZERO);
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (duration, text) in [
            (Duration::from_millis(120), "120ms"),
            (Duration::from_secs(4), "4s"),
            (Duration::from_secs(725), "12m 5s"),
            (Duration::from_secs(3_600), "1h"),
            (Duration::from_secs(187_200), "2d 4h"),
        ] {
            assert_eq!(humane(duration), text);
        }
    }
}
