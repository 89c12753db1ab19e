//! What apps and clients send, tried with anything: however it is cut into pieces, it is read the same.

use std::net::{IpAddr, Ipv4Addr};

use bytes::BytesMut;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::chunked::{Chunked, Malformed, Piece};
use super::head::{Framing, parse_answer, write_headers};
use super::headers;
use super::peer::Peer;
use super::websocket::Frames;
use crate::net::network::Network;
use crate::proxy::control::TOKEN_HEADER;

/// The head of an app's answer.
pub(crate) fn head(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let method = if choice % 2 == 0 { Method::GET } else { Method::HEAD };
    let mut whole = BytesMut::from(data);
    let Ok(Some(head)) = parse_answer(&mut whole, &method) else { return };
    let length = data.len() - whole.len();
    assert!(head.status.as_u16() >= 100);
    assert!(!head.keeps_alive || (head.framing != Framing::UntilClose && !headers::says_close(&head.headers)));
    for end in [length / 2, length.saturating_sub(1)] {
        let mut part = BytesMut::from(&data[..end]);
        assert!(!matches!(parse_answer(&mut part, &method), Ok(Some(_))), "a part of a head is taken for the whole");
    }
    // Nothing in it begins another line: what is passed on is what was read.
    let mut written = BytesMut::new();
    write_headers(&mut written, &head.headers);
    assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), head.headers.len());
}

/// The body in these pieces, its trailers where its end has come, and how much of what was read follows it.
pub(super) fn decoded(pieces: &[&[u8]]) -> Result<(Vec<u8>, Option<HeaderMap>, usize), Malformed> {
    let (mut state, mut buffer, mut body) = (Chunked::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match state.next(&mut buffer)? {
                Piece::More => break,
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End(trailers) => return Ok((body, Some(trailers), buffer.len())),
            }
        }
    }
    Ok((body, None, buffer.len()))
}

/// A chunked body.
pub(crate) fn chunked(pieces: &[&[u8]]) {
    let whole = pieces.concat();
    let (at_once, cut) = (decoded(&[&whole]), decoded(pieces));
    // What is too long is noticed sooner where it comes bit by bit.
    if whole.len() < 4_096 {
        assert_eq!(at_once.is_ok(), cut.is_ok());
    }
    if let (Ok((body, trailers, _)), Ok((cut_body, cut_trailers, _))) = (at_once, cut) {
        assert!(body.len() <= whole.len());
        assert_eq!((body, trailers), (cut_body, cut_trailers));
    }
}

/// WebSocket frames that pass.
pub(crate) fn websocket(pieces: &[&[u8]]) {
    let (mut at_once, mut cut, mut passed, mut last) = (Frames::default(), Frames::default(), 0, None);
    let boundary = at_once.pass(&pieces.concat());
    for piece in pieces {
        last = cut.pass(piece).map(|end| passed + end).or(last);
        passed += piece.len();
    }
    assert_eq!(boundary, last);
    assert_eq!((at_once.is_between(), at_once.has_closed()), (cut.is_between(), cut.has_closed()));
    assert!(boundary.is_none_or(|end| end <= passed));
}

/// What a client says of forwarding and of the connection: an untrusted one says nothing that the app hears, a trusted one is continued.
pub(crate) fn forwarded(data: &[u8]) {
    let (choice, data) = data.split_first().map_or((0, data), |(choice, data)| (*choice, data));
    let mut given = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let (name, value) = line.iter().position(|byte| *byte == b':').map_or((line, &[][..]), |at| (&line[..at], &line[at + 1..]));
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            given.append(name, value);
        }
    }
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let is_trusted = choice % 2 == 1;
    let trusted: Vec<Network> = "192.0.2.0/24".parse().into_iter().filter(|_| is_trusted).collect();
    let peer = Peer::new(address, choice % 3 == 0, &trusted);
    let id = peer.identify(&mut given);
    assert!(!headers::take_token(&mut given, "a token that nobody guesses"));
    headers::join_cookies(&mut given);
    headers::prepare_request(&mut given, &peer, choice % 5 == 0);
    let ours: HeaderMap = peer.introduces(&id, &given).map(|(name, value)| (name.clone(), value.clone())).collect();
    assert!(ours.keys().all(|name| !given.contains_key(name)), "it is said twice");
    given.extend(ours);
    let of = |name: &str| given.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let for_whom = of("x-forwarded-for");
    assert_eq!(for_whom.len(), 1);
    assert!(if is_trusted { for_whom[0].ends_with(b"192.0.2.7") } else { for_whom[0] == b"192.0.2.7" });
    let dashed = |name: &HeaderName| name.as_str().replace('_', "-");
    let fakes = |name: &HeaderName| name.as_str().contains('_') && dashed(name).len() > 12 && dashed(name).starts_with("x-forwarded-");
    assert!(is_trusted || (of("forwarded").is_empty() && !given.keys().any(fakes)));
    for hop in ["transfer-encoding", "keep-alive", "proxy-connection", TOKEN_HEADER] {
        assert!(of(hop).is_empty(), "{hop} goes through");
    }
}
