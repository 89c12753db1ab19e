//! Alertmanager's API v2: `POST /api/v2/alerts` (prometheus/alertmanager, api/v2/openapi.yaml).
//!
//! There, an alert is its labels, it is over when its `endsAt` has passed, and it is kept in memory alone. So what is not over is posted again and
//! again, as Prometheus does, each time with an end that is a few minutes away.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::{Map, Value, json};

use super::answer::{self, Answer};
use super::further::{Further, Sending};
use super::message::Message;
use super::receipt::{ChannelError, Receipt, SendError};
use crate::clock;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind};
use crate::settings::Secret;

/// What is not over is posted again so often: an Alertmanager that was started anew has it after that.
const AGAIN: Duration = Duration::from_secs(60);
/// What nobody posts again ends after this: four posts may be missed, and our clock may be a few minutes behind.
const LASTS: Duration = Duration::from_secs(5 * 60);
/// What happened once, and has no resolution: long enough to be told, whatever `group_wait` may be.
const EVENT: Duration = Duration::from_secs(15 * 60);
/// Whatever has a resolution.
const CHECK: &str = "AllswellCheck";
const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];
const PERMANENT: [u16; 5] = [400, 401, 403, 404, 410];

/// One Alertmanager.
pub(super) struct Alertmanager {
    url: Url,
    client: Client,
}

impl Alertmanager {
    pub(super) fn new(channel: &str, url: &Secret, timeout: Duration) -> Result<Self, ChannelError> {
        Ok(Self { url: answer::below(&answer::url(channel, url)?, "api/v2/alerts"), client: answer::client(channel, timeout)? })
    }

    async fn post(&self, alerts: &Value) -> Result<Receipt, SendError> {
        let sent = self.client.post(self.url.clone()).json(alerts).send().await;
        judge(&Answer::by_status(sent).await?)
    }
}

impl Further for Alertmanager {
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move { self.post(&payload(notice, clock::now())).await })
    }

    fn again_every(&self) -> Option<Duration> {
        Some(AGAIN)
    }

    fn send_again<'a>(&'a self, taken: &'a [Notice], is_over: bool) -> Sending<'a> {
        Box::pin(async move { self.post(&posted_again(taken, is_over, clock::now())).await })
    }
}

fn judge(answer: &Answer) -> Result<Receipt, SendError> {
    match answer.status {
        StatusCode::OK => Ok(Receipt("200".to_owned())),
        _ => Err(answer.refusal(&PERMANENT)),
    }
}

/// The severity is a label, so that routes can choose by it. An incident that becomes graver, or less grave before its end, is another alert:
/// the ones of its other severities are ended by the same post.
fn payload(notice: &Notice, now: Moment) -> Value {
    let subject = &notice.subject;
    let Some(name) = event(notice.kind) else {
        let is_over = notice.kind == NoticeKind::CheckResolved;
        let ends = |severity| if severity == subject.severity && !is_over { now + LASTS } else { notice.at };
        return SEVERITIES.map(|severity| alert(notice, &labels(notice, CHECK, severity), ends(severity))).into_iter().collect();
    };
    let mut labels = labels(notice, name, subject.severity);
    // Two of a kind within the quarter of an hour are two.
    labels.insert("incident".into(), json!(subject.incident));
    json!([alert(notice, &labels, now + EVENT)])
}

/// The alerts of these notices, which were posted before, with a later end; or with their end, where they are over. Their other severities ended
/// when they were told, and are not said again.
fn posted_again(taken: &[Notice], is_over: bool, now: Moment) -> Value {
    let ends = if is_over { now } else { now + LASTS };
    taken.iter().map(|notice| alert(notice, &labels(notice, CHECK, notice.subject.severity), ends)).collect()
}

/// The name of what happened once; nothing for what has a resolution.
fn event(kind: NoticeKind) -> Option<&'static str> {
    match kind {
        NoticeKind::CheckDown
        | NoticeKind::CheckPoorly
        | NoticeKind::CheckResolved
        | NoticeKind::CheckReminder
        | NoticeKind::ChannelDead => None,
        NoticeKind::WatcherBlind => Some("AllswellWatcherBlind"),
        NoticeKind::ClockStep => Some("AllswellClockStep"),
        NoticeKind::ChannelWell => Some("AllswellChannelWell"),
        NoticeKind::ChannelTest => Some("AllswellChannelTest"),
        NoticeKind::SwitchDone => Some("AllswellSwitchDone"),
        NoticeKind::SwitchReverted => Some("AllswellSwitchReverted"),
    }
}

/// What stays the same from the alarm to its resolution, but for the severity.
fn labels(notice: &Notice, name: &str, severity: Severity) -> Map<String, Value> {
    let subject = &notice.subject;
    let mut labels = Map::new();
    for (label, value) in [("alertname", name), ("app", &subject.app), ("check", &subject.check), ("severity", severity.as_str())] {
        labels.insert(label.into(), json!(value));
    }
    labels.extend(subject.colour.map(|colour| ("colour".to_owned(), json!(colour))));
    labels
}

