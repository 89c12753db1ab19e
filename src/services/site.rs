//! The watcher's own probes: the site as the public sees it, and the other watchers.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::expected;
use crate::clock;
use crate::config::Config;
use crate::domain::beat::{Beat, BeatKind, Health, Identity, Showing};
use crate::domain::moment::Moment;
use crate::monitor::{Arrived, Ingest, Monitor};
use crate::net::client;
use crate::telemetry::day_log::DayLog;

/// One target, probed at an interval.
#[derive(Debug)]
pub(super) struct SiteLoop {
    monitor: Monitor,
    ingest: Ingest,
    client: reqwest::Client,
    check: String,
    url: String,
    every: Duration,
    slow: Duration,
    log: Option<DayLog>,
}

/// What one probe saw.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    showing: Showing,
    status: Option<u16>,
    latency: Duration,
    reason: Option<String>,
}

impl SiteLoop {
    /// The site, if one is set, and every peer.
    pub(super) fn all(config: &Config, monitor: &Monitor, ingest: &Ingest) -> anyhow::Result<Vec<Self>> {
        let site = config.watcher.site.iter().map(|url| (url.clone(), "site".to_owned()));
        let peers = expected::peers(config).into_iter().map(|(url, check)| (format!("{url}/healthz"), check));
        let one = |(url, check): (String, String)| {
            let is_logged = check == "site";
            let directory = config.log.directory.as_deref().filter(|_| is_logged);
            let log = directory.and_then(|directory| match DayLog::open(directory, config.log.keep) {
                Ok(log) => Some(log),
                Err(error) => {
                    tracing::error!("log.directory {} cannot be used: {error}", directory.display());
                    None
                }
            });
            Ok(Self {
                monitor: monitor.clone(),
                ingest: ingest.clone(),
                client: client::http(config.probe.timeout)?,
                check,
                url,
                every: config.probe.every,
                slow: config.probe.slow,
                log,
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
            let seen = self.probe().await;
            let now = clock::now();
            self.write_down(&seen, now);
            let beat = self.beat(&seen, run, sequence, now);
            let arrived = Arrived { key_id: "own".to_owned(), beat, arrival: self.monitor.arrivals().arrive(now) };
            if let Err(error) = self.ingest.beat(arrived).await {
                tracing::error!(check = self.check, "what was seen is not stored: {error}");
            }
        }
    }

    async fn probe(&self) -> Seen {
        let began = clock::elapsed();
        let answered = self.client.get(&self.url).send().await;
        let latency = clock::elapsed().saturating_sub(began);
        match answered {
            Ok(answer) => seen(answer.status().as_u16(), latency, self.slow),
            Err(error) => Seen { showing: Showing::Bad, status: None, latency, reason: Some(client::explain(error)) },
        }
    }

    fn beat(&self, seen: &Seen, run: Uuid, sequence: u64, now: Moment) -> Beat {
        let passed = matches!(seen.showing, Showing::Good | Showing::Slow);
        let health = Health {
            showing: seen.showing,
            latency_ms: u64::try_from(seen.latency.as_millis()).ok(),
            reason: seen.reason.clone(),
            since: None,
            told: Vec::new(),
        };
        Beat {
            check: self.check.clone(),
            kind: if passed { BeatKind::Success } else { BeatKind::Fail },
            identity: Identity { instance: self.monitor.settings().name.clone(), run, sequence },
            sent_at: now,
            every_ms: u64::try_from(self.every.as_millis()).ok(),
            colour: None,
            version: None,
            health: Some(health),
            live: None,
            body: None,
        }
    }

    /// `site working 200 12ms`.
    fn write_down(&self, seen: &Seen, now: Moment) {
        let Some(log) = &self.log else { return };
        let word = match seen.showing {
            Showing::Good => "working",
            Showing::Slow => "doing poorly",
            Showing::Bad | Showing::Exited => "not working",
        };
        let status = seen.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        if let Err(error) = log.append(now, &format!("{} {word} {status} {}ms", self.check, seen.latency.as_millis())) {
            tracing::error!("the day's log cannot be written: {error}");
        }
    }
}

fn seen(status: u16, latency: Duration, slow: Duration) -> Seen {
    let (showing, reason) = match status {
        200..=399 if latency > slow => (Showing::Slow, Some(format!("answered {status} after {} ms", latency.as_millis()))),
        200..=399 => (Showing::Good, None),
        _ => (Showing::Bad, Some(format!("answered {status}"))),
    };
    Seen { showing, status: Some(status), latency, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_by_its_status_and_its_time() {
        let slow = Duration::from_secs(2);
        assert_eq!(seen(200, Duration::from_secs(1), slow).showing, Showing::Good);
        assert_eq!(seen(302, Duration::from_secs(3), slow).showing, Showing::Slow);
        assert_eq!(seen(503, Duration::from_secs(1), slow).reason.as_deref(), Some("answered 503"));
    }
}
