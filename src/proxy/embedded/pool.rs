//! Which idle connection to an app may be used again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request that cannot be repeated takes only what was used a moment ago.
const FOR_OTHERS: Duration = Duration::from_secs(1);

/// A connection as the pool sees it.
pub(super) trait Poolable {
    /// Whether it takes no request any more.
    fn is_closed(&self) -> bool;
}

/// Idle connections to one address.
#[derive(Debug)]
pub(super) struct Pool<C>(Mutex<Kept<C>>);

#[derive(Debug)]
struct Kept<C> {
    /// The newest last.
    idle: Vec<Idle<C>>,
    /// Nothing is kept any more.
    is_closed: bool,
}

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    since: Duration,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self(Mutex::new(Kept { idle: Vec::new(), is_closed: false }))
    }
}

impl<C: Poolable> Pool<C> {
    /// The one used last, if it was idle no longer than `limit` and may carry this request. `now` is elapsed time.
    pub(super) fn take(&self, repeatable: bool, limit: Duration, now: Duration) -> Option<C> {
        let oldest = if repeatable { limit } else { limit.min(FOR_OTHERS) };
        let idle = &mut self.lock().idle;
        while idle.last().is_some_and(|newest| now.saturating_sub(newest.since) <= oldest) {
            if let Some(newest) = idle.pop_if(|newest| !newest.connection.is_closed()) {
                return Some(newest.connection);
            }
            idle.pop();
        }
        None
    }

    /// Gives one back after an answer has ended.
    pub(super) fn put(&self, connection: C, now: Duration) {
        let mut kept = self.lock();
        if !kept.is_closed && !connection.is_closed() {
            kept.idle.push(Idle { connection, since: now });
        }
    }

    /// Closes what is idle, and from now on whatever is given back.
    pub(super) fn close(&self) {
        let mut kept = self.lock();
        kept.is_closed = true;
        kept.idle.clear();
    }

    /// Whether nothing is kept any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Closes what will not be used again.
    pub(super) fn sweep(&self, limit: Duration, now: Duration) {
        let useful = |idle: &Idle<C>| !idle.connection.is_closed() && now.saturating_sub(idle.since) <= limit;
        self.lock().idle.retain(useful);
    }

    fn lock(&self) -> MutexGuard<'_, Kept<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Fake {
        Ready(u8),
        Closed,
    }

    impl Poolable for Fake {
        fn is_closed(&self) -> bool {
            *self == Self::Closed
        }
    }

    const LIMIT: Duration = Duration::from_secs(4);

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn idle_over_the_limit_is_never_used_and_over_1_s_only_for_what_can_be_repeated() {
        let pool = Pool::default();
        pool.put(Fake::Ready(1), at(0));
        assert_eq!(pool.take(true, LIMIT, at(4_001)), None);
        assert_eq!(pool.take(false, LIMIT, at(1_001)), None);
        assert_eq!(pool.take(true, LIMIT, at(4_000)), Some(Fake::Ready(1)));
        pool.put(Fake::Ready(2), at(5_000));
        assert_eq!(pool.take(false, LIMIT, at(6_000)), Some(Fake::Ready(2)));
    }

    #[test]
    fn the_newest_open_one_is_taken_and_closed_ones_go() {
        let pool = Pool::default();
        for fake in [Fake::Closed, Fake::Ready(1), Fake::Ready(2), Fake::Closed] {
            pool.put(fake, at(0));
        }
        pool.lock().idle.push(Idle { connection: Fake::Closed, since: at(0) });
        assert_eq!(pool.take(true, LIMIT, at(1)), Some(Fake::Ready(2)));
        assert_eq!(pool.take(true, LIMIT, at(1)), Some(Fake::Ready(1)));
        assert_eq!(pool.take(true, LIMIT, at(1)), None);
        pool.put(Fake::Ready(3), at(0));
        pool.sweep(LIMIT, at(4_002));
        assert!(pool.lock().idle.is_empty());
    }

    #[test]
    fn once_closed_it_keeps_nothing() {
        let pool = Pool::default();
        pool.put(Fake::Ready(1), at(0));
        pool.close();
        pool.put(Fake::Ready(2), at(0));
        assert!(pool.is_closed());
        assert_eq!(pool.take(true, LIMIT, at(1)), None);
    }
}
