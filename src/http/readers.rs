//! Who may read over the API: whoever is on this machine, has signed in, has the token or a key that reads, or signs as our own parts do.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::request::Parts;

use super::error::ApiError;
use super::keys;
use super::visit::visitor::reads;
use super::watching::Watching;
use crate::domain::moment::Moment;
use crate::monitor::May;
use crate::net::question::SIGNED_AT_HEADER;
use crate::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER, same};

/// A question that was signed earlier, or will be signed later, is not ours any more.
const OLDEST: Duration = Duration::from_secs(300);

/// Whether whoever asks this may read.
///
/// # Errors
/// What they need instead.
pub(super) fn authorise(watching: &Watching, parts: &Parts, peer: IpAddr) -> Result<(), ApiError> {
    let signed = signed(parts, &watching.key, watching.monitor.now());
    if matches!(signed, Some(Ok(()))) {
        return Ok(());
    }
    match keys::given(&parts.headers) {
        Some(given) if same(&given, &watching.token) => Ok(()),
        Some(_) => keys::authorise(&watching.pings.keys, &parts.headers, peer, May::Read),
        None if reads(parts, watching) => Ok(()),
        None => signed.unwrap_or(Ok(())).and_then(|()| keys::authorise(&watching.pings.keys, &parts.headers, peer, May::Read)),
    }
}

/// Whether the question is signed by the key that signs beats. None: it is not signed.
fn signed(parts: &Parts, key: &Key, now: Moment) -> Option<Result<(), ApiError>> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let (signature, at) = (text(SIGNATURE_HEADER)?, text(SIGNED_AT_HEADER)?);
    let wrong = |words: String| Some(Err(ApiError::Unauthorized(words)));
    let id = text(KEY_ID_HEADER).unwrap_or_default();
    if id != key.id() {
        return wrong(format!("the key {id} is not known here: whoever asks and the watcher need the same beat key"));
    }
    if !key.verify(parts.method.as_str(), parts.uri.path(), at.as_bytes(), signature) {
        return wrong("the signature is not that of this request".to_owned());
    }
    let apart = serde_json::from_value::<Moment>(at.into()).map(|at| now.since(at).max(at.since(now)));
    match apart {
        Ok(apart) if apart <= OLDEST => Some(Ok(())),
        Ok(_) => wrong(format!("signed at {at}, which is over 5 minutes from this watcher's time, {now}: set the clock of whoever asks")),
        Err(error) => wrong(format!("{SIGNED_AT_HEADER} is no time: {error}")),
    }
}