fn alert(notice: &Notice, labels: &Map<String, Value>, ends: Moment) -> Value {
    let (subject, message) = (&notice.subject, Message::of(notice));
    let mut alert = json!({
        "labels": labels,
        "annotations": {
            "summary": message.headline,
            "description": message.text(),
            "incident": subject.incident,
            "status": subject.status,
            "live": subject.live.map_or_else(|| "undefined".to_owned(), |live| live.to_string()),
        },
        "startsAt": notice.since,
        // It refuses what ends before it begins: a clock that was set back makes no difference.
        "endsAt": ends.max(notice.since),
    });
    // It refuses the whole post where this is none.
    if let Some(url) = message.url.filter(|url| url.parse::<Url>().is_ok()) {
        alert["generatorURL"] = json!(url);
    }
    alert
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    fn ends(payload: &Value) -> Vec<(&str, &str)> {
        let alerts = payload.as_array().unwrap().iter();
        alerts.map(|alert| (alert["labels"]["severity"].as_str().unwrap(), alert["endsAt"].as_str().unwrap())).collect()
    }

    #[test]
    fn an_alarm_is_the_published_form() {
        let posted = payload(&notice(), notice().at);
        let mut critical = posted[2].clone();
        assert!(critical["annotations"]["description"].as_str().unwrap().contains("connection refused (3 times in a row)"));
        critical["annotations"]["description"] = json!("");
        assert_eq!(
            critical,
            json!({
                "labels": { "alertname": "AllswellCheck", "app": "shop", "check": "blue", "severity": "critical", "colour": "blue" },
                "annotations": {
                    "summary": "shop: blue (live) is not working", "description": "", "incident": "blue-1795410000000", "status": "down", "live": "blue",
                },
                "startsAt": "2026-11-23T05:00:00.000Z",
                "endsAt": "2026-11-23T05:05:12.000Z",
                "generatorURL": "http://127.0.0.1:7700/",
            })
        );
    }

    #[test]
    fn only_the_present_severity_fires_and_a_resolution_ends_them_all() {
        let at = "2026-11-23T05:00:12.000Z";
        let firing = payload(&notice(), notice().at + Duration::from_secs(60));
        assert_eq!(ends(&firing), [("info", at), ("warning", at), ("critical", "2026-11-23T05:06:12.000Z")]);
        let over = Notice { kind: NoticeKind::CheckResolved, duration_seconds: Some(12), ..notice() };
        let over = payload(&over, notice().at + Duration::from_secs(60));
        assert_eq!(ends(&over), [("info", at), ("warning", at), ("critical", at)]);
        for (alarm, end) in firing.as_array().unwrap().iter().zip(over.as_array().unwrap()) {
            assert_eq!(alarm["labels"], end["labels"], "labels are what an alert is known by");
        }
    }

    #[test]
    fn what_is_not_over_is_posted_again_as_the_same_alert_with_a_later_end() {
        let (first, later) = (payload(&notice(), notice().at), notice().at + Duration::from_secs(60));
        let again = posted_again(&[notice()], false, later);
        assert_eq!(ends(&again), [("critical", "2026-11-23T05:06:12.000Z")], "nothing is said of its other severities");
        assert_eq!(again[0]["labels"], first[2]["labels"]);
        let over = posted_again(&[notice()], true, later);
        assert_eq!((ends(&over), &over[0]["labels"]), (vec![("critical", "2026-11-23T05:01:12.000Z")], &first[2]["labels"]));
    }

    #[test]
    fn by_a_clock_that_was_set_back_no_alert_ends_before_it_began() {
        let began = "2026-11-23T05:00:00.000Z";
        let before = notice().since - Duration::from_secs(3_600);
        assert_eq!(ends(&payload(&Notice { at: before, ..notice() }, before)), [("info", began), ("warning", began), ("critical", began)]);
        assert_eq!(ends(&posted_again(&[notice()], false, before)), [("critical", began)]);
    }

    #[test]
    fn what_happened_once_ends_by_itself_after_it_was_posted() {
        let switched = Notice { kind: NoticeKind::SwitchDone, ..notice() };
        let posted = payload(&switched, notice().at + Duration::from_secs(3_600));
        assert_eq!(ends(&posted), [("critical", "2026-11-23T06:15:12.000Z")]);
        assert_eq!(posted[0]["labels"]["incident"], "blue-1795410000000");
    }

    #[test]
    fn a_url_that_is_none_is_left_out() {
        let about = Notice { url: Some("status page".into()), ..notice() };
        assert_eq!(payload(&about, about.at)[2].get("generatorURL"), None);
    }
}
