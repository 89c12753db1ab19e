//! Who a request comes from, and what the app is told of that.

use std::io::{self, Cursor, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::net::network::Network;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who a connection comes from: made once for all its requests.
#[derive(Debug)]
pub(super) struct Peer {
    address: HeaderValue,
    trusted: bool,
    proto: HeaderValue,
    is_ipv6: bool,
    /// What the ids of its requests begin with, unlike that of any other connection.
    ids: u64,
    count: AtomicU64,
}

impl Peer {
    /// From this address, over TLS or in the clear; trusted ones have what they say of forwarding believed.
    pub(super) fn new(address: IpAddr, is_tls: bool, trusted: &[Network]) -> Self {
        let address = address.to_canonical();
        let proto = HeaderValue::from_static(if is_tls { "https" } else { "http" });
        Self {
            address: in_words(address),
            trusted: trusted.iter().any(|network| network.contains(address)),
            proto,
            is_ipv6: address.is_ipv6(),
            ids: rand::random(),
            count: AtomicU64::new(0),
        }
    }

    /// Its address in words.
    pub(super) fn address(&self) -> &HeaderValue {
        &self.address
    }

    /// Whether it speaks to us over TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.proto == "https"
    }

    /// Whether what it says of forwarding is believed.
    pub(super) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Takes a request's id off it: what a trusted peer has given, or else a new one.
    pub(super) fn identify(&self, headers: &mut HeaderMap) -> HeaderValue {
        headers.remove(&REQUEST_ID).filter(|_| self.trusted).unwrap_or_else(|| self.new_request_id())
    }

    /// Unlike that of any other request: the connection's, and a count.
    fn new_request_id(&self) -> HeaderValue {
        let mut id = [0; 32];
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let digits = self.ids.to_be_bytes().into_iter().chain(count.to_be_bytes()).flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, digit) in id.iter_mut().zip(digits) {
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        }
        HeaderValue::from_bytes(&id).unwrap_or(HeaderValue::from_static("unknown"))
    }

    /// Goes on with what a trusted peer has said of forwarding.
    pub(super) fn continues(&self, headers: &mut HeaderMap) {
        if !self.trusted {
            return;
        }
        self.append_forwarded_for(headers);
        headers.entry(&FORWARDED_PROTO).or_insert_with(|| self.proto.clone());
        if let Some(host) = host(headers).cloned() {
            headers.entry(&FORWARDED_HOST).or_insert(host);
        }
        self.append_forwarded(headers);
    }

    /// What is said to the app beside what these headers say: the request's id, and whom it comes from where nobody has said it who is
    /// believed. It is written behind them: to put it among them first would take longer.
    pub(super) fn introduces<'a>(
        &'a self,
        id: &'a HeaderValue,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        let stranger = (!self.trusted).then_some(self);
        [
            Some((&REQUEST_ID, id)),
            stranger.map(|peer| (&FORWARDED_FOR, &peer.address)),
            stranger.map(|peer| (&FORWARDED_PROTO, &peer.proto)),
            stranger.and(host(headers)).map(|host| (&FORWARDED_HOST, host)),
        ]
        .into_iter()
        .flatten()
    }

    fn append_forwarded_for(&self, headers: &mut HeaderMap) {
        let mut all: Vec<u8> = Vec::new();
        for value in headers.get_all(&FORWARDED_FOR) {
            all.extend_from_slice(value.as_bytes());
            all.extend_from_slice(b", ");
        }
        all.extend_from_slice(self.address.as_bytes());
        let all = HeaderValue::from_maybe_shared(all).unwrap_or_else(|_| self.address.clone());
        headers.insert(&FORWARDED_FOR, all);
    }

    /// `Forwarded` (RFC 7239) goes on where a trusted peer has begun it; we begin none, `X-Forwarded-*` says the same.
    fn append_forwarded(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(FORWARDED) {
            return;
        }
        let mut all: Vec<u8> = Vec::new();
        for value in headers.get_all(FORWARDED) {
            all.extend_from_slice(value.as_bytes());
            all.extend_from_slice(b", ");
        }
        // RFC 7239, 6: an IPv6 address stands in brackets and quotes.
        let (before, after) = if self.is_ipv6 { ("for=\"[", "]\"") } else { ("for=", "") };
        for part in [before.as_bytes(), self.address.as_bytes(), after.as_bytes()] {
            all.extend_from_slice(part);
        }
        if let Ok(all) = HeaderValue::from_maybe_shared(all) {
            headers.insert(FORWARDED, all);
        }
    }
}

