//! One line of the access log.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;
use hyper::{Method, Uri};

use super::claim::Door;
use super::peer::Peer;
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;

/// What is told of a request when its answer has gone.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) door: Door,
    pub(super) peer: Arc<Peer>,
    /// Its method and target, where it could be read so far.
    pub(super) asked: Option<(Method, Uri)>,
    pub(super) host: Option<HeaderValue>,
    pub(super) agent: Option<HeaderValue>,
    pub(super) id: Option<HeaderValue>,
    pub(super) colour: Option<Colour>,
    pub(super) status: u16,
    pub(super) bytes: u64,
    /// When the request's header was there, as elapsed time.
    pub(super) started: Duration,
}

/// The words for the second in which we are: made once a second.
#[derive(Debug, Default)]
pub(super) struct Stamp {
    second: i64,
    words: String,
}

impl Stamp {
    /// `2026-11-24T02:18:23`, of a moment in milliseconds.
    fn words(&mut self, millis: i64) -> &str {
        let second = millis.div_euclid(1_000);
        if second != self.second || self.words.is_empty() {
            self.second = second;
            self.words = Moment::from_millis(second * 1_000).to_utc().format("%Y-%m-%dT%H:%M:%S").to_string();
        }
        &self.words
    }
}

impl Record {
    /// Appends the line: one JSON object.
    pub(super) fn write(&self, out: &mut Vec<u8>, stamp: &mut Stamp) {
        let elapsed = clock::elapsed();
        let (now, took) = (clock::ago(elapsed).as_millis(), elapsed.saturating_sub(self.started));
        out.extend_from_slice(br#"{"time":""#);
        out.extend_from_slice(stamp.words(now).as_bytes());
        out.push(b'.');
        number(out, now.rem_euclid(1_000).unsigned_abs(), 3);
        out.extend_from_slice(br#"Z","listener":""#);
        out.extend_from_slice(self.door.as_str().as_bytes());
        out.extend_from_slice(br#"","peer":"#);
        text(out, self.peer.address().as_bytes());
        out.extend_from_slice(br#","method":"#);
        let (method, target) = self
            .asked
            .as_ref()
            .map_or(("-", "-"), |(method, target)| (method.as_str(), target.path_and_query().map_or("/", |target| target.as_str())));
        text(out, method.as_bytes());
        out.extend_from_slice(br#","target":"#);
        text(out, target.as_bytes());
        out.extend_from_slice(br#","status":"#);
        number(out, self.status.into(), 3);
        out.extend_from_slice(br#","bytes":"#);
        number(out, self.bytes, 1);
        out.extend_from_slice(br#","seconds":"#);
        number(out, took.as_secs(), 1);
        out.push(b'.');
        number(out, took.subsec_micros().into(), 6);
        out.extend_from_slice(br#","colour":""#);
        out.extend_from_slice(self.colour.map_or("undefined", Colour::as_str).as_bytes());
        out.push(b'"');
        for (name, value) in [("host", &self.host), ("agent", &self.agent), ("id", &self.id)] {
            if let Some(value) = value {
                out.extend_from_slice(br#",""#);
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(br#"":"#);
                text(out, value.as_bytes());
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// A number, with zeros before it up to so many digits. `write!` takes longer for the numbers of a line than all else does for the line.
fn number(out: &mut Vec<u8>, mut number: u64, digits: usize) {
    let start = out.len();
    while number > 0 || out.len() < start + digits {
        out.extend(b"0123456789".get(usize::try_from(number % 10).unwrap_or_default()));
        number /= 10;
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// A JSON text; what is no UTF-8 is replaced.
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    // Without a branch for each byte many are looked at at a time.
    if bytes.iter().fold(true, |is_plain, byte| is_plain & matches!(byte, 0x20..0x7F) & !matches!(byte, b'"' | b'\\')) {
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.push(b'"');
    } else {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(out, &String::from_utf8_lossy(bytes));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::proxy::embedded) fn record(target: &str) -> Record {
        Record {
            door: Door::Live,
            peer: Arc::new(Peer::new([10, 0, 0, 9].into(), false, &[])),
            asked: Some((Method::GET, target.parse().unwrap())),
            host: Some(HeaderValue::from_static("shop.example")),
            agent: Some(HeaderValue::from_bytes(b"a \"quoted\" \xFF one").unwrap()),
            id: None,
            colour: Some(Colour::Blue),
            status: 200,
            bytes: 5,
            started: clock::elapsed(),
        }
    }

    #[test]
    fn what_could_not_be_read_is_a_dash() {
        let mut out = Vec::new();
        Record { asked: None, colour: None, ..record("/") }.write(&mut out, &mut Stamp::default());
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((line["method"].as_str(), line["target"].as_str(), line["colour"].as_str()), (Some("-"), Some("-"), Some("undefined")));
    }

    #[test]
    fn a_line_is_json_whatever_the_client_sends() {
        let mut out = Vec::new();
        record("/a?q=%22'").write(&mut out, &mut Stamp::default());
        assert_eq!(out.pop(), Some(b'\n'));
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((line["target"].as_str(), line["agent"].as_str()), (Some("/a?q=%22'"), Some("a \"quoted\" \u{FFFD} one")));
        assert_eq!((line["status"].as_u64(), line["bytes"].as_u64(), line["colour"].as_str()), (Some(200), Some(5), Some("blue")));
        assert!(line["seconds"].as_f64().unwrap() < 1.0 && line["time"].as_str().unwrap().ends_with('Z'));
    }
}
