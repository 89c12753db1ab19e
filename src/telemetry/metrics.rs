//! Every metric, in one table. A metric that is not in the table cannot be made.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::{Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// One metric: its name with the unit, its labels, and what it means.
#[derive(Debug)]
pub struct Metric {
    /// Name, by Prometheus' conventions.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// What can be done with a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, counted in buckets.
    Histogram,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

const fn metric(kind: Kind, name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// The table: who answers with what.
pub const TABLE: &[(&str, &[Metric])] = &[
    ("every part", &[metric(Kind::Gauge, "allswell_build_info", &["version", "part"], "Always 1; which version of which part this is.")]),
    (
        "watcher",
        &[
            metric(Kind::Gauge, "allswell_page_info", &["url"], "Always 1; where people find the status page."),
            metric(Kind::Counter, "allswell_beats_total", &["kind"], "Beats stored, by kind."),
            metric(Kind::Counter, "allswell_beats_refused_total", &["reason"], "Beats refused, by reason."),
            metric(Kind::Gauge, "allswell_beat_skew_seconds", &["sender"], "Our clock minus the sender's, at the last beat."),
            metric(
                Kind::Gauge,
                "allswell_watcher_certificate_days",
                &["listener"],
                "Days until the certificate of the watcher's listener, or of the public view's, ends; none where it speaks in the clear.",
            ),
            metric(Kind::Gauge, "allswell_checks", &["status"], "Checks, by status."),
            metric(
                Kind::Gauge,
                "allswell_checks_unnamed",
                &[],
                "Checks beyond watcher.metric_checks: counted by status, and without rows of their own.",
            ),
            metric(
                Kind::Gauge,
                "allswell_check_health",
                &["check", "role", "colour"],
                "1 while the check is working, 0.5 while it is doing poorly, 0 while it is not working; none while it is new, paused or stopped.",
            ),
            metric(
                Kind::Gauge,
                "allswell_check_beat_timestamp_seconds",
                &["check"],
                "When the check was last heard, in seconds since 1970.",
            ),
            metric(Kind::Gauge, "allswell_check_due_timestamp_seconds", &["check"], "When its next beat is due, in seconds since 1970."),
            metric(Kind::Gauge, "allswell_check_latency_seconds", &["check"], "How long its last answer took."),
            metric(
                Kind::Gauge,
                "allswell_check_instances",
                &["check", "state"],
                "Instances of a check that counts them, by state: expected, well.",
            ),
            metric(Kind::Gauge, "allswell_incidents_open", &["severity"], "Open incidents, by severity."),
            metric(
                Kind::Gauge,
                "allswell_incident_since_timestamp_seconds",
                &["check", "role", "severity"],
                "Since when an incident is open that no other explains, in seconds since 1970; as many as watcher.metric_checks, oldest first.",
            ),
            metric(
                Kind::Counter,
                "allswell_notices_total",
                &["channel", "outcome"],
                "Attempts to tell a channel, by outcome: taken, retried, passed_on.",
            ),
            metric(Kind::Gauge, "allswell_outbox_notices", &["channel"], "Notices that the channel has not taken yet."),
            metric(
                Kind::Gauge,
                "allswell_outbox_oldest_timestamp_seconds",
                &["channel"],
                "When the oldest notice was written that the channel has not taken yet, in seconds since 1970; none where it has taken all.",
            ),
            metric(
                Kind::Gauge,
                "allswell_channel_taken_timestamp_seconds",
                &["channel"],
                "When the channel took something last, in seconds since 1970.",
            ),
            metric(
                Kind::Histogram,
                "allswell_alarm_delay_seconds",
                &[],
                "From the deadline or the deciding beat to the channel's receipt.",
            ),
            metric(Kind::Histogram, "allswell_commit_seconds", &[], "How long one commit of beats took."),
            metric(Kind::Histogram, "allswell_sweep_seconds", &[], "How long one sweep took."),
            metric(Kind::Gauge, "allswell_swept_timestamp_seconds", &[], "Up to when silence has been looked for, in seconds since 1970."),
        ],
    ),
    (
        "prober",
        &[
            metric(Kind::Counter, "allswell_probes_total", &["target", "showing"], "Probes, by target and what they showed."),
            metric(Kind::Histogram, "allswell_probe_seconds", &["target"], "How long a probe took."),
            metric(Kind::Gauge, "allswell_live", &["colour"], "1 for the live colour, 0 for the other; both 0 when undefined."),
            metric(Kind::Counter, "allswell_switches_total", &["outcome"], "Switches, by how they ended."),
            metric(Kind::Histogram, "allswell_switch_phase_seconds", &["phase"], "How long a switch took to reach the phase."),
            metric(
                Kind::Gauge,
                "allswell_switch_timestamp_seconds",
                &["to", "outcome"],
                "When the last switch ended, and how, in seconds since 1970.",
            ),
            metric(
                Kind::Gauge,
                "allswell_deploy_timestamp_seconds",
                &["colour", "version", "outcome"],
                "When the last deploy of a colour ended, and how, in seconds since 1970.",
            ),
            metric(
                Kind::Gauge,
                "allswell_watcher_acknowledged_seconds",
                &["watcher"],
                "How long ago the watcher acknowledged a beat; since the start where it never has.",
            ),
            metric(Kind::Gauge, "allswell_engine_answers", &[], "1 while the engine that the prober watches answers, 0 while it does not."),
            metric(
                Kind::Gauge,
                "allswell_instances_in_trouble",
                &["colour"],
                "Containers of a colour that ended, or are held, when nobody had asked allswell.",
            ),
        ],
    ),
    (
        "up",
        &[
            metric(
                Kind::Counter,
                "allswell_up_restarts_total",
                &["name"],
                "Parts and instances that ended by themselves and were started again.",
            ),
            metric(Kind::Gauge, "allswell_up_running", &["name"], "1 while the part or instance runs, 0 while it does not."),
        ],
    ),
    (
        "proxy",
        &[
            metric(Kind::Counter, "allswell_proxy_requests_total", &["colour", "status"], "Requests answered, by colour and status class."),
            metric(Kind::Histogram, "allswell_proxy_request_seconds", &["colour"], "From the request's header to the response's header."),
            metric(Kind::Gauge, "allswell_proxy_in_flight", &["colour"], "Requests that have claimed the colour and are not finished."),
            metric(Kind::Gauge, "allswell_proxy_streams_open", &["colour"], "WebSockets, other upgraded connections, and event streams."),
            metric(
                Kind::Counter,
                "allswell_proxy_errors_total",
                &["listener", "reason"],
                "Requests that the proxy answered itself, by reason.",
            ),
            metric(
                Kind::Counter,
                "allswell_proxy_broken_off_total",
                &["colour"],
                "Answers that the colour's app began and did not end, event streams aside; observe counts them as failed.",
            ),
            metric(
                Kind::Counter,
                "allswell_proxy_abandoned_total",
                &["listener"],
                "Requests whose client went away before the answer (499 in the access log).",
            ),
            metric(
                Kind::Counter,
                "allswell_proxy_stale_total",
                &["outcome"],
                "Requests on a connection that the app had closed before it answered, by outcome: resent, repeated, failed.",
            ),
            metric(
                Kind::Counter,
                "allswell_proxy_log_lines_lost_total",
                &[],
                "Lines of the access log that could not be written, or that the disk was too slow for.",
            ),
            metric(Kind::Gauge, "allswell_proxy_certificate_days", &["listener"], "Days until the listener's certificate ends."),
            metric(Kind::Gauge, "allswell_proxy_connections_open", &["listener"], "Client connections."),
            metric(
                Kind::Gauge,
                "allswell_proxy_connections_parked",
                &["listener"],
                "Client connections that have asked for nothing for a quarter of a second and take little memory.",
            ),
            metric(Kind::Gauge, "allswell_proxy_live", &["colour"], "1 for the live colour, 0 for the other; both 0 when undefined."),
            metric(Kind::Gauge, "allswell_proxy_epoch", &[], "The epoch of the last shift."),
            metric(Kind::Gauge, "allswell_proxy_addresses", &["colour"], "Addresses that the colour's names stand for."),
            metric(
                Kind::Counter,
                "allswell_proxy_lookups_failed_total",
                &["colour"],
                "Lookups of the colour's names that failed; what was known before is kept while it takes connections.",
            ),
        ],
    ),
];

/// Every metric of every part.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    TABLE.iter().flat_map(|(_, metrics)| metrics.iter())
}

/// Upper bounds, in seconds, of every histogram.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

fn opts(name: &str) -> (Opts, &'static [&'static str]) {
    let row = all().find(|row| row.name == name);
    debug_assert!(row.is_some(), "{name} is not in the table");
    row.map_or_else(|| (Opts::new(name, name), &[] as &[&str]), |row| (Opts::new(row.name, row.help), row.labels))
}

