//! The heads of messages to and from an app, and how the bodies behind them are framed (RFC 9112, 6).

use std::mem::MaybeUninit;

use bytes::{BufMut, Bytes, BytesMut};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request;
use hyper::{Method, StatusCode};

use super::chunked::Chunked;

/// More lines than this are refused.
const LINES: usize = 128;

/// How a body is framed, and how much of it is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked(Chunked),
    /// Until the connection closes.
    UntilClose,
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// The connection may carry another request afterwards.
    pub(super) keeps_alive: bool,
}

/// What was read is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadHead;

/// A line.
type Named<'a> = (&'a HeaderName, &'a HeaderValue);

/// Where a line stands in the head: name and value.
type Line = [usize; 4];

/// Writes a request's head, with further lines behind its own. `framing` is of its body; none where there is none.
pub(super) fn write_request<'a>(
    out: &mut BytesMut,
    request: &request::Parts,
    further: impl IntoIterator<Item = Named<'a>>,
    framing: Option<Framing>,
) {
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    out.reserve(request.method.as_str().len() + target.len() + 256 + request.headers.len() * 48);
    out.put_slice(request.method.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    write_headers(out, &request.headers);
    write_headers(out, further);
    match framing {
        Some(Framing::Chunked(_)) => out.put_slice(b"transfer-encoding: chunked\r\n"),
        Some(Framing::Length(length)) => write_length(out, length),
        // Whoever may send a body says that there is none.
        None if is_silent(request) => write_length(out, 0),
        Some(Framing::UntilClose) | None => {}
    }
    out.put_slice(b"\r\n");
}

/// Writes an answer's head.
pub(super) fn write_answer(out: &mut BytesMut, status: StatusCode, headers: &HeaderMap) {
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
    write_headers(out, headers);
    out.put_slice(b"\r\n");
}

/// Writes lines of headers or trailers.
pub(super) fn write_headers<'a>(out: &mut BytesMut, headers: impl IntoIterator<Item = Named<'a>>) {
    for (name, value) in headers {
        out.put_slice(name.as_str().as_bytes());
        out.put_slice(b": ");
        out.put_slice(value.as_bytes());
        out.put_slice(b"\r\n");
    }
}

/// Whether nothing says that there is no body, where one would be expected.
fn is_silent(request: &request::Parts) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(&request.method) && !request.headers.contains_key(CONTENT_LENGTH)
}

fn write_length(out: &mut BytesMut, length: u64) {
    out.put_slice(b"content-length: ");
    out.put_slice(length.to_string().as_bytes());
    out.put_slice(b"\r\n");
}

/// Takes the head of an answer to a request with this method off what was read; none where it is not complete.
///
/// # Errors
/// Where it is malformed, or where its framing is ambiguous.
pub(super) fn parse_answer(buffer: &mut BytesMut, method: &Method) -> Result<Option<Head>, BadHead> {
    let (length, version, status, lines) = {
        let mut headers = [const { MaybeUninit::uninit() }; LINES];
        let mut answer = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut answer, buffer, &mut headers);
        let length = match parsed.map_err(|_| BadHead)? {
            httparse::Status::Partial => return Ok(None),
            httparse::Status::Complete(length) => length,
        };
        let start = buffer.as_ptr() as usize;
        let line = |header: &httparse::Header<'_>| {
            let (name, value) = (header.name.as_ptr() as usize - start, header.value.as_ptr() as usize - start);
            [name, name + header.name.len(), value, value + header.value.len()]
        };
        let lines: Vec<Line> = answer.headers.iter().map(line).collect();
        (length, answer.version.ok_or(BadHead)?, answer.code.ok_or(BadHead)?, lines)
    };
    let status = StatusCode::from_u16(status).map_err(|_| BadHead)?;
    let bytes = buffer.split_to(length).freeze();
    let mut headers = HeaderMap::with_capacity(lines.len());
    for [name, name_end, value, value_end] in lines {
        let name = HeaderName::from_bytes(bytes.get(name..name_end).unwrap_or_default()).map_err(|_| BadHead)?;
        headers.append(name, value_of(&bytes, value, value_end)?);
    }
    let is_new = version == 1;
    let framing = framing(&mut headers, method, status, is_new)?;
    let closes = super::headers::says_close(&headers);
    let keeps_alive = is_new && !closes && framing != Framing::UntilClose;
    Ok(Some(Head { status, headers, framing, keeps_alive }))
}

fn value_of(bytes: &Bytes, start: usize, end: usize) -> Result<HeaderValue, BadHead> {
    // An empty value may stand anywhere.
    if start == end {
        return Ok(HeaderValue::from_static(""));
    }
    HeaderValue::from_maybe_shared(bytes.slice(start..end)).map_err(|_| BadHead)
}

