//! The time that an order about instances has. What it changes, it changes while nobody else may.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::interval;

use super::orders::{Act, LONGEST_DEPLOY};
use crate::clock;
use crate::runtime::{RuntimeKind, RuntimeSettings};

/// How often is looked whether the time is over: the timers of a host that was suspended know nothing of that.
const LOOK: Duration = Duration::from_millis(100);
/// What asking a runtime takes, and saying how it ended.
const LITTLE: Duration = Duration::from_secs(5);
/// A command that has to be ended first takes as long.
const ENDED: Duration = Duration::from_secs(5);

/// Until when an order may go on, by [`clock::elapsed`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    work: Duration,
    lease: Duration,
}

impl Limit {
    /// From now on, before the lease is asked for: so it is over no later than the lease, whatever anybody's clock says. `spare` of it is kept
    /// for putting back.
    pub(super) fn from_now(timeout: Duration, spare: Duration) -> Self {
        let lease = clock::elapsed() + timeout.min(LONGEST_DEPLOY);
        Self { work: lease.saturating_sub(spare), lease }
    }

    /// Resolves when only what putting back needs is left.
    pub(super) async fn work_is_over(self) {
        reached(self.work).await;
    }

    /// Resolves when the lease may be somebody else's.
    pub(super) async fn lease_is_over(self) {
        reached(self.lease).await;
    }
}

/// The clock is asked whenever anything goes on: whoever was stopped for longer than that does nothing more first.
async fn reached(moment: Duration) {
    let mut look = interval(LOOK);
    poll_fn(|context| {
        while look.poll_tick(context).is_ready() {}
        if clock::elapsed() < moment { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

/// How much of `deploy_timeout` is kept for putting back. The rest is at least half, or as long as a command that replaces may take.
#[must_use]
pub fn time_to_put_back(runtime: &RuntimeSettings, act: Act) -> Duration {
    let half = runtime.deploy_timeout / 2;
    match (&runtime.kind, act) {
        (RuntimeKind::Process(_), _) | (_, Act::Stop) => LITTLE.min(half),
        (RuntimeKind::Docker(_) | RuntimeKind::Swarm(_), Act::Deploy | Act::Scale) => (LITTLE + runtime.stop_grace).min(half),
        (RuntimeKind::Command(commands), Act::Deploy) => {
            let replace = commands.replace.limit.unwrap_or_default();
            let needed = LITTLE + ENDED + commands.longest().saturating_sub(replace);
            needed.min(half.max(runtime.deploy_timeout.saturating_sub(replace)))
        }
        (RuntimeKind::Command(commands), Act::Scale) => {
            let again = commands.scale.as_ref().and_then(|order| order.limit).unwrap_or_default();
            (LITTLE + ENDED + again).min(half)
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::config::Config;

    fn seconds(runtime: &str, act: Act) -> u64 {
        let config = Config::parse(&format!("[runtime]\n{runtime}\n")).unwrap().config;
        time_to_put_back(&config.runtime, act).as_secs()
    }

    #[test]
    fn as_much_time_is_kept_as_putting_back_needs() {
        let docker = "kind = \"docker\"\nstop_grace = \"20s\"\ndeploy_timeout =";
        for (runtime, act, wanted) in [
            ("command = \"x\"\nstop_grace = \"20s\"".to_owned(), Act::Deploy, 5),
            (format!("{docker} \"5m\""), Act::Deploy, 25),
            (format!("{docker} \"5m\""), Act::Scale, 25),
            (format!("{docker} \"5m\""), Act::Stop, 5),
            (format!("{docker} \"30s\""), Act::Deploy, 15),
        ] {
            assert_eq!(seconds(&runtime, act), wanted, "{runtime} {act:?}");
        }
    }

    #[test]
    fn the_users_own_way_back_has_its_time_and_what_it_leads_back_from_has_its_own() {
        let commands = "kind = \"command\"\nreplace = \"x\"\nput_back = \"y\"\nreplace_timeout = \"60s\"\nput_back_timeout = \"100s\"\n\
                        scale = \"z\"\nscale_timeout = \"30s\"\ndeploy_timeout =";
        assert_eq!(seconds(&format!("{commands} \"5m\""), Act::Deploy), 110);
        assert_eq!(seconds(&format!("{commands} \"161s\""), Act::Deploy), 101, "replace has its minute");
        assert_eq!(seconds(&format!("{commands} \"5m\""), Act::Scale), 40);
    }

    #[tokio::test]
    async fn the_work_is_over_before_the_lease_and_neither_is_over_before_its_time() {
        let hour = Duration::from_secs(3_600);
        let limit = Limit::from_now(hour, hour);
        limit.work_is_over().await;
        assert_eq!(limit.lease_is_over().now_or_never(), None);
        assert_eq!(Limit::from_now(hour, Duration::ZERO).work_is_over().now_or_never(), None);
        Limit::from_now(Duration::ZERO, hour).lease_is_over().await;
        let longest = Limit::from_now(LONGEST_DEPLOY * 2, LONGEST_DEPLOY);
        longest.work_is_over().await;
    }
}
