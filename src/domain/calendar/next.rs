//! The next time, in a zone whose clock may be moved.

use chrono::{DateTime, LocalResult, TimeZone};

use super::expression::Calendar;
use super::search::Local;
use crate::domain::moment::Moment;
use crate::domain::zone::Zone;

impl Calendar {
    /// The first time after `after`, in the zone that the expression names, else in `zone`. None: it never falls due again.
    ///
    /// As systemd has it, an hour that the clock shows twice is not entered a second time, and a time that the clock leaves out does not come.
    #[must_use]
    pub fn next(&self, after: Moment, zone: &Zone) -> Option<Moment> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let after = after.to_utc().with_timezone(zone);
        let mut from = Local::just_after(&after);
        loop {
            let found = self.find(from, zone)?;
            match zone.from_local_datetime(&found.naive()?) {
                LocalResult::Single(time) if time > after => return Some(moment(&time)),
                LocalResult::Ambiguous(first, _) if first > after => return Some(moment(&first)),
                LocalResult::Ambiguous(_, second) if second > after => return Some(moment(&second)),
                LocalResult::Single(_) | LocalResult::Ambiguous(..) | LocalResult::None => from = found.later(),
            }
        }
    }
}

/// Milliseconds, upwards: never before it is due.
fn moment(time: &DateTime<Zone>) -> Moment {
    Moment::from_millis((time.timestamp_micros() + 999).div_euclid(1_000))
}