/// A counter of the table. Keep it in a `LazyLock`: a second one of the same name counts for itself and is not shown.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the table's names and labels are valid: a test makes them all")]
pub fn counter(name: &str) -> IntCounterVec {
    let (opts, labels) = opts(name);
    #[expect(clippy::unwrap_used, reason = "the table's names and labels are valid: a test makes them all")]
    let metric = IntCounterVec::new(opts, labels).unwrap();
    // Only a second one of the same name is refused.
    let _ = REGISTRY.register(Box::new(metric.clone()));
    metric
}

/// A gauge of the table.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the table's names and labels are valid: a test makes them all")]
pub fn gauge(name: &str) -> IntGaugeVec {
    let (opts, labels) = opts(name);
    #[expect(clippy::unwrap_used, reason = "the table's names and labels are valid: a test makes them all")]
    let metric = IntGaugeVec::new(opts, labels).unwrap();
    let _ = REGISTRY.register(Box::new(metric.clone()));
    metric
}

/// A gauge of the table whose rows come and go.
#[derive(Debug)]
pub struct Rows {
    gauge: GaugeVec,
    shown: Mutex<BTreeSet<Vec<String>>>,
}

impl Rows {
    /// Shows these rows, and no other from now on. A row that stays is never missing, not even while somebody reads.
    pub fn show(&self, rows: impl IntoIterator<Item = (Vec<String>, f64)>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = BTreeSet::new();
        for (labels, value) in rows {
            self.gauge.with_label_values(&labels).set(value);
            now.insert(labels);
        }
        for gone in shown.difference(&now) {
            // It was shown, so it is there.
            let _ = self.gauge.remove_label_values(gone);
        }
        *shown = now;
    }
}

