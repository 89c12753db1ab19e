//! What the names of a colour stand for: looked up at an interval, and at once when a request finds nobody.

use std::sync::LazyLock;
use std::time::Duration;

use futures_util::future::{join_all, pending};
use prometheus::{IntCounterVec, IntGaugeVec};
use tokio::time::{sleep, timeout};

use super::upstream::Upstream;
use crate::domain::colour::Colour;
use crate::net::names::{Place, literal, resolve};
use crate::telemetry::metrics::{counter, gauge};

/// A lookup that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(2);
/// Between two lookups, whoever asks for them.
const GAP: Duration = Duration::from_millis(100);

static UNRESOLVED: LazyLock<IntCounterVec> = LazyLock::new(|| counter("allswell_proxy_lookups_failed_total"));
static ADDRESSES: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_addresses"));

/// The names of a colour, and what they stood for when they were last understood.
#[derive(Debug)]
pub(super) struct Names {
    colour: Colour,
    names: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    /// `HOST:PORT`.
    at: String,
    /// What it stood for.
    places: Vec<Place>,
    is_failing: bool,
}

impl Names {
    /// Of this colour; nothing is looked up yet.
    pub(super) fn new(colour: Colour, addresses: &[String]) -> Self {
        UNRESOLVED.with_label_values(&[colour.as_str()]).inc_by(0);
        let name = |at: &String| Name { at: at.clone(), places: Vec::new(), is_failing: false };
        Self { colour, names: addresses.iter().map(name).collect() }
    }

    /// Whether there is anything to look up again.
    pub(super) fn any(&self) -> bool {
        self.names.iter().any(|name| literal(&name.at).is_none())
    }

    /// Looks all of them up once and lets the upstream know.
    pub(super) async fn look_up(&mut self, upstream: &Upstream) {
        let colour = self.colour;
        join_all(self.names.iter_mut().map(|name| name.look_up(colour, upstream))).await;
        let mut places: Vec<Place> = self.names.iter().flat_map(|name| name.places.iter().cloned()).collect();
        places.sort();
        places.dedup();
        if let Some(count) = upstream.know(&places) {
            ADDRESSES.with_label_values(&[colour.as_str()]).set(i64::try_from(count).unwrap_or(i64::MAX));
            let at: Vec<String> = places.iter().map(ToString::to_string).collect();
            tracing::info!(%colour, at = at.join(" "), "its addresses are known");
        }
    }

    /// Looks them up for ever: every so often, and when a request finds nobody.
    pub(super) async fn follow(mut self, upstream: &Upstream, every: Duration) {
        if !self.any() {
            return pending().await;
        }
        let gap = GAP.min(every);
        loop {
            sleep(gap).await;
            // Asked for or due: it is looked up either way.
            let _ = timeout(every.saturating_sub(gap), upstream.wants_lookup()).await;
            self.look_up(upstream).await;
        }
    }
}

impl Name {
    /// What cannot be looked up stays where it was, while it takes connections there: an address that is free again may soon be another's.
    /// Told once, until it can be looked up again.
    async fn look_up(&mut self, colour: Colour, upstream: &Upstream) {
        match resolve(&self.at, LIMIT).await {
            Ok(places) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(%colour, name = self.at, "it resolves again");
                }
                self.places = places;
            }
            Err(error) => {
                UNRESOLVED.with_label_values(&[colour.as_str()]).inc();
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%colour, name = self.at, known = self.places.len(), "{error}: the addresses known before are kept while they take connections");
                }
                self.places = upstream.answering(&self.places, LIMIT).await;
            }
        }
    }
}
