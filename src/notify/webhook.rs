//! An HTTP POST by the Standard Webhooks scheme (standardwebhooks.com).

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::receipt::{ChannelError, Receipt, SendError};
use crate::clock;
use crate::domain::notice::Notice;
use crate::settings::Secret;
use crate::signing::Key;

/// A receiver that does not know us or does not exist.
const PERMANENT: [u16; 4] = [401, 403, 404, 410];

/// A receiver of JSON.
pub(super) struct Webhook {
    url: Url,
    key: Option<Key>,
    client: Client,
}

impl Webhook {
    pub(super) fn new(channel: &str, url: &Secret, signing_key: Option<&Secret>, timeout: Duration) -> Result<Self, ChannelError> {
        let reveal = |secret: &Secret| {
            let text = secret.reveal().map_err(|error| ChannelError::Secret(channel.to_owned(), error))?;
            Key::webhook(&text).map_err(|error| ChannelError::Setting(channel.to_owned(), error.to_string()))
        };
        let key = signing_key.map(reveal).transpose()?;
        Ok(Self { url: answer::url(channel, url)?, key, client: answer::client(channel, timeout)? })
    }

    /// Taken at any 2xx.
    pub(super) async fn send(&self, notice: &Notice) -> Result<Receipt, SendError> {
        let id = header_safe(&notice.key);
        let body = payload(notice).to_string();
        // The attempt's time and not the notice's: receivers refuse what is too old.
        let timestamp = clock::now().as_millis().div_euclid(1_000);
        let mut request = self.client.post(self.url.clone()).header("content-type", "application/json");
        request = request.header("webhook-id", &id).header("webhook-timestamp", timestamp);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", key.webhook_signature(&id, timestamp, body.as_bytes()));
        }
        judge(&Answer::by_status(request.body(body).send().await).await?)
    }
}

fn judge(answer: &Answer) -> Result<Receipt, SendError> {
    if answer.status.is_success() { Ok(Receipt(answer.status.as_u16().to_string())) } else { Err(answer.refusal(&PERMANENT)) }
}

/// What is sent. A command is given the same.
pub(super) fn payload(notice: &Notice) -> Value {
    let subject = &notice.subject;
    json!({
        "type": notice.kind,
        "timestamp": notice.at,
        "data": {
            "incident": subject.incident,
            "app": subject.app,
            "check": subject.check,
            "status": subject.status,
            "severity": subject.severity,
            "colour": subject.colour,
            "live": subject.live,
            "since": notice.since,
            "reason": notice.reason,
            "duration_seconds": notice.duration_seconds,
            "also": notice.also,
            "url": notice.url,
        },
    })
}

/// What cannot stand in a header is written as in URLs; everything else stays as it is.
fn header_safe(key: &str) -> String {
    let mut safe = String::new();
    for byte in key.bytes() {
        if (b'!'..=b'~').contains(&byte) && byte != b'%' {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;
    use reqwest::StatusCode;

    #[test]
    fn the_payload_is_the_published_one() {
        assert_eq!(
            payload(&notice()),
            json!({
                "type": "check.down",
                "timestamp": "2026-11-23T05:00:12.000Z",
                "data": {
                    "incident": "blue-1795410000000", "app": "shop", "check": "blue", "status": "down", "severity": "critical",
                    "colour": "blue", "live": "blue", "since": "2026-11-23T05:00:00.000Z", "reason": "connection refused (3 times in a row)",
                    "duration_seconds": null, "also": ["heartbeat-blue", "site"], "url": "http://127.0.0.1:7700/",
                },
            })
        );
    }

    #[test]
    fn a_2xx_takes_it_and_some_answers_are_for_good() {
        let judged = |status: u16| judge(&Answer { status: StatusCode::from_u16(status).unwrap(), after: None, body: String::new() });
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status), Ok(Receipt(status.to_string())));
        }
        for status in [401, 403, 404, 410] {
            assert!(judged(status).unwrap_err().is_permanent(), "{status}");
        }
        for status in [302, 400, 408, 422, 429, 500, 502, 503] {
            assert!(!judged(status).unwrap_err().is_permanent(), "{status}");
        }
    }

    #[test]
    fn an_id_can_stand_in_a_header_and_no_two_are_the_same() {
        assert_eq!(header_safe("blue-1/check.down/ops"), "blue-1/check.down/ops");
        assert_eq!(header_safe("nightly backup-1/ä\n"), "nightly%20backup-1/%C3%A4%0A");
        assert_ne!(header_safe("a b"), header_safe("a%20b"));
    }
}
