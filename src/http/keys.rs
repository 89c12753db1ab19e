//! Who asks, and what they may.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::error::ApiError;
use super::origin;
use crate::monitor::May;
use crate::signing::same;

/// One key of the config, read.
#[derive(Clone)]
pub struct ApiKey {
    /// Whose it is.
    pub name: String,
    /// What it is good for.
    pub may: May,
    /// The key itself.
    pub secret: String,
}

/// Its secret is not printed.
impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey({}, {})", self.name, self.may.as_str())
    }
}

/// The key of this text. Takes the same time for each.
pub(super) fn find<'a>(keys: &'a [ApiKey], given: &str) -> Option<&'a ApiKey> {
    keys.iter().fold(None, |found, key| if same(&key.secret, given) { Some(key) } else { found })
}

/// Whether this request may do that. Without a key, reading is open to whoever is on this machine, and nothing else is.
pub(super) fn authorise(keys: &[ApiKey], headers: &HeaderMap, peer: IpAddr, wanted: May) -> Result<(), ApiError> {
    let Some(given) = given(headers) else {
        if wanted == May::Read && origin::is_here(peer, headers) {
            return Ok(());
        }
        let token = if wanted == May::Read { ", or the watcher's token" } else { "" };
        let how = format!("Authorization: Bearer KEY, of a [[key]] in the watcher's config{token}");
        return Err(ApiError::Unauthorized(format!("a key that may {} is needed: {how}", wanted.as_str())));
    };
    match find(keys, &given) {
        Some(key) if key.may.allows(wanted) => Ok(()),
        Some(key) => Err(ApiError::Forbidden(format!("the key \"{}\" may {}, and not {}", key.name, key.may.as_str(), wanted.as_str()))),
        None => Err(ApiError::Unauthorized("this key is not known here".into())),
    }
}

/// `Authorization: Bearer KEY`, or `X-Api-Key: KEY` as healthchecks has it.
pub(super) fn given(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let bearer = text(header::AUTHORIZATION.as_str()).map(|value| value.strip_prefix("Bearer ").unwrap_or_default().to_owned());
    bearer.or_else(|| text("x-api-key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_what_it_may_and_nobody_without_one_does_more_than_read_here() {
        let key = |may: May| ApiKey { name: "ann".into(), may, secret: may.as_str().into() };
        let keys = [key(May::Read), key(May::Write), key(May::Ping)];
        let (here, there): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let ask = |given: Option<&str>, peer, wanted| {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(header::AUTHORIZATION, format!("Bearer {given}").parse().unwrap());
            }
            authorise(&keys, &headers, peer, wanted).map_err(|error| error.status().as_u16())
        };
        for (given, peer, wanted, answer) in [
            (None, here, May::Read, Ok(())),
            (None, here, May::Write, Err(401)),
            (None, there, May::Read, Err(401)),
            (Some("read"), there, May::Read, Ok(())),
            (Some("read"), here, May::Write, Err(403)),
            (Some("write"), there, May::Write, Ok(())),
            (Some("write"), there, May::Read, Ok(())),
            (Some("ping"), here, May::Read, Err(403)),
            (Some("wrong"), here, May::Read, Err(401)),
            (Some(""), here, May::Read, Err(401)),
        ] {
            assert_eq!(ask(given, peer, wanted), answer, "{given:?} {peer} {wanted:?}");
        }
        assert!(!format!("{:?}", ApiKey { secret: "hunter2".into(), ..key(May::Read) }).contains("hunter2"));
    }
}
