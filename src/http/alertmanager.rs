//! What Alertmanager's webhook says. An alert that always fires, such as Prometheus' Watchdog, is a check: firing is all's well.

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// So much of a JSON body is read to find out.
pub(super) const MOST: usize = 1024 * 1024;

/// A group of alerts, as far as we read it: version 4 of the payload.
#[derive(Debug, Deserialize)]
struct Payload {
    version: String,
    #[serde(rename = "groupKey")]
    _group_key: String,
    status: String,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
struct Alert {
    #[serde(default)]
    labels: Map<String, Value>,
}

/// Whether the body may be a payload.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Why a ping with this body is none of all's well: the alerts fire no more. None: they fire, or Alertmanager did not send it.
pub(super) fn is_over(body: &[u8]) -> Option<String> {
    let payload: Payload = serde_json::from_slice(body).ok()?;
    if payload.version != "4" || payload.status != "resolved" {
        return None;
    }
    let name = |alert: &Alert| alert.labels.get("alertname").and_then(Value::as_str).unwrap_or("without a name").to_owned();
    let mut names: Vec<String> = payload.alerts.iter().map(name).collect();
    names.sort();
    names.dedup();
    Some(format!("Alertmanager says resolved: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Alertmanager's documentation has it, with its newer fields.
    fn payload(status: &str) -> String {
        let end = if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-11-24T03:05:00Z" };
        format!(
            r#"{{"receiver":"allswell","status":"{status}","alerts":[{{"status":"{status}","labels":{{"alertname":"Watchdog","severity":"none"}},
            "annotations":{{"summary":"always fires"}},"startsAt":"2026-11-24T03:00:00Z","endsAt":"{end}","generatorURL":"http://p:9090/graph",
            "fingerprint":"cfb8a5ac32ce1a54"}}],"notification_reason":"first notification","groupLabels":{{"alertname":"Watchdog"}},
            "commonLabels":{{"alertname":"Watchdog"}},"commonAnnotations":{{}},"routeLabels":{{}},"externalURL":"http://am:9093","version":"4",
            "groupKey":"{{}}:{{alertname=\"Watchdog\"}}","truncatedAlerts":0}}"#
        )
    }

    #[test]
    fn a_watchdog_that_fires_is_well_and_one_that_is_resolved_is_not() {
        assert_eq!(is_over(payload("firing").as_bytes()), None);
        assert_eq!(is_over(payload("resolved").as_bytes()).as_deref(), Some("Alertmanager says resolved: Watchdog"));
    }

    #[test]
    fn what_alertmanager_did_not_send_is_a_ping_like_any_other() {
        for body in
            ["", "{}", "[]", "{\"status\":\"resolved\"}", "resolved", "{\"version\":4,\"status\":\"resolved\",\"alerts\":1}", "\u{0}"]
        {
            assert_eq!(is_over(body.as_bytes()), None, "{body}");
        }
    }
}
