//! Slack's incoming webhooks, with Block Kit within its published limits (docs.slack.dev, reference/block-kit/blocks):
//! a header 150 characters, a section's text 3000, its fields 10 of 2000, a context 10 elements, a message 50 blocks.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::message::Message;
use super::receipt::{ChannelError, Receipt, SendError};
use crate::domain::notice::Notice;
use crate::settings::Secret;

const HEADER: usize = 150;
const SECTION: usize = 3_000;
const FIELD: usize = 2_000;
/// Slack names no limit for the fallback text below 4000; a notification shows far less.
const FALLBACK: usize = 1_000;
/// What will not be taken however often it is sent: a payload that Slack does not understand, a webhook that is gone.
const PERMANENT: [u16; 5] = [400, 401, 403, 404, 410];

/// An incoming webhook.
pub(super) struct Slack {
    url: Url,
    client: Client,
}

impl Slack {
    pub(super) fn new(channel: &str, url: &Secret, timeout: Duration) -> Result<Self, ChannelError> {
        Ok(Self { url: answer::url(channel, url)?, client: answer::client(channel, timeout)? })
    }

    /// Done only at 200 and `ok`: other things than Slack answer 200 too.
    pub(super) async fn send(&self, notice: &Notice) -> Result<Receipt, SendError> {
        let sent = self.client.post(self.url.clone()).json(&payload(&Message::of(notice))).send().await;
        judge(&Answer::read(sent).await?)
    }
}

fn judge(answer: &Answer) -> Result<Receipt, SendError> {
    match answer.status {
        StatusCode::OK if answer.body.trim() == "ok" => Ok(Receipt("ok".to_owned())),
        StatusCode::OK => Err(SendError::retry("answered 200, but not \"ok\": is this a webhook of Slack?")),
        _ => Err(answer.refusal(&PERMANENT)),
    }
}

/// The words of others stand in `plain_text` alone, where Slack reads no markup; only our own stand in `mrkdwn`.
pub(super) fn payload(message: &Message) -> Value {
    let fields: Vec<Value> =
        message.facts.iter().map(|(label, value)| marked(&format!("*{label}*\n{}", escape(value, FIELD - 100)))).collect();
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(&message.headline, HEADER) }),
        json!({ "type": "section", "fields": fields }),
        json!({ "type": "section", "text": plain(&format!("Why: {}", message.reason), SECTION) }),
    ];
    if !message.also.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(&format!("Also: {}", message.also.join(", ")), SECTION) }));
    }
    let mut look = vec![marked(&format!("`{}`", escape(&message.command, 200)))];
    look.extend(message.url.as_deref().map(|url| plain(url, FIELD)));
    blocks.push(json!({ "type": "context", "elements": look }));
    let fallback = escape(&format!("{} · {}", message.headline, message.reason), FALLBACK);
    json!({ "text": fallback, "mrkdwn": false, "unfurl_links": false, "blocks": blocks })
}

fn plain(text: &str, most: usize) -> Value {
    // Slack refuses an empty text.
    let text = if text.trim().is_empty() { "-" } else { text };
    json!({ "type": "plain_text", "text": escape(text, most), "emoji": false })
}

fn marked(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// Escapes Slack's three control characters, so that no mention and no link can be written, and keeps to `most` UTF-16 units without cutting
/// an escape in two.
fn escape(text: &str, most: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let piece: &str = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => c.encode_utf8(&mut buffer),
        };
        length += piece.encode_utf16().count();
        if length > most {
            // The sign is one unit: what was added before may have filled the last one.
            while escaped.encode_utf16().count() >= most {
                drop_last(&mut escaped);
            }
            escaped.push('…');
            break;
        }
        escaped.push_str(piece);
    }
    escaped
}

fn drop_last(escaped: &mut String) {
    let whole = ["&amp;", "&lt;", "&gt;"].iter().find(|entity| escaped.ends_with(**entity)).map(|entity| entity.len());
    match whole {
        Some(length) => escaped.truncate(escaped.len() - length),
        None => drop(escaped.pop()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    #[test]
    fn no_mention_and_no_markup_can_be_injected() {
        let mut about = notice();
        about.reason = "<!channel> <@U1> <https://evil.example|log in> & `x` *bold*".into();
        about.subject.app = "<!here>".into();
        about.also = vec!["<!everyone>".into()];
        let payload = payload(&Message::of(&about));
        assert!(!payload.to_string().contains('<'), "{payload}");
        for block in payload["blocks"].as_array().unwrap() {
            let text = block["text"]["text"].as_str().unwrap_or_default();
            let foreign = ["bold", "here", "everyone"].iter().any(|word| text.contains(word));
            assert!(!foreign || block["text"]["type"] == "plain_text", "{block}");
        }
        assert_eq!(payload["mrkdwn"], false);
    }

    #[test]
    fn every_text_keeps_to_its_limit_and_no_escape_is_cut() {
        let mut about = notice();
        about.reason = "&".repeat(9_000);
        about.subject.app = "<".repeat(400);
        about.also = vec!["😀".repeat(9_000)];
        let payload = payload(&Message::of(&about));
        let units = |value: &Value| value.as_str().unwrap().encode_utf16().count();
        let blocks = payload["blocks"].as_array().unwrap();
        assert!(units(&blocks[0]["text"]["text"]) <= HEADER);
        assert!(blocks[0]["text"]["text"].as_str().unwrap().ends_with("&lt;…"), "{}", blocks[0]);
        assert!(units(&blocks[2]["text"]["text"]) <= SECTION);
        assert!(blocks[2]["text"]["text"].as_str().unwrap().ends_with("&amp;…"));
        assert!(units(&blocks[3]["text"]["text"]) <= SECTION);
        assert!(units(&payload["text"]) <= FALLBACK);
    }

    #[test]
    fn only_200_and_ok_is_done() {
        let judged = |status: u16, body: &str, after: Option<u64>| {
            let after = after.map(Duration::from_secs);
            judge(&Answer { status: StatusCode::from_u16(status).unwrap(), after, body: body.into() })
        };
        assert_eq!(judged(200, "ok", None), Ok(Receipt("ok".into())));
        for (status, body) in
            [(400, "invalid_payload"), (403, "action_prohibited"), (404, "no_service"), (410, "channel_is_archived"), (401, "")]
        {
            let error = judged(status, body, None).unwrap_err();
            assert!(error.is_permanent() && error.to_string().contains(body), "{error}");
        }
        for (status, body) in [(200, "<html>welcome</html>"), (200, ""), (201, "ok"), (302, ""), (500, ""), (503, "")] {
            assert!(!judged(status, body, None).unwrap_err().is_permanent(), "{status} {body}");
        }
        let limited = judged(429, "rate_limited", Some(30)).unwrap_err();
        assert_eq!(limited, SendError::Retry { why: "answered 429: rate_limited".into(), after: Some(Duration::from_secs(30)) });
    }
}
