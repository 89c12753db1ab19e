//! What an HTTP receiver answered, as far as channels care: read within bounds, and mapped in one place.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::timeout;

use super::receipt::{ChannelError, SendError};
use crate::clock;
use crate::domain::moment::Moment;
use crate::net::client::{explain, http};
use crate::settings::Secret;

/// A receiver that asks for more is asked again after this all the same: it may have mended meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// More of an answer's body is not read.
const LARGEST_BODY: usize = 1_024;
/// A body that decides nothing is waited for so long.
const PATIENCE: Duration = Duration::from_millis(300);

/// Reads a URL from its secret.
pub(super) fn url(channel: &str, secret: &Secret) -> Result<Url, ChannelError> {
    let text = secret.reveal().map_err(|error| ChannelError::Secret(channel.to_owned(), error))?;
    let url = text.trim().parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        ChannelError::Setting(channel.to_owned(), "its url must be a whole one that begins with https:// or http://".to_owned())
    })
}

/// A path below a URL, which may have a path of its own.
pub(super) fn below(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    // Only a URL without a host has no segments, and `url` takes none.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}

/// A client for one channel.
pub(super) fn client(channel: &str, timeout: Duration) -> Result<Client, ChannelError> {
    http(timeout).map_err(|error| ChannelError::Client(channel.to_owned(), error))
}

/// An answer: its status, when to come back, and how its body begins.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) after: Option<Duration>,
    pub(super) body: String,
}

impl Answer {
    /// Reads one that says by its body whether the notice was taken.
    pub(super) async fn read(sent: Result<Response, reqwest::Error>) -> Result<Self, SendError> {
        Self::read_within(sent, LARGEST_BODY).await
    }

    /// Reads one whose body has more to say: so many bytes of it at most.
    pub(super) async fn read_within(sent: Result<Response, reqwest::Error>, most: usize) -> Result<Self, SendError> {
        let mut response = sent.map_err(unanswered)?;
        if !response.status().is_success() {
            return Self::by_status(Ok(response)).await;
        }
        let mut body = Vec::new();
        read_body(&mut response, &mut body, most).await.map_err(unanswered)?;
        Ok(Self::of(&response, &body))
    }

    /// Reads one whose status says all. What is taken stays so where the body never ends or breaks off: it would be told again and again.
    pub(super) async fn by_status(sent: Result<Response, reqwest::Error>) -> Result<Self, SendError> {
        let mut response = sent.map_err(unanswered)?;
        let mut body = Vec::new();
        let _ = timeout(PATIENCE, read_body(&mut response, &mut body, LARGEST_BODY)).await;
        Ok(Self::of(&response, &body))
    }

    fn of(response: &Response, body: &[u8]) -> Self {
        let after = retry_after(response.headers(), clock::now());
        Self { status: response.status(), after, body: String::from_utf8_lossy(body).into_owned() }
    }

    /// The error that this answer is, when it is not a success.
    pub(super) fn refusal(&self, permanent: &[u16]) -> SendError {
        let status = self.status.as_u16();
        let why = match self.code() {
            Some(code) => format!("answered {status}: {code}"),
            None if self.status.is_redirection() => {
                format!("answered {status}, and redirects are not followed: give the channel the address to which it leads")
            }
            None => format!("answered {status}"),
        };
        if permanent.contains(&status) { SendError::permanent(why) } else { SendError::Retry { why, after: self.after } }
    }

    /// A body that is one short word, as Slack's errors are. Anything longer may have secrets in it.
    fn code(&self) -> Option<&str> {
        let word = self.body.trim();
        let is_code = (1..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_code.then_some(word)
    }
}

/// Adds to `body` what comes, up to so many bytes in all.
async fn read_body(response: &mut Response, body: &mut Vec<u8>, most: usize) -> Result<(), reqwest::Error> {
    while body.len() < most {
        let Some(chunk) = response.chunk().await? else { break };
        body.extend_from_slice(&chunk);
    }
    body.truncate(most);
    Ok(())
}

fn unanswered(error: reqwest::Error) -> SendError {
    SendError::retry(explain(error))
}

/// `Retry-After`, in seconds or as a date, up to an hour.
fn retry_after(headers: &HeaderMap, now: Moment) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Moment::from(DateTime::parse_from_rfc2822(text).ok()?.to_utc()).since(now),
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_in_seconds_or_as_a_date_and_never_over_an_hour() {
        let now = Moment::from_millis(1_795_410_000_000);
        let date = |moment: Moment| moment.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for (text, seconds) in [
            ("30".to_owned(), Some(30)),
            (date(now + Duration::from_secs(90)), Some(90)),
            (date(now - Duration::from_secs(90)), Some(0)),
            ("86400".to_owned(), Some(3_600)),
            ("soon".to_owned(), None),
            ("-1".to_owned(), None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now).map(|wait| wait.as_secs()), seconds, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_path_stands_below_the_url_s_own() {
        for (url, whole) in [
            ("http://h", "http://h/api/v2"),
            ("http://h/", "http://h/api/v2"),
            ("https://u:p@h/a", "https://u:p@h/a/api/v2"),
            ("http://h/a/", "http://h/a/api/v2"),
        ] {
            assert_eq!(below(&url.parse().unwrap(), "api/v2").as_str(), whole);
        }
    }

    #[test]
    fn a_redirect_is_refused_with_what_to_do() {
        for status in [301, 302, 307, 308] {
            let answer = Answer { status: StatusCode::from_u16(status).unwrap(), after: None, body: "<html>".into() };
            let refusal = answer.refusal(&[400]);
            assert!(!refusal.is_permanent() && refusal.to_string().contains("give the channel the address"), "{refusal}");
        }
    }

    #[test]
    fn only_a_word_of_the_receiver_is_repeated() {
        let refusal = |body: &str| Answer { status: StatusCode::BAD_REQUEST, after: None, body: body.into() }.refusal(&[400]).to_string();
        assert_eq!(refusal("invalid_payload\n"), "answered 400: invalid_payload");
        assert_eq!(refusal("<html>https://hooks.example/secret</html>"), "answered 400");
        assert_eq!(refusal(""), "answered 400");
    }
}