/// Written where it stands, and not into memory that grows: every connection has one.
fn in_words(address: IpAddr) -> HeaderValue {
    let mut text = Cursor::new([0; 48]);
    let written = write!(text, "{address}").and_then(|()| usize::try_from(text.position()).map_err(io::Error::other));
    let words = written.ok().and_then(|length| text.get_ref().get(..length));
    words.and_then(|words| HeaderValue::from_bytes(words).ok()).unwrap_or(HeaderValue::from_static("unknown"))
}

fn host(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(HOST).filter(|host| !host.is_empty())
}

/// `Forwarded`, and `X-Forwarded-*` also as apps read it that take `_` for `-`.
pub(super) fn is_forwarded(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let prefix = b"x-forwarded-";
    let same = |(given, wanted): (&u8, &u8)| given == wanted || (*given == b'_' && *wanted == b'-');
    name == b"forwarded" || (name.len() > prefix.len() && name.iter().zip(prefix).all(same))
}

#[cfg(test)]
mod tests {
    use super::super::headers::prepare_request;
    use super::*;

    fn peer(trusted: bool) -> Peer {
        let network: Network = if trusted { "10.0.0.0/8" } else { "10.0.0.8" }.parse().unwrap();
        Peer::new("10.0.0.9".parse().unwrap(), false, &[network])
    }

    /// What the app gets of a request with these lines.
    fn heard(peer: &Peer, lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut given = HeaderMap::new();
        for (name, value) in lines {
            given.append(*name, HeaderValue::from_static(value));
        }
        let id = peer.identify(&mut given);
        assert!(!prepare_request(&mut given, peer, true));
        let ours: Vec<_> = peer.introduces(&id, &given).map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in ours {
            given.append(name, value);
        }
        given
    }

    #[test]
    fn what_a_stranger_says_about_forwarding_is_replaced() {
        let heard = heard(
            &peer(false),
            &[
                ("host", "shop.example"),
                ("x-forwarded-for", "1.2.3.4"),
                ("x_forwarded_for", "1.2.3.4"),
                ("x-forwarded-host", "evil"),
                ("x-forwarded-port", "1"),
                ("forwarded", "for=1.2.3.4"),
                ("x-request-id", "mine"),
                ("x-request-id", "mine as well"),
            ],
        );
        assert_eq!(heard[&FORWARDED_FOR], "10.0.0.9");
        assert_eq!(heard[&FORWARDED_PROTO], "http");
        assert_eq!(heard[&FORWARDED_HOST], "shop.example");
        assert_eq!(heard[&REQUEST_ID].len(), 32);
        assert_eq!(heard[HOST], "shop.example");
        assert_eq!(heard.len(), 5, "{heard:?}");
    }

    #[test]
    fn what_a_trusted_peer_says_is_kept_and_it_is_added() {
        let heard = heard(
            &peer(true),
            &[
                ("host", "in"),
                ("x-forwarded-for", "1.2.3.4"),
                ("x-forwarded-for", "5.6.7.8"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "for=1.2.3.4;proto=https"),
                ("x-request-id", "its"),
            ],
        );
        assert_eq!(heard[&FORWARDED_FOR], "1.2.3.4, 5.6.7.8, 10.0.0.9");
        assert_eq!(heard[&FORWARDED_PROTO], "https");
        assert_eq!(heard[&FORWARDED_HOST], "in");
        assert_eq!(heard[&REQUEST_ID], "its");
        assert_eq!(heard[FORWARDED], "for=1.2.3.4;proto=https, for=10.0.0.9");
        assert_eq!(heard.len(), 6, "{heard:?}");
    }

    #[test]
    fn no_two_requests_have_the_same_id() {
        let (one, other) = (peer(false), peer(false));
        let ids = [&one, &one, &other].map(Peer::new_request_id);
        assert!(ids.iter().all(|id| id.len() == 32) && ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
    }
}
