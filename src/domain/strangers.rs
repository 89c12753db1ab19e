//! Who sends beats that are not signed as they should be, again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock_step::moved;
use super::moment::Moment;

/// Fewer are a mistake that was mended.
const FEWEST: u32 = 3;
/// So many senders are kept in mind; of more, the newest are not.
const MOST: usize = 200;
/// As many are named in a message.
const NAMED: usize = 5;
/// A key id has 16 characters; what else stands in its place is cut here.
const LONGEST: usize = 40;

/// The senders of wrongly signed beats.
#[derive(Debug, Default)]
pub struct Strangers(BTreeMap<(String, String), Tries>);

#[derive(Debug, Clone, Copy)]
struct Tries {
    first: Moment,
    last: Moment,
    count: u32,
}

/// Those that go on and on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persistent {
    /// When the first of them began.
    pub since: Moment,
    /// How many beats they have sent.
    pub count: u32,
    /// Who they are, in words.
    pub who: String,
}

impl Strangers {
    /// Whoever goes on is found so long after the first look at the latest: by the fewest beats, none of them forgotten before the next.
    #[must_use]
    pub fn time_to_find(after: Duration) -> Duration {
        forgotten(after).saturating_mul(FEWEST)
    }

    /// One more beat with a wrong signature.
    pub fn note(&mut self, address: &str, key_id: &str, now: Moment) {
        let key_id: String = key_id.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        let has_room = self.0.len() < MOST;
        let who = (address.to_owned(), key_id);
        if let Some(tries) = self.0.get_mut(&who) {
            tries.last = now;
            tries.count = tries.count.saturating_add(1);
        } else if has_room {
            self.0.insert(who, Tries { first: now, last: now, count: 1 });
        }
    }

    /// The clock was set: it is so many milliseconds ahead of what it was.
    pub fn step(&mut self, by_ms: i64) {
        for tries in self.0.values_mut() {
            (tries.first, tries.last) = (moved(tries.first, by_ms), moved(tries.last, by_ms));
        }
    }

    /// Those that have gone on for `after`. Who was not heard for twice as long is forgotten.
    #[must_use]
    pub fn persistent(&mut self, now: Moment, after: Duration) -> Option<Persistent> {
        self.0.retain(|_, tries| now.since(tries.last) <= forgotten(after));
        let persistent: Vec<_> =
            self.0.iter().filter(|(_, tries)| tries.count >= FEWEST && tries.last.since(tries.first) >= after).collect();
        let since = persistent.iter().map(|(_, tries)| tries.first).min()?;
        let count = persistent.iter().map(|(_, tries)| tries.count).fold(0, u32::saturating_add);
        let named = persistent.iter().take(NAMED).map(|((address, key_id), _)| match key_id.as_str() {
            "" => format!("{address} without a key id"),
            key_id => format!("{address} with the key id {key_id}"),
        });
        let mut who = named.collect::<Vec<_>>().join(", ");
        if persistent.len() > NAMED {
            who.push_str(&format!(", and {} more", persistent.len() - NAMED));
        }
        Some(Persistent { since, count, who })
    }
}

/// Who was not heard for so long is forgotten.
fn forgotten(after: Duration) -> Duration {
    after.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn from(seconds: &[i64]) -> Strangers {
        let mut strangers = Strangers::default();
        seconds.iter().for_each(|second| strangers.note("192.0.2.1", "abc", at(*second)));
        strangers
    }

    #[test]
    fn who_goes_on_and_on_is_named_and_a_mistake_that_was_mended_is_not() {
        let told = from(&[0, 30, 60]).persistent(at(61), AFTER).unwrap();
        assert_eq!(told, Persistent { since: at(0), count: 3, who: "192.0.2.1 with the key id abc".into() });
        assert_eq!(from(&[0, 30, 59]).persistent(at(60), AFTER), None, "not long enough");
        assert_eq!(from(&[0, 60]).persistent(at(61), AFTER), None, "not often enough");
        assert_eq!(from(&[0, 30, 60]).persistent(at(181), AFTER), None, "it has ended");
        let mut mended = from(&[0, 30, 60]);
        assert_eq!(mended.persistent(at(181), AFTER), None);
        mended.note("192.0.2.1", "abc", at(182));
        assert_eq!(mended.persistent(at(182), AFTER), None, "and begins anew");
    }

    #[test]
    fn whoever_goes_on_as_seldom_as_may_be_is_found_in_time() {
        let time = Strangers::time_to_find(AFTER);
        assert_eq!(time, Duration::from_secs(360));
        let mut strangers = Strangers::default();
        for second in [120, 240, 360] {
            assert_eq!(strangers.persistent(at(second), AFTER), None, "{second}");
            strangers.note("192.0.2.1", "abc", at(second));
        }
        assert!(strangers.persistent(at(360), AFTER).is_some());
    }

    #[test]
    fn a_clock_that_is_set_makes_nobody_more_or_less_persistent() {
        for by in [3_600, -3_600] {
            let mut strangers = from(&[0, 30]);
            strangers.step(by * 1_000);
            strangers.note("192.0.2.1", "abc", at(40 + by));
            assert_eq!(strangers.persistent(at(41 + by), AFTER), None, "{by}: not long enough");
            strangers.note("192.0.2.1", "abc", at(60 + by));
            assert_eq!(strangers.persistent(at(61 + by), AFTER).unwrap().since, at(by));
            assert_eq!(strangers.persistent(at(181 + by), AFTER), None, "{by}: it has ended");
        }
    }

    #[test]
    fn many_addresses_are_one_message_and_do_not_grow_for_ever() {
        let mut strangers = Strangers::default();
        for second in [0, 40, 80] {
            for number in 0..10_000_u32 {
                strangers.note(&number.to_string(), "\u{1b}[2J", at(second));
            }
        }
        let told = strangers.persistent(at(80), AFTER).unwrap();
        assert!(told.who.ends_with(", and 195 more") && !told.who.contains('\u{1b}'), "{}", told.who);
    }
}
