//! A request that hyper does not understand: it is answered with words, told of and counted like any other, and its connection ends.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hyper::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::answer::Source;
use super::farewell::hear_out;
use super::forward::Forwarder;
use super::head::write_answer;
use super::metrics;
use super::origin::Origin;
use super::pages::Wish;
use super::record::Record;
use super::trouble::Trouble;
use crate::clock;

/// Says why hyper has refused a request with this status; `read` is what was read of it.
pub(super) async fn refuse<S>(mut stream: S, status: StatusCode, read: &Bytes, forwarder: &Forwarder, origin: &Origin)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let trouble = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Trouble::HeaderTooLarge(forwarder.limits.header),
        StatusCode::URI_TOO_LONG => Trouble::TargetTooLong,
        _ => Trouble::Malformed,
    };
    metrics::failed(origin.door, trouble.reason());
    let (mut answer, body) = forwarder.pages.answer(&trouble.said(None), Wish::of(line(read, "accept").as_ref())).into_parts();
    let words = if let Source::Words(Some(words)) = body { words } else { Bytes::new() };
    let length = words.len() as u64;
    let now = clock::now().to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer.headers.extend(HeaderValue::from_str(&now).ok().map(|now| (DATE, now)));
    let mut out = BytesMut::new();
    write_answer(&mut out, answer.status, &answer.headers);
    out.extend_from_slice(&words);
    if let Some(log) = &forwarder.log {
        log.add(origin.worker, &record(read, origin, trouble.status(), length));
    }
    // A client that takes nothing hears nothing.
    let _ = timeout(forwarder.timeouts.client, async {
        stream.write_all(&out).await?;
        stream.shutdown().await
    })
    .await;
    hear_out(stream).await;
}

/// What can be told of it: its first line, where that is one.
fn record(read: &Bytes, origin: &Origin, status: StatusCode, bytes: u64) -> Record {
    let first = read.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = first.split(|byte| *byte == b' ');
    let method = words.next().and_then(|word| Method::from_bytes(word).ok());
    let target = words.next().and_then(|word| Uri::try_from(word).ok());
    Record {
        door: origin.door,
        peer: Arc::clone(&origin.peer),
        asked: method.zip(target),
        host: line(read, "host"),
        agent: line(read, "user-agent"),
        id: None,
        colour: None,
        status: status.as_u16(),
        bytes,
        started: clock::elapsed(),
    }
}

/// The value of a header in what was read, as far as it can be told.
fn line(read: &[u8], name: &str) -> Option<HeaderValue> {
    read.split(|byte| *byte == b'\n').find_map(|line| {
        let (given, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":").filter(|_| given.eq_ignore_ascii_case(name.as_bytes()))?;
        HeaderValue::from_bytes(value.trim_ascii()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_as_far_as_it_is_understood() {
        let read = b"GET /a HTTP/1.1\r\nHost: h\r\nACCEPT:text/html \r\nx-accept: no\r\naccep";
        assert_eq!(line(read, "accept").unwrap(), "text/html");
        assert_eq!(line(read, "host").unwrap(), "h");
        assert_eq!(line(read, "user-agent"), None);
        assert_eq!(line(b"accept: a\0b\n", "accept"), None);
    }
}
