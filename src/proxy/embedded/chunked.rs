//! Chunked bodies of answers (RFC 9112, 7.1): what is data, where it ends, and the trailers.

use bytes::{Buf, Bytes, BytesMut};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// A size with its extensions, or all trailers, that take more than this are refused.
const LINE_LIMIT: usize = 4 * 1024;
const TRAILERS_LIMIT: usize = 16 * 1024;
const TRAILERS: usize = 64;

/// The body does not follow the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Where in a body we are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before a size.
    #[default]
    Size,
    /// Within a chunk: so much of it is to come.
    Data(u64),
    /// Behind a chunk's data.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
    /// At the end.
    Over,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The rest has not come yet.
    More,
    /// A part of the body.
    Data(Bytes),
    /// The end, with its trailers.
    End(HeaderMap),
}

impl Chunked {
    /// Takes the next piece off what was read.
    ///
    /// # Errors
    /// Where the bytes are no chunked body.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Piece, Malformed> {
        loop {
            match *self {
                Self::Size => match httparse::parse_chunk_size(buffer) {
                    Ok(httparse::Status::Complete((length, size))) => {
                        buffer.advance(length);
                        *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                    }
                    Ok(httparse::Status::Partial) if buffer.len() < LINE_LIMIT => return Ok(Piece::More),
                    Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
                },
                Self::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Piece::More);
                    }
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                    let rest = left - length as u64;
                    *self = if rest == 0 { Self::DataEnd } else { Self::Data(rest) };
                    return Ok(Piece::Data(buffer.split_to(length).freeze()));
                }
                Self::DataEnd => match buffer.as_ref() {
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(Piece::More),
                    _ => return Err(Malformed),
                },
                Self::Trailers => return self.trailers(buffer),
                Self::Over => return Ok(Piece::End(HeaderMap::new())),
            }
        }
    }

    fn trailers(&mut self, buffer: &mut BytesMut) -> Result<Piece, Malformed> {
        let mut lines = [httparse::EMPTY_HEADER; TRAILERS];
        let (length, trailers) = match httparse::parse_headers(buffer, &mut lines) {
            Ok(httparse::Status::Complete((length, lines))) => (length, trailers_of(lines)?),
            Ok(httparse::Status::Partial) if buffer.len() < TRAILERS_LIMIT => return Ok(Piece::More),
            Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
        };
        buffer.advance(length);
        *self = Self::Over;
        Ok(Piece::End(trailers))
    }
}

fn trailers_of(lines: &[httparse::Header<'_>]) -> Result<HeaderMap, Malformed> {
    let mut trailers = HeaderMap::new();
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Malformed)?;
        trailers.append(name, HeaderValue::from_bytes(line.value).map_err(|_| Malformed)?);
    }
    Ok(trailers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::embedded::fuzz::decoded;

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        let whole = b"4;name=value\r\nWiki\r\nA\r\npedia in c\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\nHTTP";
        for size in 1..whole.len() {
            let pieces: Vec<&[u8]> = whole.chunks(size).collect();
            let (body, trailers, _) = decoded(&pieces).unwrap();
            let trailers = trailers.expect("it ends");
            assert_eq!((body.as_slice(), trailers.len()), (b"Wikipedia in c".as_slice(), 2), "pieces of {size}");
        }
        assert_eq!(decoded(&[whole]).unwrap().2, 4, "what follows is left");
    }

    #[test]
    fn what_is_malformed_is_refused_and_what_is_short_waits() {
        for bad in ["x\r\n", "-1\r\n", "1\r\nab\r\n", "1 1\r\na", "11111111111111111\r\n", "0\r\nno colon\r\n\r\n", "1\nab"] {
            assert_eq!(decoded(&[bad.as_bytes()]), Err(Malformed), "{bad:?}");
        }
        let long = format!("1;{}", "e".repeat(LINE_LIMIT));
        assert_eq!(decoded(&[long.as_bytes()]), Err(Malformed));
        for short in ["", "4", "4\r\nWik", "4\r\nWiki", "4\r\nWiki\r", "0\r\n", "0\r\nX: 1\r\n"] {
            assert_eq!(decoded(&[short.as_bytes()]).unwrap().1, None, "{short:?}");
        }
    }
}
