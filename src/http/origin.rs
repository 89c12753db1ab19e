//! From where a request comes: its peer, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

use crate::net::network::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The last address of `X-Forwarded-For` that no trusted proxy has; the peer where the peer is no such proxy, or names nobody.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return peer;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for text in named.into_iter().rev() {
        // What is before a word that is no address is hearsay.
        let Some(address) = read(text) else { break };
        nearest = address;
        if !is_trusted(address) {
            break;
        }
    }
    nearest
}

/// Whether somebody on this machine asks, and not through a proxy on it.
pub(super) fn is_here(peer: IpAddr, headers: &HeaderMap) -> bool {
    const FORWARDING: [&str; 4] = [FORWARDED_FOR, "forwarded", "x-real-ip", "via"];
    peer.to_canonical().is_loopback() && !FORWARDING.iter().any(|name| headers.contains_key(*name))
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["127.0.0.1", "10.0.0.0/8"].map(|text| text.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_as_far_as_it_saw_itself() {
        for (peer, forwarded, wanted) in [
            ("192.0.2.9", vec!["1.1.1.1"], "192.0.2.9"),
            ("127.0.0.1", vec![], "127.0.0.1"),
            ("127.0.0.1", vec!["1.1.1.1"], "1.1.1.1"),
            ("127.0.0.1", vec!["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("127.0.0.1", vec!["6.6.6.6", "1.1.1.1, 10.0.0.3"], "1.1.1.1"),
            ("127.0.0.1", vec!["1.1.1.1:5555"], "1.1.1.1"),
            ("127.0.0.1", vec!["[2001:db8::1]:44"], "2001:db8::1"),
            ("::ffff:127.0.0.1", vec!["::ffff:1.1.1.1"], "1.1.1.1"),
            ("127.0.0.1", vec!["1.1.1.1, nonsense"], "127.0.0.1"),
            ("127.0.0.1", vec![""], "127.0.0.1"),
            ("127.0.0.1", vec!["10.0.0.7"], "10.0.0.7"),
        ] {
            assert_eq!(seen(peer, &forwarded), wanted, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn whoever_comes_through_a_proxy_is_not_here() {
        let mut headers = HeaderMap::new();
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(is_here(loopback, &headers) && !is_here("192.0.2.1".parse().unwrap(), &headers));
        headers.insert("via", "1.1 proxy".parse().unwrap());
        assert!(!is_here(loopback, &headers));
    }
}
