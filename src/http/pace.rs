//! How often somebody may come: so many at once, and then one each interval.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// More than so many are not kept in mind: whoever invents names has them forgotten.
const MOST: usize = 50_000;

/// Who came when. Times are those of [`crate::clock::elapsed`].
#[derive(Debug)]
pub(super) struct Pace<K>(Mutex<HashMap<K, Duration>>);

impl<K> Default for Pace<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Pace<K> {
    /// Somebody comes, who may come `burst` times at once and then once an `interval`.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn take(&self, who: K, interval: Duration, burst: u32, now: Duration) -> Result<(), Duration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, free_at| *free_at > now);
            if known.len() >= MOST {
                known.clear();
            }
        }
        let free_at = known.entry(who).or_insert(now);
        let ahead = free_at.saturating_sub(now);
        let room = interval.saturating_mul(burst.saturating_sub(1));
        if ahead > room {
            return Err(ahead - room);
        }
        *free_at = (*free_at).max(now) + interval;
        Ok(())
    }
}

/// Whoever has an IPv6 address has at least 2^64 of them.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(2);

    #[test]
    fn so_many_at_once_and_then_one_each_interval() {
        let pace = Pace::default();
        let take = |who: &'static str, seconds| pace.take(who, INTERVAL, 3, Duration::from_secs(seconds));
        assert_eq!([take("a", 10), take("a", 10), take("a", 10)], [Ok(()); 3]);
        assert_eq!(take("a", 10), Err(INTERVAL));
        assert_eq!(take("b", 10), Ok(()), "somebody else");
        assert_eq!((take("a", 11), take("a", 12), take("a", 12)), (Err(Duration::from_secs(1)), Ok(()), Err(INTERVAL)));
        assert_eq!([take("a", 100), take("a", 100), take("a", 100)], [Ok(()); 3]);
    }

    #[test]
    fn names_that_are_invented_do_not_grow_for_ever() {
        let pace = Pace::default();
        for name in 0..(MOST * 2 + 5) {
            assert_eq!(pace.take(name, INTERVAL, 1, Duration::ZERO), Ok(()));
        }
        assert!(pace.0.lock().unwrap().len() <= MOST);
    }

    #[test]
    fn the_addresses_of_one_household_are_one() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
