//! PagerDuty's Events API v2 (PagerDuty/developer-docs, docs/events-API-v2): alerts for trouble, change events for what is none.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{self, Answer};
use super::further::{Further, Sending};
use super::message::{Message, cut};
use super::receipt::{ChannelError, Receipt, SendError};
use crate::domain::notice::{Notice, NoticeKind};
use crate::settings::Secret;

/// Characters that PagerDuty takes: 1024 of a summary, 255 of a key.
const SUMMARY: usize = 1_023;
const KEY: usize = 255;
/// An event may have 512 kB; nobody reads so much.
const ALSO: usize = 5_000;
/// 400 is the documented answer to an event, or a routing key, that it does not take.
const PERMANENT: [u16; 5] = [400, 401, 403, 404, 410];

/// An integration of PagerDuty.
pub(super) struct PagerDuty {
    alerts: Url,
    changes: Url,
    routing_key: String,
    client: Client,
}

impl PagerDuty {
    pub(super) fn new(channel: &str, routing_key: &Secret, url: &str, timeout: Duration) -> Result<Self, ChannelError> {
        let url = answer::url(channel, &Secret::Plain(url.to_owned()))?;
        let routing_key = routing_key.reveal().map_err(|error| ChannelError::Secret(channel.to_owned(), error))?;
        let (alerts, changes) = (answer::below(&url, "v2/enqueue"), answer::below(&url, "v2/change/enqueue"));
        Ok(Self { alerts, changes, routing_key, client: answer::client(channel, timeout)? })
    }
}

impl Further for PagerDuty {
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let (url, event) = match action(notice.kind) {
                Action::Change => (&self.changes, change(notice, &self.routing_key)),
                Action::Trigger => (&self.alerts, trigger(notice, &self.routing_key)),
                Action::Resolve => (&self.alerts, resolve(notice, &self.routing_key)),
            };
            judge(&Answer::by_status(self.client.post(url.clone()).json(&event).send().await).await?)
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Action {
    /// Somebody is called.
    Trigger,
    /// What was triggered under the same key is over.
    Resolve,
    /// Shown, and nobody is called.
    Change,
}

fn action(kind: NoticeKind) -> Action {
    match kind {
        NoticeKind::CheckDown | NoticeKind::CheckPoorly | NoticeKind::CheckReminder | NoticeKind::ChannelDead => Action::Trigger,
        NoticeKind::WatcherBlind | NoticeKind::ClockStep | NoticeKind::SwitchReverted | NoticeKind::ChannelTest => Action::Trigger,
        NoticeKind::CheckResolved => Action::Resolve,
        NoticeKind::ChannelWell | NoticeKind::SwitchDone => Action::Change,
    }
}

/// Done only at 202: other things than PagerDuty answer 200.
fn judge(answer: &Answer) -> Result<Receipt, SendError> {
    match answer.status {
        StatusCode::ACCEPTED => Ok(Receipt("202".to_owned())),
        status if status.is_success() => {
            Err(SendError::retry(format!("answered {}, where PagerDuty answers 202: is this its address?", status.as_u16())))
        }
        _ => Err(answer.refusal(&PERMANENT)),
    }
}

fn trigger(notice: &Notice, routing_key: &str) -> Value {
    let (subject, message) = (&notice.subject, Message::of(notice));
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key(&subject.incident),
        "client": "allswell",
        "payload": {
            "summary": summary(&message),
            "source": subject.app,
            "severity": subject.severity,
            "timestamp": notice.since,
            "component": subject.check,
            "group": subject.app,
            "class": notice.kind,
            "custom_details": details(&message),
        },
    });
    if let Some(url) = message.url {
        event["client_url"] = json!(url);
    }
    event
}

fn resolve(notice: &Notice, routing_key: &str) -> Value {
    json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": dedup_key(&notice.subject.incident) })
}

