//! What `up` says of itself over HTTP: `/healthz` and `/metrics`.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use prometheus::{IntCounterVec, IntGaugeVec};
use tokio::net::TcpListener;

use crate::clock;
use crate::domain::moment::Moment;
use crate::http::connections::serve;
use crate::http::serve::{OwnHosts, guarded, healthz};
use crate::runtime::UpSettings;
use crate::runtime::process::control::UpState;
use crate::telemetry::metrics;

/// A supervisor that has not looked for so long is stuck.
const STUCK: Duration = Duration::from_secs(5);

static RESTARTS: LazyLock<IntCounterVec> = LazyLock::new(|| metrics::counter("allswell_up_restarts_total"));
static RUNNING: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_up_running"));

/// When the supervisor has last looked at everything.
#[derive(Debug, Clone, Default)]
pub(super) struct LastPass(Arc<AtomicI64>);

impl LastPass {
    /// It has, and found this.
    pub(super) fn passed(&self, now: Moment, state: &UpState) {
        self.0.store(now.as_millis(), Ordering::Relaxed);
        for part in &state.parts {
            count(&part.name, part.running, part.restarts);
        }
        for one in &state.instances {
            count(&format!("{}-{}", one.colour, one.number), one.running, one.restarts);
        }
    }

    fn trouble(&self, now: Moment) -> Option<String> {
        let silent = now.since(Moment::from_millis(self.0.load(Ordering::Relaxed)));
        (silent > STUCK).then(|| "the supervisor is stuck: it has not looked at its processes for over 5 s".to_owned())
    }
}

fn count(name: &str, running: bool, restarts: u32) {
    RUNNING.with_label_values(&[name]).set(i64::from(running));
    let counter = RESTARTS.with_label_values(&[name]);
    counter.inc_by(u64::from(restarts).saturating_sub(counter.get()));
}

/// By whatever name others find it.
pub(super) fn own_hosts(settings: &UpSettings) -> OwnHosts {
    OwnHosts::new(settings.reach.host().map(str::to_owned).into_iter().chain(settings.health.clone()))
}

/// Serves for as long as it is not aborted.
pub(super) async fn answer(listener: TcpListener, own: OwnHosts, last_pass: LastPass) {
    metrics::set_build_info("up");
    let health = move || {
        let trouble = last_pass.trouble(clock::now());
        async move { healthz(trouble) }
    };
    let router = guarded(Router::new().route("/healthz", get(health)), own);
    serve(listener, None, router, std::future::pending()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_that_no_longer_looks_is_told() {
        let last_pass = LastPass::default();
        let now = Moment::from_millis(1_795_410_000_000);
        last_pass.passed(now, &UpState::default());
        assert_eq!(last_pass.trouble(now + STUCK), None);
        assert!(last_pass.trouble(now + STUCK * 2).is_some());
    }

    #[test]
    fn a_restart_is_counted_once() {
        for restarts in [0, 1, 1, 3] {
            count("story", true, restarts);
        }
        assert_eq!(RESTARTS.with_label_values(&["story"]).get(), 3);
    }
}