/// A gauge of the table whose rows come and go.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the table's names and labels are valid: a test makes them all")]
pub fn rows(name: &str) -> Rows {
    let (opts, labels) = opts(name);
    #[expect(clippy::unwrap_used, reason = "the table's names and labels are valid: a test makes them all")]
    let gauge = GaugeVec::new(opts, labels).unwrap();
    let _ = REGISTRY.register(Box::new(gauge.clone()));
    Rows { gauge, shown: Mutex::default() }
}

/// A histogram of the table, in seconds.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the table's names and labels are valid: a test makes them all")]
pub fn histogram(name: &str) -> HistogramVec {
    let (opts, labels) = opts(name);
    #[expect(clippy::unwrap_used, reason = "the table's names and labels are valid: a test makes them all")]
    let metric = HistogramVec::new(HistogramOpts::from(opts).buckets(BUCKETS.to_vec()), labels).unwrap();
    let _ = REGISTRY.register(Box::new(metric.clone()));
    metric
}

/// Says which part this process is.
pub fn set_build_info(part: &str) {
    gauge("allswell_build_info").with_label_values(&[env!("CARGO_PKG_VERSION"), part]).set(1);
}

/// Everything, as Prometheus reads it.
#[must_use]
pub fn render() -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = TextEncoder::new().encode(&REGISTRY.gather(), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_makes_a_metric() {
        for row in all() {
            let values = vec!["x"; row.labels.len()];
            match row.kind {
                Kind::Counter => counter(row.name).with_label_values(&values).inc(),
                Kind::Gauge => gauge(row.name).with_label_values(&values).set(1),
                Kind::Histogram => histogram(row.name).with_label_values(&values).observe(1.0),
            }
            assert_eq!(row.kind == Kind::Counter, row.name.ends_with("_total"), "{}", row.name);
        }
        assert!(render().contains("allswell_beats_total"));
    }

    #[test]
    fn a_row_that_is_not_given_again_is_shown_no_more() {
        let rows = rows("allswell_incidents_open");
        let row = |severity: &str, value| (vec![severity.to_owned()], value);
        rows.show([row("critical", 1.0), row("warning", 2.0)]);
        rows.show([row("warning", 3.0)]);
        let shown: Vec<f64> =
            prometheus::core::Collector::collect(&rows.gauge)[0].get_metric().iter().map(|row| row.get_gauge().get_value()).collect();
        assert_eq!(shown, [3.0]);
    }
}
