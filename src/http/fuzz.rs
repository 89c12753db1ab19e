//! What senders ask for, tried with anything.

use axum::http::Uri;

use super::{alertmanager, api, beats, ping, ping_url};
use crate::domain::moment::Moment;

/// The body of `POST /v1/beat`: what is taken can be stored and is read back the same.
pub(crate) fn beat(data: &[u8]) {
    // When its bytes were written: what is not within five minutes of it is refused.
    let now = Moment::from_millis(1_795_000_000_000);
    let Ok(beat) = beats::read(data, now, now) else { return };
    let written = serde_json::to_vec(&beat).unwrap_or_default();
    assert_eq!(beats::read(&written, now, now).ok(), Some(beat));
}

/// Alertmanager's payload in a ping's body.
pub(crate) fn alertmanager(data: &[u8]) {
    if let Some(why) = alertmanager::is_over(data) {
        assert!(why.starts_with("Alertmanager says resolved: "), "{why}");
    }
}

/// The path of a ping.
pub(crate) fn ping_url(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    let _ = ping_url::PingUrl::parse(path);
}

/// What stands behind a ping's question mark.
pub(crate) fn ping_query(data: &[u8]) {
    if let Some(uri) = uri("/ping/key/slug?", data) {
        let asked = ping::Asked::read(&uri);
        let _ = asked.work();
        for given in [&asked.period, &asked.grace] {
            let read = ping::spell("period", given.as_deref());
            assert!(read.is_err() || read.is_ok_and(|millis| millis.is_none_or(|millis| (1_000..=365 * 86_400_000).contains(&millis))));
        }
    }
}

/// `limit` and `cursor` of the API.
pub(crate) fn page(data: &[u8]) {
    if let Some(uri) = uri("/v1/beats?", data) {
        let Ok(page) = api::page::Page::read(&uri) else { return };
        let _ = (page.row(), page.incident());
        assert!((1..=1_000).contains(&page.limit));
    }
}

fn uri(before: &str, data: &[u8]) -> Option<Uri> {
    let text = std::str::from_utf8(data).ok()?;
    format!("{before}{text}").parse().ok()
}
