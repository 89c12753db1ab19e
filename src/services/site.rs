//! The watcher's own probes: the site as the public sees it, and the other watchers.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::expected;
use crate::config::Config;
use crate::domain::beat::{Beat, BeatKind, Health, Identity, Showing};
use crate::domain::gate::Observation;
use crate::domain::sent::Sent;
use crate::monitor::{Arrived, Ingest, Monitor};
use crate::probe::{HttpProbe, Probed, Target};
use crate::telemetry::day_log::PartLog;

/// One target, probed at an interval.
#[derive(Debug)]
pub(super) struct SiteLoop {
    monitor: Monitor,
    ingest: Ingest,
    probe: HttpProbe,
    check: String,
    target: Target,
    every: Duration,
    slow: Duration,
    log: Option<PartLog>,
}

impl SiteLoop {
    /// The site, if one is set, and every peer.
    pub(super) fn all(config: &Config, monitor: &Monitor, ingest: &Ingest) -> anyhow::Result<Vec<Self>> {
        let site = config.watcher.site.iter().map(|url| (url.clone(), "site".to_owned()));
        let peers = expected::peers(config).into_iter().map(|(url, check)| (format!("{url}/healthz"), check));
        let one = |(url, check): (String, String)| {
            Ok(Self {
                monitor: monitor.clone(),
                ingest: ingest.clone(),
                probe: HttpProbe::new(&config.probe)?,
                log: (check == "site").then(|| PartLog::new(&config.log)),
                check,
                target: Target::new(url),
                every: config.probe.every,
                slow: config.probe.slow,
            })
        };
        site.chain(peers).map(one).collect()
    }

    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let run = Uuid::new_v4();
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for sequence in 1.. {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            match self.probe.probe(&self.target).await {
                Probed::Observed(observed) => self.hand_in(redirected(observed, self.slow), run, sequence).await,
                Probed::Unable(why) => tracing::error!(check = self.check, "we cannot look, and nothing is said of it: {why}"),
            }
        }
    }

    async fn hand_in(&self, observed: Observation, run: Uuid, sequence: u64) {
        if let Some(log) = &self.log {
            log.append(&self.check, &observed);
        }
        let beat = self.beat(&observed, run, sequence);
        let (arrivals, now) = (self.monitor.arrivals(), || self.monitor.now());
        // Where nobody answered, nobody was heard.
        let arrival = if observed.status.is_some() { arrivals.arrive(now) } else { arrivals.unheard(now) };
        let arrived = Arrived { key_id: "own".to_owned(), beat, arrival, sent: Sent::default() };
        if let Err(error) = self.ingest.beat(arrived).await {
            tracing::error!(check = self.check, "what was seen is not stored: {error}");
        }
    }

    fn beat(&self, observed: &Observation, run: Uuid, sequence: u64) -> Beat {
        let health = Health {
            showing: observed.showing,
            latency_ms: Some(observed.latency_ms),
            reason: observed.reason.clone(),
            since: None,
            told: Vec::new(),
        };
        let kind = if observed.passed() { BeatKind::Success } else { BeatKind::Fail };
        let identity = Identity { instance: self.monitor.settings().name.clone(), run, sequence };
        Beat {
            every_ms: u64::try_from(self.every.as_millis()).ok(),
            health: Some(health),
            ..Beat::new(&self.check, kind, identity, observed.at)
        }
    }
}

/// The public's first answer is often a redirect; whoever sends one works.
fn redirected(mut observed: Observation, slow: Duration) -> Observation {
    if let Some(300..=399) = observed.status {
        let is_slow = Duration::from_millis(observed.latency_ms) >= slow;
        observed.showing = if is_slow { Showing::Slow } else { Showing::Good };
        observed.reason = observed.reason.filter(|_| is_slow);
    }
    observed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::Moment;

    fn observed(status: u16, showing: Showing, latency_ms: u64) -> Observation {
        let reason = Some(format!("answered {status}"));
        redirected(Observation { at: Moment::from_millis(0), showing, status: Some(status), latency_ms, reason }, Duration::from_secs(2))
    }

    #[test]
    fn a_site_that_redirects_works_and_one_that_answers_503_does_not() {
        assert_eq!((observed(302, Showing::Bad, 5).showing, observed(302, Showing::Bad, 5).reason), (Showing::Good, None));
        assert_eq!(observed(302, Showing::Bad, 2_500).showing, Showing::Slow);
        assert_eq!(observed(503, Showing::Bad, 5).showing, Showing::Bad);
    }
}
