//! Slack by a bot's token: chat.postMessage (docs.slack.dev, reference/methods/chat.postMessage). What follows an alarm stands in its thread.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::further::{Further, Sending};
use super::message::Message;
use super::receipt::{ChannelError, Receipt, SendError};
use super::slack;
use crate::domain::notice::{Notice, NoticeKind};
use crate::settings::Secret;

/// What Slack says when it may take the message later. Anything else that it says is for good: a token, a channel or a scope that is wrong.
const LATER: [&str; 6] = ["ratelimited", "rate_limited", "internal_error", "fatal_error", "request_timeout", "service_unavailable"];
/// Slack repeats the message in its answer.
const LARGEST_ANSWER: usize = 256 * 1024;
/// The alarm's message is gone: its thread is, too.
const NO_THREAD: [&str; 2] = ["thread_not_found", "message_not_found"];

/// A bot in a channel.
pub(super) struct SlackBot {
    url: Url,
    token: String,
    channel: String,
    client: Client,
}

/// What Slack answers.
#[derive(Debug, Deserialize)]
struct Said {
    ok: bool,
    error: Option<String>,
    ts: Option<String>,
    channel: Option<String>,
}

impl SlackBot {
    pub(super) fn new(name: &str, token: &Secret, channel: &str, api: &str, timeout: Duration) -> Result<Self, ChannelError> {
        let api = answer::url(name, &Secret::Plain(api.to_owned()))?;
        let token = token.reveal().map_err(|error| ChannelError::Secret(name.to_owned(), error))?;
        let client = answer::client(name, timeout)?;
        Ok(Self { url: answer::below(&api, "chat.postMessage"), token, channel: channel.to_owned(), client })
    }

    async fn post(&self, notice: &Notice, thread: Option<&str>) -> Result<Receipt, Refused> {
        let request = self.client.post(self.url.clone()).bearer_auth(&self.token).json(&payload(notice, &self.channel, thread));
        judge(&Answer::read_within(request.send().await, LARGEST_ANSWER).await?)
    }
}

impl Further for SlackBot {
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        self.send_after(notice, None)
    }

    fn send_after<'a>(&'a self, notice: &'a Notice, earlier: Option<&'a str>) -> Sending<'a> {
        Box::pin(async move {
            match self.post(notice, earlier.and_then(thread_of)).await {
                Err(Refused::NoThread) => self.post(notice, None).await,
                sent => sent,
            }
            .map_err(SendError::from)
        })
    }
}

/// Why a message was not taken.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// The message that it should stand under is gone.
    NoThread,
    Otherwise(SendError),
}

impl From<SendError> for Refused {
    fn from(error: SendError) -> Self {
        Self::Otherwise(error)
    }
}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoThread => Self::permanent("thread_not_found"),
            Refused::Otherwise(error) => error,
        }
    }
}

/// Slack's answer to a failure is 200 as well: what it says counts.
fn judge(answer: &Answer) -> Result<Receipt, Refused> {
    if answer.status != StatusCode::OK {
        return Err(answer.refusal(&[401, 403, 404]).into());
    }
    let said: Said = serde_json::from_str(&answer.body).map_err(|_| SendError::retry("answered 200, but not as Slack does"))?;
    match (said.ok, said.ts, said.error) {
        (true, Some(ts), _) => Ok(Receipt(format!("{}/{ts}", said.channel.unwrap_or_default()))),
        (_, _, Some(error)) if NO_THREAD.contains(&error.as_str()) => Err(Refused::NoThread),
        (_, _, Some(error)) if LATER.contains(&error.as_str()) => Err(SendError::Retry { why: error, after: answer.after }.into()),
        (_, _, Some(error)) => Err(SendError::permanent(error).into()),
        (_, _, None) => Err(SendError::retry("answered 200, but not as Slack does").into()),
    }
}

/// The receipt of the alarm names its message: `C0123/1503435956.000247`.
fn thread_of(receipt: &str) -> Option<&str> {
    receipt.split_once('/').map(|(_, ts)| ts).filter(|ts| !ts.is_empty() && ts.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// The same words as an incoming webhook's. A reminder, or what has become graver, is shown in the channel as well.
fn payload(notice: &Notice, channel: &str, thread: Option<&str>) -> Value {
    let mut payload = slack::payload(&Message::of(notice));
    payload["channel"] = json!(channel);
    if let Some(thread) = thread {
        payload["thread_ts"] = json!(thread);
        payload["reply_broadcast"] = json!(notice.kind != NoticeKind::CheckResolved);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    fn judged(status: u16, body: &str) -> Result<Receipt, Refused> {
        judge(&Answer { status: StatusCode::from_u16(status).unwrap(), after: Some(Duration::from_secs(3)), body: body.into() })
    }

    #[test]
    fn the_receipt_names_the_message_and_what_follows_stands_under_it() {
        let receipt = judged(200, r#"{"ok":true,"channel":"C0123","ts":"1503435956.000247","message":{"text":"x"#).unwrap_err();
        assert!(matches!(receipt, Refused::Otherwise(SendError::Retry { .. })), "half an answer is none");
        let receipt = judged(200, r#"{"ok":true,"channel":"C0123","ts":"1503435956.000247"}"#).unwrap();
        assert_eq!(thread_of(&receipt.0), Some("1503435956.000247"));
        for foreign in ["ok", "told by the sender", "C0123/", "C0123/<x>"] {
            assert_eq!(thread_of(foreign), None, "{foreign}");
        }
        let resolved = Notice { kind: NoticeKind::CheckResolved, ..notice() };
        let payload = payload(&resolved, "C0123", thread_of(&receipt.0));
        assert_eq!((&payload["thread_ts"], &payload["reply_broadcast"]), (&json!("1503435956.000247"), &json!(false)));
    }

    #[test]
    fn a_reminder_is_shown_in_the_channel_and_an_alarm_begins_a_thread() {
        let reminder = Notice { kind: NoticeKind::CheckReminder, ..notice() };
        assert_eq!(payload(&reminder, "C0123", Some("1.2"))["reply_broadcast"], true);
        assert_eq!(
            (payload(&notice(), "C0123", None).get("thread_ts"), &payload(&notice(), "C0123", None)["channel"]),
            (None, &json!("C0123"))
        );
    }

    #[test]
    fn what_slack_says_decides_and_not_its_status() {
        for error in LATER {
            let refused = judged(200, &format!(r#"{{"ok":false,"error":"{error}"}}"#)).unwrap_err();
            assert_eq!(refused, Refused::Otherwise(SendError::Retry { why: error.into(), after: Some(Duration::from_secs(3)) }));
        }
        for error in ["channel_not_found", "not_in_channel", "invalid_auth", "token_revoked", "missing_scope", "invalid_blocks"] {
            assert_eq!(judged(200, &format!(r#"{{"ok":false,"error":"{error}"}}"#)), Err(Refused::Otherwise(SendError::permanent(error))));
        }
        assert_eq!(judged(200, r#"{"ok":false,"error":"thread_not_found"}"#), Err(Refused::NoThread));
        for (status, is_permanent) in [(401, true), (403, true), (404, true), (429, false), (500, false), (503, false)] {
            let refused = SendError::from(judged(status, "").unwrap_err());
            assert_eq!(refused.is_permanent(), is_permanent, "{status}");
        }
        assert!(!SendError::from(judged(200, "<html>").unwrap_err()).is_permanent());
    }
}
