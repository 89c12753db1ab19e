//! What the embedded proxy bears, and no more: limits in time, in size and in number.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::settings::Section;

/// How long a stage of a proxied request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyTimeouts {
    /// Until the client's request header is complete. Default: 30 s.
    pub header_read: Duration,
    /// Between two pieces that a client sends of a body, or takes of an answer. Default: 60 s.
    pub client: Duration,
    /// Until the app has accepted the connection. Default: 5 s.
    pub connect: Duration,
    /// Until the app's response header is there. Default: 60 s.
    pub response_header: Duration,
    /// Between two pieces of an answer or a WebSocket, and between two requests. Default: 10 min.
    pub idle: Duration,
    /// A connection to the app that was idle for longer is never used again. Below the app's own limit. Default: 4 s.
    pub upstream_idle: Duration,
}

/// What is refused beyond this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyLimits {
    /// A request's header: 431. Default: 128 KB; at least 8 KB.
    pub header: Size,
    /// A request's body: 413. Default: 1 GB.
    pub body: Size,
    /// Client connections at a time; further ones are closed at once. Default: 10,000.
    pub connections: u32,
    /// HTTP/2: requests at a time on one connection. Default: 128.
    pub streams: u32,
    /// HTTP/2: requests that a client takes back before they were answered, at a time, before its connection is closed. Default: 32.
    pub resets: u32,
}

/// A number of bytes: `"64KB"`, `"10MB"`, `"1GB"`, in powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Not a size, in the user's words.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is not a size: write a whole number and a unit, such as \"64KB\", \"10MB\" or \"1GB\"")]
pub struct NotASize(String);

impl Size {
    /// So many KB.
    #[must_use]
    pub const fn kb(number: u64) -> Self {
        Self(number << 10)
    }

    /// As a length in memory.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let wrong = || NotASize(text.to_owned());
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(split);
        let factor: u64 = match unit {
            "KB" => 1 << 10,
            "MB" => 1 << 20,
            "GB" => 1 << 30,
            _ => return Err(wrong()),
        };
        number.parse().ok().and_then(|number: u64| number.checked_mul(factor)).filter(|size| *size > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            size if size % (1 << 30) == 0 => write!(f, "{} GB", size >> 30),
            size if size % (1 << 20) == 0 => write!(f, "{} MB", size >> 20),
            size => write!(f, "{} KB", size >> 10),
        }
    }
}

impl ProxyTimeouts {
    /// Reads those keys of `[proxy]`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let mut seconds = |key, default| section.duration_or(key, Duration::from_secs(default));
        Self {
            header_read: seconds("header_read_timeout", 30),
            client: seconds("client_timeout", 60),
            connect: seconds("connect_timeout", 5),
            response_header: seconds("response_header_timeout", 60),
            idle: seconds("idle_timeout", 600),
            upstream_idle: seconds("upstream_idle", 4),
        }
    }
}

impl ProxyLimits {
    /// Reads those keys of `[proxy]`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let header = section.parsed("header_size").unwrap_or(Size::kb(128));
        if header < Size::kb(8) {
            section.error("header_size", "at least 8KB");
        }
        Self {
            header,
            body: section.parsed("body_size").unwrap_or(Size(1 << 30)),
            connections: section.count_or("connections", 10_000),
            streams: section.count_or("streams", 128),
            resets: section.count_or("resets", 32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_is_a_size_and_nothing_else_is() {
        assert_eq!(("64KB".parse(), "1GB".parse()), (Ok(Size(65_536)), Ok(Size(1 << 30))));
        assert_eq!((Size::kb(64).to_string(), Size(3 << 20).to_string()), ("64 KB".to_owned(), "3 MB".to_owned()));
        for wrong in ["", "5", "0KB", "5 KB", "5kb", "-1MB", "99999999999999GB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