/// RFC 9112, 6.3, from the side of who receives an answer; what is ambiguous is refused.
fn framing(headers: &mut HeaderMap, method: &Method, status: StatusCode, is_new: bool) -> Result<Framing, BadHead> {
    let length = one_length(headers)?;
    if headers.contains_key(TRANSFER_ENCODING) {
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        let is_chunked = codings.next_back().is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        // A second coding, one that is not the last, one beside a length, one of HTTP/1.0: other readers see another body.
        if !is_new || length.is_some() || codings.next().is_some() || !is_chunked {
            return Err(BadHead);
        }
    }
    if *method == Method::HEAD || status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok(Framing::Length(0));
    }
    Ok(match length {
        _ if headers.contains_key(TRANSFER_ENCODING) => Framing::Chunked(Chunked::default()),
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    })
}

/// The length that all its lines agree on; one line of it is left.
fn one_length(headers: &mut HeaderMap) -> Result<Option<u64>, BadHead> {
    let mut agreed = None;
    let mut count = 0;
    for value in headers.get_all(CONTENT_LENGTH) {
        for one in value.to_str().map_err(|_| BadHead)?.split(',') {
            let one = one.trim_matches([' ', '\t']);
            if one.is_empty() || !one.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(BadHead);
            }
            let length: u64 = one.parse().map_err(|_| BadHead)?;
            if agreed.replace(length).is_some_and(|before| before != length) {
                return Err(BadHead);
            }
            count += 1;
        }
    }
    if let (Some(length), true) = (agreed, count > 1) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(agreed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: &Method, text: &str) -> Result<Option<Head>, BadHead> {
        parse_answer(&mut BytesMut::from(text), method)
    }

    #[test]
    fn the_framing_of_an_answer_is_as_rfc_9112_has_it() {
        let chunked = Framing::Chunked(Chunked::default());
        for (method, head, framing, keeps_alive) in [
            (Method::GET, "HTTP/1.1 200 OK\r\ncontent-length: 5", Framing::Length(5), true),
            (Method::GET, "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\nContent-Length: 5", Framing::Length(5), true),
            (Method::GET, "HTTP/1.1 200\r\ntransfer-encoding: Chunked", chunked, true),
            (Method::GET, "HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0", Framing::Length(0), false),
            (Method::GET, "HTTP/1.0 200 OK\r\ncontent-length: 5", Framing::Length(5), false),
            (Method::GET, "HTTP/1.1 200 OK", Framing::UntilClose, false),
            (Method::HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 5", Framing::Length(0), true),
            (Method::HEAD, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", Framing::Length(0), true),
            (Method::GET, "HTTP/1.1 304 Not Modified\r\ncontent-length: 5", Framing::Length(0), true),
            (Method::GET, "HTTP/1.1 204 No Content", Framing::Length(0), true),
        ] {
            let found = parsed(&method, &format!("{head}\r\n\r\n")).unwrap().expect("it is complete");
            assert_eq!((found.framing, found.keeps_alive), (framing, keeps_alive), "{method} {head}");
            assert!(found.headers.get_all(CONTENT_LENGTH).iter().count() <= 1, "{head}");
        }
    }

    #[test]
    fn an_answer_that_others_might_read_otherwise_is_refused() {
        for lines in [
            "content-length: 5\r\ncontent-length: 6",
            "content-length: 5, 6",
            "content-length: +5",
            "content-length: 5 5",
            "content-length:",
            "content-length: 99999999999999999999",
            "content-length: 5\r\ntransfer-encoding: chunked",
            "transfer-encoding: gzip",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity",
            "transfer-encoding : chunked",
            "name: folded\r\n over lines",
            "no colon",
            "na me: x",
            "name: nul\0",
        ] {
            assert_eq!(parsed(&Method::GET, &format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n")).err(), Some(BadHead), "{lines}");
        }
        assert!(parsed(&Method::GET, "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(parsed(&Method::GET, "HTTP/2 200 OK\r\n\r\n").is_err() && parsed(&Method::GET, "SSH-2.0-x\r\n").is_err());
        assert!(matches!(parsed(&Method::GET, "HTTP/1.1 200 OK\r\nname: x\r\n"), Ok(None)), "it is not complete");
    }

    #[test]
    fn a_request_is_written_with_the_one_framing_that_it_has() {
        let written = |method: &str, lines: &[(&'static str, &'static str)], framing| {
            let mut request = hyper::Request::builder().method(method).uri("/a?b=%20c");
            for (name, value) in lines {
                request = request.header(*name, *value);
            }
            let mut out = BytesMut::new();
            write_request(&mut out, &request.body(()).unwrap().into_parts().0, [], framing);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(written("GET", &[("host", "h")], None), "GET /a?b=%20c HTTP/1.1\r\nhost: h\r\n\r\n");
        assert_eq!(written("POST", &[], None), "POST /a?b=%20c HTTP/1.1\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(written("PUT", &[("content-length", "0")], None).matches("content-length").count(), 1);
        assert!(written("PUT", &[], Some(Framing::Length(7))).ends_with("\r\ncontent-length: 7\r\n\r\n"));
        let chunked = written("GET", &[], Some(Framing::Chunked(Chunked::default())));
        assert!(chunked.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n") && !chunked.contains("content-length"));
    }
}
