//! A sign-in, as it stands in a cookie: signed by us, kept by nobody.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::super::keys::ApiKey;
use crate::domain::moment::Moment;
use crate::signing::Key;

/// Only over HTTPS, from no other host, for no other path: a browser takes the name for all of that.
const SECURE: &str = "__Host-allswell";
/// Where there is no HTTPS.
const PLAIN: &str = "allswell";

/// Who has signed in, with what, and until when that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Their name, as they gave it.
    pub(super) name: String,
    /// The seal of the key that they had. None: the watcher's token.
    pub(super) key: Option<String>,
    /// Until then.
    pub(super) until: Moment,
}

impl Session {
    /// The header that gives it to a browser.
    pub(super) fn cookie(&self, key: &Key, lasts: Duration, is_https: bool) -> String {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let value = format!("{payload}.{}", signature(key, &payload));
        made(&value, lasts.as_secs(), is_https)
    }

    /// The one that a request carries, where it is ours and still holds.
    pub(super) fn of(headers: &HeaderMap, key: &Key, now: Moment) -> Option<Self> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let named = pairs.filter(|(name, _)| [SECURE, PLAIN].contains(name)).map(|(_, value)| value);
        let session = named.filter_map(|value| Self::read(value, key)).next()?;
        (now < session.until).then_some(session)
    }

    fn read(value: &str, key: &Key) -> Option<Self> {
        let (payload, given) = value.split_once('.')?;
        key.verify("COOKIE", PLAIN, payload.as_bytes(), given).then_some(())?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

/// What a sign-in keeps of a key of the config: another for another secret, so that a new secret ends what was begun with the old one. Nobody who
/// has not the watcher's token makes it, or guesses a secret by it.
pub(super) fn seal(signer: &Key, key: &ApiKey) -> String {
    signer.sign("KEY", &key.name, key.secret.as_bytes())
}

/// The header that takes it away.
pub(super) fn forgotten(is_https: bool) -> String {
    made("", 0, is_https)
}

fn signature(key: &Key, payload: &str) -> String {
    key.sign("COOKIE", PLAIN, payload.as_bytes())
}

fn made(value: &str, seconds: u64, is_https: bool) -> String {
    let (name, secure) = if is_https { (SECURE, "; Secure") } else { (PLAIN, "") };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(cookie: &str) -> HeaderMap {
        let pair = cookie.split(';').next().unwrap();
        [(header::COOKIE, format!("other=1; {pair}").parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_sign_in_holds_until_its_time_under_its_key_and_unchanged() {
        let (key, until) = (Key::new("token"), Moment::from_millis(1_000));
        let session = Session { name: "ann".into(), key: None, until };
        let cookie = session.cookie(&key, Duration::from_secs(60), true);
        assert!(
            cookie.starts_with("__Host-allswell=") && cookie.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"),
            "{cookie}"
        );
        let read = |cookie: &str, key: &Key, now| Session::of(&carried(cookie), key, Moment::from_millis(now));
        assert_eq!(read(&cookie, &key, 999), Some(session.clone()));
        assert_eq!(read(&cookie, &key, 1_000), None, "its time is over");
        assert_eq!(read(&cookie, &Key::new("another"), 0), None, "the token is another");
        let other = Session { key: Some("k".into()), ..session }.cookie(&Key::new("mine"), Duration::ZERO, true);
        let forged = format!("{}.{}", other.split('.').next().unwrap(), cookie.split('.').nth(1).unwrap());
        assert_eq!(read(&forged, &key, 0), None, "another payload under this signature");
        assert_eq!(read("allswell=x", &key, 0), None);
    }

    #[test]
    fn without_https_a_browser_would_not_keep_a_secure_cookie() {
        assert!(!forgotten(false).contains("Secure") && !forgotten(false).contains("__Host"));
        assert!(forgotten(true).contains("Max-Age=0"));
    }
}
