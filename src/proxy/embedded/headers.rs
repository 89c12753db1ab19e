//! Which headers go through, which are replaced, and which are ours alone.

use hyper::Version;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName,
    HeaderValue, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::peer::{Peer, REQUEST_ID, is_forwarded};
use crate::domain::colour::Colour;
use crate::proxy::control::{COLOUR_HEADER, EPOCH_HEADER, TOKEN_HEADER};
use crate::signing::same;

const EVENT_STREAM: &[u8] = b"text/event-stream";
const TOKEN: HeaderName = HeaderName::from_static(TOKEN_HEADER);
const COLOUR: HeaderName = HeaderName::from_static(COLOUR_HEADER);
const EPOCH: HeaderName = HeaderName::from_static(EPOCH_HEADER);

/// Words of `Connection` for which no header is taken away.
const STAYING: [&str; 5] = ["close", "keep-alive", "host", "content-length", "x-request-id"];

const HEADERS_ALONE: [HeaderName; 13] = [
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    SET_COOKIE,
    TRAILER,
    TOKEN,
    COLOUR,
    EPOCH,
];

/// Takes the prober's token off a request, and says whether it was the right one.
pub(super) fn take_token(headers: &mut HeaderMap, token: &str) -> bool {
    headers.remove(TOKEN).is_some_and(|given| given.to_str().is_ok_and(|given| same(given, token)))
}

/// Whether a request is the last on its connection. False also where that is not plain: two lines may not agree, an upgrade goes on.
pub(super) fn is_last(version: Version, headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONNECTION).iter();
    match (lines.next(), lines.next()) {
        (None, _) => version == Version::HTTP_10,
        (Some(only), None) => version == Version::HTTP_11 && only.as_bytes().eq_ignore_ascii_case(b"close"),
        (Some(_), Some(_)) => false,
    }
}

/// Makes a client's headers into those for the app. True where both sides are asked to change the protocol.
///
/// What stands there of forwarding goes, unless a trusted peer says it.
pub(super) fn prepare_request(headers: &mut HeaderMap, peer: &Peer, can_upgrade: bool) -> bool {
    let upgrade = if can_upgrade { wanted_upgrade(headers) } else { None };
    let wants_trailers = lists(headers, &TE, "trailers");
    // The 100 comes from us as soon as the app's connection takes the body.
    strip_hop_by_hop_and(headers, |name| *name == EXPECT || (!peer.is_trusted() && is_forwarded(name)));
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    let is_upgrade = upgrade.is_some();
    if let Some(protocol) = upgrade {
        headers.insert(UPGRADE, protocol);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    peer.continues(headers);
    is_upgrade
}

/// Whether there is no transfer coding, or chunked alone: of any other the app would see another body than we do.
pub(super) fn is_plainly_coded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// HTTP/2 may send cookies on several lines; HTTP/1.1 has one (RFC 9113, 8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(all) = HeaderValue::from_bytes(&all.join(b"; ".as_slice())) {
        headers.insert(COOKIE, all);
    }
}

/// Takes off trailers what may stand in a header alone (RFC 9110, 6.5.1): what frames or routes a message, says who sends it or what it
/// is. Who reads them as headers would believe it.
pub(super) fn prepare_trailers(trailers: &mut HeaderMap) {
    strip_hop_by_hop_and(trailers, |name| HEADERS_ALONE.contains(name) || *name == REQUEST_ID || is_forwarded(name));
}

/// Makes the app's headers into those for the client; what `protocol` names stays where the protocol changes.
pub(super) fn prepare_answer(headers: &mut HeaderMap, is_upgrade: bool) {
    let protocol = if is_upgrade { headers.get(UPGRADE).cloned() } else { None };
    strip_hop_by_hop_and(headers, |name| *name == COLOUR || *name == EPOCH);
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Says to the prober which colour answered, and under which epoch.
pub(super) fn sign_answer(headers: &mut HeaderMap, colour: Option<Colour>, epoch: u64) {
    let word = colour.map_or("undefined", Colour::as_str);
    headers.insert(COLOUR, HeaderValue::from_static(word));
    headers.insert(EPOCH, HeaderValue::from(epoch));
}

/// Whether the app closes its connection after this answer.
pub(super) fn says_close(headers: &HeaderMap) -> bool {
    lists(headers, &CONNECTION, "close")
}

/// Asks the client to use another connection for its next request.
pub(super) fn say_close(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Whether an answer is a stream of events, which has no end of its own.
pub(super) fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..EVENT_STREAM.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(EVENT_STREAM))
}

/// Whether the protocol agreed on is WebSocket.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &UPGRADE, "websocket")
}

/// The protocol asked for; never HTTP/2 in the clear, whose requests would pass unseen.
fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    let is_http = protocol.as_bytes().get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"h2"));
    (!is_http && lists(headers, &CONNECTION, "upgrade")).then(|| protocol.clone())
}

fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers.get_all(name).iter().any(|value| words(value).any(|listed| listed.eq_ignore_ascii_case(word)))
}

fn words(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Removes what concerns one connection only, by name and by `Connection`, and what else is meant.
fn strip_hop_by_hop_and(headers: &mut HeaderMap, is_meant: impl Fn(&HeaderName) -> bool) {
    if headers.contains_key(CONNECTION) {
        // `close` names no header and `keep-alive` goes anyway; what frames, addresses or identifies a message is not the client's to take away.
        let stays = |word: &&str| STAYING.iter().any(|stays| word.eq_ignore_ascii_case(stays));
        let words = headers.get_all(CONNECTION).iter().flat_map(words).filter(|word| !stays(word));
        let named: Vec<HeaderName> = words.filter_map(|word| word.parse().ok()).collect();
        for name in named {
            headers.remove(name);
        }
    }
    strip(headers, |name| is_hop_by_hop(name) || is_meant(name));
}

/// Removes what is meant. To look at each name once costs less than to search for each that is not there.
fn strip(headers: &mut HeaderMap, is_meant: impl Fn(&HeaderName) -> bool) {
    let meant: Vec<HeaderName> = headers.keys().filter(|name| is_meant(name)).cloned().collect();
    for name in meant {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())).collect()
    }

    fn stranger() -> Peer {
        Peer::new("10.0.0.9".parse().unwrap(), false, &[])
    }

    #[test]
    fn what_concerns_one_connection_stays_on_it() {
        let mut given = headers(&[
            ("connection", "close, X-Private, host"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers, deflate"),
            ("trailer", "x-sum"),
            ("expect", "100-continue"),
            ("host", "h"),
            ("upgrade", "websocket"),
        ]);
        assert!(!prepare_request(&mut given, &stranger(), true));
        for gone in ["x-private", "keep-alive", "transfer-encoding", "expect", "upgrade"] {
            assert!(!given.contains_key(gone), "{gone}");
        }
        assert_eq!(given[TE], "trailers");
        assert_eq!(given["trailer"], "x-sum");
        assert_eq!(given[HOST], "h");
    }

    #[test]
    fn a_request_is_the_last_only_where_that_is_plain() {
        let is_last = |version, lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| ("connection", *line)).collect();
            super::is_last(version, &headers(&lines))
        };
        assert!(is_last(Version::HTTP_11, &["Close"]) && is_last(Version::HTTP_10, &[]));
        assert!(!is_last(Version::HTTP_11, &[]) && !is_last(Version::HTTP_10, &["keep-alive"]) && !is_last(Version::HTTP_2, &["close"]));
        for unclear in [&["close", "keep-alive"][..], &["close, upgrade"]] {
            assert!(!is_last(Version::HTTP_11, unclear), "{unclear:?}");
        }
    }

    #[test]
    fn a_trailer_says_nothing_that_a_header_alone_may_say() {
        let mut trailers = headers(&[
            ("x-sum", "1"),
            ("content-length", "9"),
            ("host", "evil"),
            ("x_forwarded_for", "6.6.6.6"),
            ("connection", "close"),
            ("authorization", "x"),
            (TOKEN_HEADER, "x"),
        ]);
        prepare_trailers(&mut trailers);
        assert_eq!(trailers, headers(&[("x-sum", "1")]));
    }

    #[test]
    fn an_upgrade_goes_through_and_http_2_in_the_clear_does_not() {
        let mut given = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("host", "h")]);
        assert!(prepare_request(&mut given, &stranger(), true));
        assert_eq!((given[CONNECTION].to_str().unwrap(), given[UPGRADE].to_str().unwrap()), ("upgrade", "websocket"));
        let mut given = headers(&[("connection", "upgrade, http2-settings"), ("upgrade", "h2c"), ("http2-settings", "x")]);
        assert!(!prepare_request(&mut given, &stranger(), true));
        assert!(!given.contains_key("http2-settings") && !given.contains_key(UPGRADE));
    }

    #[test]
    fn our_own_headers_are_ours_alone() {
        let mut given = headers(&[(TOKEN_HEADER, "right")]);
        assert!(!take_token(&mut given.clone(), "other"));
        assert!(take_token(&mut given, "right"));
        assert!(!given.contains_key(TOKEN_HEADER));
        let mut answer = headers(&[(COLOUR_HEADER, "green"), (EPOCH_HEADER, "99")]);
        prepare_answer(&mut answer, false);
        assert!(answer.is_empty());
        sign_answer(&mut answer, Some(Colour::Blue), 4);
        assert_eq!((answer[COLOUR].to_str().unwrap(), answer[EPOCH].to_str().unwrap()), ("blue", "4"));
    }
}
