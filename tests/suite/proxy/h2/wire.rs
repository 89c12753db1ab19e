//! HTTP/2 by hand: frames as bytes and fields without compression, so that a test can send what no library would.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::proxy::front::Front;

const SECONDS: Duration = Duration::from_secs(5);
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const MARK: &[u8] = b"the mark";

// The kinds of frames (RFC 9113, 6).
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

// Flags; the first is `ACK` in SETTINGS and PING.
pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;

/// What comes of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The first stream is answered with this status.
    Answered(u16),
    /// A stream is reset with this code, or the whole connection is ended with it.
    Reset(u32),
    /// The connection is ended with this code.
    Gone(u32),
    /// Nothing: the connection lives on.
    Lives,
}

/// A frame as it came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A connection.
pub(super) struct Wire {
    stream: TlsStream<TcpStream>,
    input: Vec<u8>,
}

/// A frame's bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of these fields, each a literal that nobody is to remember (RFC 7541, 6.2.2).
pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [length(text.len()), text.as_bytes().to_vec()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// RFC 7541, 5.1, with a prefix of seven bits.
fn length(mut length: usize) -> Vec<u8> {
    let byte = |number: usize| u8::try_from(number).expect("seven bits");
    if length < 127 {
        return vec![byte(length)];
    }
    length -= 127;
    let mut bytes = vec![127];
    while length >= 128 {
        bytes.push(byte(length % 128 + 128));
        length /= 128;
    }
    bytes.push(byte(length));
    bytes
}

impl Wire {
    /// Over TLS, with both sides' settings exchanged.
    pub(super) async fn connect(front: &Front, certificate: &Path) -> Self {
        let mut wire = Self::connect_silently(front, certificate).await;
        wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        loop {
            let frame = wire.frame().await.expect("settings");
            if frame.kind == SETTINGS && frame.flags == ACK {
                break;
            }
        }
        wire.send(&frame(SETTINGS, ACK, 0, &[])).await;
        wire
    }

    /// Over TLS, before anything was said.
    pub(super) async fn connect_silently(front: &Front, certificate: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(front.live()).await.expect("the proxy takes clients");
        stream.set_nodelay(true).expect("an option");
        let name = ServerName::try_from("shop.example").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS");
        Self { stream, input: Vec::new() }
    }

    /// Sends bytes; that the other side has gone is seen by what it said last.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// The next frame; none where the connection has ended.
    pub(super) async fn frame(&mut self) -> Option<Frame> {
        let head = self.take(9).await?;
        let length = head[..3].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload: self.take(length).await? })
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.input.len() < length {
            let mut piece = [0; 4096];
            let read = timeout(SECONDS, self.stream.read(&mut piece)).await.ok()?.unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.input.extend_from_slice(&piece[..read]);
        }
        Some(self.input.drain(..length).collect())
    }

    /// Sends this, and reads until what is wanted, or a worse end, has come.
    pub(super) async fn fate(&mut self, sent: &[u8], wanted: Fate) -> Option<Fate> {
        self.send(sent).await;
        if wanted == Fate::Lives {
            self.send(&frame(PING, 0, 0, MARK)).await;
        }
        loop {
            let frame = self.frame().await?;
            let told = |at: usize| frame.payload.get(at..at + 4).map(|code| u32::from_be_bytes(code.try_into().expect("four bytes")));
            let (fate, is_wanted) = match frame.kind {
                HEADERS => (Fate::Answered(status(&frame.payload)), matches!(wanted, Fate::Answered(_)) && frame.stream == 1),
                RST_STREAM => (Fate::Reset(told(0)?), true),
                GOAWAY => match (wanted, told(4)?) {
                    (Fate::Reset(_), code) => (Fate::Reset(code), true),
                    (_, code) => (Fate::Gone(code), true),
                },
                PING => (Fate::Lives, wanted == Fate::Lives && frame.flags == ACK && frame.payload == MARK),
                _ => (Fate::Lives, false),
            };
            if is_wanted {
                return Some(fate);
            }
        }
    }
}

/// The status at the beginning of a header block: one of the static table, or three digits, by Huffman's code or without.
fn status(block: &[u8]) -> u16 {
    match block {
        [first @ 0x88..=0x8E, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(first - 0x88)],
        [_, length, digits @ ..] if length & 0x80 == 0 => digits.iter().take(3).fold(0, |all, digit| all * 10 + u16::from(digit - b'0')),
        [_, _, coded @ ..] => huffman_digits(coded),
        _ => 0,
    }
}

/// RFC 7541, appendix B: 0 to 2 take five bits, 3 to 9 six.
fn huffman_digits(coded: &[u8]) -> u16 {
    let mut bits = coded.iter().flat_map(|byte| (0..8).rev().map(move |place| u16::from(byte >> place & 1)));
    (0..3).fold(0, |all, _| {
        let five = bits.by_ref().take(5).fold(0, |code, bit| code << 1 | bit);
        let digit = if five < 3 { five } else { (five << 1 | bits.next().unwrap_or(0)) - 0b011_001 + 3 };
        all * 10 + digit
    })
}
