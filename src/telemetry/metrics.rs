//! Every metric, in one table. A metric that is not in the table cannot be made.

use std::sync::LazyLock;

use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// One metric: its name with the unit, its labels, and what it means.
#[derive(Debug)]
pub struct Metric {
    /// Name, by Prometheus' conventions.
    pub name: &'static str,
    /// Labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

const fn metric(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, labels, help }
}

/// The table.
pub const TABLE: &[Metric] = &[
    metric("allswell_build_info", &["version", "part"], "Always 1; which version of which part this is."),
    // Watcher
    metric("allswell_beats_total", &["kind"], "Beats stored, by kind."),
    metric("allswell_beats_refused_total", &["reason"], "Beats refused, by reason."),
    metric("allswell_beat_skew_seconds", &["instance"], "Our clock minus the sender's, at the last beat."),
    metric("allswell_watcher_certificate_days", &[], "Days until the certificate of the watcher's listener ends."),
    metric("allswell_checks", &["status"], "Checks, by status."),
    metric("allswell_incidents_open", &["severity"], "Open incidents, by severity."),
    metric("allswell_notices_total", &["channel", "outcome"], "Attempts to tell a channel, by outcome: taken, retried, passed_on."),
    metric("allswell_outbox_notices", &["channel"], "Notices that the channel has not taken yet."),
    metric("allswell_alarm_delay_seconds", &[], "From the deadline or the deciding beat to the channel's receipt."),
    metric("allswell_commit_seconds", &[], "How long one commit of beats took."),
    metric("allswell_sweep_seconds", &[], "How long one sweep took."),
    // Prober
    metric("allswell_probes_total", &["target", "showing"], "Probes, by target and what they showed."),
    metric("allswell_probe_seconds", &["target"], "How long a probe took."),
    metric("allswell_live", &["colour"], "1 for the live colour, 0 for the other; both 0 when undefined."),
    metric("allswell_switches_total", &["outcome"], "Switches, by how they ended."),
    metric("allswell_switch_phase_seconds", &["phase"], "How long a switch took to reach the phase."),
    metric("allswell_watcher_acknowledged_seconds", &["watcher"], "How long ago the watcher acknowledged a beat."),
    metric("allswell_engine_answers", &[], "1 while the engine that the prober watches answers, 0 while it does not."),
    metric("allswell_instances_in_trouble", &["colour"], "Containers of a colour that ended, or are held, when nobody had asked allswell."),
    // Up
    metric("allswell_up_restarts_total", &["name"], "Parts and instances that ended by themselves and were started again."),
    metric("allswell_up_running", &["name"], "1 while the part or instance runs, 0 while it does not."),
    // Proxy
    metric("allswell_proxy_requests_total", &["colour", "status"], "Requests answered, by colour and status class."),
    metric("allswell_proxy_request_seconds", &["colour"], "From the request's header to the response's header."),
    metric("allswell_proxy_in_flight", &["colour"], "Requests that have claimed the colour and are not finished."),
    metric("allswell_proxy_streams_open", &["colour"], "WebSockets and other upgraded connections."),
    metric("allswell_proxy_errors_total", &["reason"], "Requests that the proxy answered itself, by reason."),
    metric(
        "allswell_proxy_stale_total",
        &["outcome"],
        "Requests on a connection that the app had closed meanwhile, by outcome: resent, repeated, failed.",
    ),
    metric("allswell_proxy_log_lines_lost_total", &[], "Lines of the access log that the disk was too slow for."),
    metric("allswell_proxy_certificate_days", &["listener"], "Days until the listener's certificate ends."),
    metric("allswell_proxy_connections_open", &["listener"], "Client connections."),
    metric("allswell_proxy_live", &["colour"], "1 for the live colour, 0 for the other; both 0 when undefined."),
    metric("allswell_proxy_epoch", &[], "The epoch of the last shift."),
    metric("allswell_proxy_addresses", &["colour"], "Addresses that the colour's names stand for."),
    metric(
        "allswell_proxy_lookups_failed_total",
        &["colour"],
        "Lookups of the colour's names that failed; what was known before is kept while it takes connections.",
    ),
];

/// Upper bounds, in seconds, of every histogram.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

fn opts(name: &str) -> (Opts, &'static [&'static str]) {
    let row = TABLE.iter().find(|row| row.name == name);
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
        for row in TABLE {
            let values = vec!["x"; row.labels.len()];
            if row.name.ends_with("_total") {
                counter(row.name).with_label_values(&values).inc();
            } else {
                gauge(row.name).with_label_values(&values).set(1);
            }
        }
        assert!(render().contains("allswell_beats_total"));
    }
}