fn change(notice: &Notice, routing_key: &str) -> Value {
    let message = Message::of(notice);
    let links: Vec<Value> = message.url.iter().map(|url| json!({ "href": url, "text": "status page" })).collect();
    json!({
        "routing_key": routing_key,
        "payload": {
            "summary": summary(&message),
            "source": notice.subject.app,
            "timestamp": notice.at,
            "custom_details": details(&message),
        },
        "links": links,
    })
}

fn summary(message: &Message) -> String {
    cut(&format!("{} · {}", message.headline, message.reason), SUMMARY)
}

fn details(message: &Message) -> Value {
    let facts = message.facts.iter().map(|(label, value)| ((*label).to_owned(), json!(value)));
    let rest = [("Why", message.reason.clone()), ("Also", cut(&message.also.join(", "), ALSO)), ("Type", message.command.clone())];
    facts.chain(rest.map(|(label, value)| (label.to_owned(), json!(value)))).collect()
}

/// The incident's key: the same from its alarm to its resolution, whoever tells it. A longer one is replaced by a digest.
fn dedup_key(incident: &str) -> String {
    if incident.chars().count() <= KEY { incident.to_owned() } else { Uuid::new_v5(&Uuid::NAMESPACE_URL, incident.as_bytes()).to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    #[test]
    fn an_alarm_is_the_published_trigger() {
        assert_eq!(
            trigger(&notice(), "R0"),
            json!({
                "routing_key": "R0",
                "event_action": "trigger",
                "dedup_key": "blue-1795410000000",
                "client": "allswell",
                "client_url": "http://127.0.0.1:7700/",
                "payload": {
                    "summary": "shop: blue (live) is not working · connection refused (3 times in a row)",
                    "source": "shop", "severity": "critical", "timestamp": "2026-11-23T05:00:00.000Z",
                    "component": "blue", "group": "shop", "class": "check.down",
                    "custom_details": {
                        "Since": "2026-11-23T05:00:00.000Z, for 12s", "Colour": "blue, live", "Severity": "critical",
                        "Why": "connection refused (3 times in a row)", "Also": "heartbeat-blue, site", "Type": "allswell logs blue",
                    },
                },
            })
        );
    }

    #[test]
    fn a_resolution_is_under_the_alarm_s_key() {
        let resolved = Notice { kind: NoticeKind::CheckResolved, key: "another".into(), ..notice() };
        let event = resolve(&resolved, "R0");
        assert_eq!(event, json!({ "routing_key": "R0", "event_action": "resolve", "dedup_key": "blue-1795410000000" }));
        assert_eq!(action(resolved.kind), Action::Resolve);
    }

    #[test]
    fn all_s_well_and_a_switch_call_nobody() {
        for kind in [NoticeKind::ChannelWell, NoticeKind::SwitchDone] {
            assert_eq!(action(kind), Action::Change);
        }
        let event = change(&Notice { kind: NoticeKind::SwitchDone, ..notice() }, "R0");
        let keys: Vec<&String> = event["payload"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["custom_details", "source", "summary", "timestamp"]);
        assert_eq!(event["links"], json!([{ "href": "http://127.0.0.1:7700/", "text": "status page" }]));
        assert_eq!(event.get("event_action"), None);
    }

    #[test]
    fn summary_and_key_keep_to_their_limits() {
        let mut long = notice();
        long.reason = "é".repeat(9_000);
        long.subject.incident = "x".repeat(256);
        let event = trigger(&long, "R0");
        assert_eq!(event["payload"]["summary"].as_str().unwrap().chars().count(), 1_024);
        assert_eq!(event["dedup_key"].as_str().unwrap().len(), 36);
        assert_eq!(event["dedup_key"], resolve(&long, "R0")["dedup_key"]);
    }

    #[test]
    fn only_202_is_done() {
        let judged = |status: u16| judge(&Answer { status: StatusCode::from_u16(status).unwrap(), after: None, body: String::new() });
        assert_eq!(judged(202), Ok(Receipt("202".into())));
        assert!(judged(400).unwrap_err().is_permanent());
        for status in [200, 204, 302, 429, 500, 503] {
            assert!(!judged(status).unwrap_err().is_permanent(), "{status}");
        }
    }
}
