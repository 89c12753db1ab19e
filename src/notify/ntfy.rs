//! A topic of ntfy, published as JSON (docs.ntfy.sh, publish).

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::further::{Further, Sending};
use super::message::{Message, cut};
use super::receipt::{ChannelError, Receipt, SendError};
use crate::domain::incident::Severity;
use crate::domain::notice::{Notice, NoticeKind};
use crate::settings::Secret;

/// In bytes: what is longer, ntfy makes a file of.
const TEXT: usize = 4_000;
/// In characters: a telephone shows far less.
const TITLE: usize = 250;
const PERMANENT: [u16; 6] = [400, 401, 403, 404, 410, 413];

/// A topic.
pub(super) struct Ntfy {
    server: Url,
    topic: String,
    token: Option<String>,
    client: Client,
}

impl Ntfy {
    pub(super) fn new(channel: &str, url: &Secret, token: Option<&Secret>, timeout: Duration) -> Result<Self, ChannelError> {
        let mut server = answer::url(channel, url)?;
        let topic = server.path().trim_matches('/').to_owned();
        if topic.is_empty() || topic.contains('/') {
            let wrong = "its url must be that of a topic, such as https://ntfy.sh/TOPIC".to_owned();
            return Err(ChannelError::Setting(channel.to_owned(), wrong));
        }
        // As JSON, it is published at the root.
        server.set_path("/");
        let reveal = |token: &Secret| token.reveal().map_err(|error| ChannelError::Secret(channel.to_owned(), error));
        Ok(Self { server, topic, token: token.map(reveal).transpose()?, client: answer::client(channel, timeout)? })
    }
}

impl Further for Ntfy {
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let mut request = self.client.post(self.server.clone()).json(&payload(notice, &self.topic));
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            judge(&Answer::read(request.send().await).await?)
        })
    }
}

/// Done only where the message comes back with an id: other things than ntfy answer 200 too.
fn judge(answer: &Answer) -> Result<Receipt, SendError> {
    match answer.status {
        StatusCode::OK if answer.body.contains("\"id\":") => Ok(Receipt("200".to_owned())),
        StatusCode::OK => Err(SendError::retry("answered 200, but not with a message's id: is this ntfy?")),
        _ => Err(answer.refusal(&PERMANENT)),
    }
}

fn payload(notice: &Notice, topic: &str) -> Value {
    let message = Message::of(notice);
    let (priority, emoji) = urgency(notice);
    let mut payload = json!({
        "topic": topic,
        "title": cut(&message.headline, TITLE),
        "message": fit(&message.text(), TEXT),
        "priority": priority,
        "tags": [emoji, notice.kind],
    });
    if let Some(url) = message.url {
        payload["click"] = json!(url);
    }
    payload
}

/// ntfy's priorities go from 1 to 5 (5 goes on ringing, 2 makes no sound), and some tags are drawn.
fn urgency(notice: &Notice) -> (u8, &'static str) {
    match (notice.kind, notice.subject.severity) {
        (NoticeKind::ChannelWell, _) => (2, "green_heart"),
        (NoticeKind::CheckResolved | NoticeKind::SwitchDone, _) => (3, "white_check_mark"),
        (_, Severity::Critical) => (5, "rotating_light"),
        (_, Severity::Warning) => (4, "warning"),
        (_, Severity::Info) => (3, "information_source"),
    }
}

/// At most so many bytes, and a sign where some are missing.
fn fit(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most - '…'.len_utf8())])
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    fn ntfy(url: &str) -> Result<Ntfy, ChannelError> {
        Ntfy::new("phone", &Secret::Plain(url.into()), None, Duration::from_secs(1))
    }

    #[test]
    fn a_message_is_the_published_form() {
        let message = Message::of(&notice()).text();
        assert_eq!(
            payload(&notice(), "shop"),
            json!({
                "topic": "shop", "title": "shop: blue (live) is not working", "message": message, "priority": 5,
                "tags": ["rotating_light", "check.down"], "click": "http://127.0.0.1:7700/",
            })
        );
        let resolved = payload(&Notice { kind: NoticeKind::CheckResolved, ..notice() }, "shop");
        assert_eq!((&resolved["priority"], &resolved["tags"][0]), (&json!(3), &json!("white_check_mark")));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = Notice { reason: "€".repeat(2_400), ..notice() };
        let payload = payload(&long, "shop");
        let text = payload["message"].as_str().unwrap();
        assert!(text.len() <= TEXT && text.len() > TEXT - 6 && text.ends_with("€…"), "{}", text.len());
    }

    #[test]
    fn a_url_is_that_of_a_topic_and_is_not_shown_where_it_is_not() {
        let topic = ntfy("https://ntfy.example:8443/shop").unwrap();
        assert_eq!((topic.server.as_str(), topic.topic.as_str()), ("https://ntfy.example:8443/", "shop"));
        for wrong in ["https://hush.example", "https://hush.example/", "https://hush.example/a/b"] {
            let told = ntfy(wrong).err().unwrap().to_string();
            assert!(told.contains("\"phone\"") && told.contains("TOPIC") && !told.contains("hush"), "{told}");
        }
    }

    #[test]
    fn only_a_message_s_id_is_done() {
        let judged =
            |status: u16, body: &str| judge(&Answer { status: StatusCode::from_u16(status).unwrap(), after: None, body: body.into() });
        assert_eq!(judged(200, r#"{"id":"a","event":"message"}"#), Ok(Receipt("200".into())));
        for status in [400, 401, 403, 404, 413] {
            assert!(judged(status, "").unwrap_err().is_permanent(), "{status}");
        }
        for (status, body) in [(200, "<html>"), (202, r#"{"id":"a"}"#), (429, ""), (500, ""), (507, "")] {
            assert!(!judged(status, body).unwrap_err().is_permanent(), "{status}");
        }
    }
}
