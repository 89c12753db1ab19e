//! What an answer has to be, beyond a 2xx in time.

use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName};

/// What is wanted of an answer. What is left out is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of these statuses; none: 2xx.
    pub status: Vec<RangeInclusive<u16>>,
    /// This text stands in the first 64 KiB of its body.
    pub contains: Option<String>,
    /// It has these headers, each with exactly this value; without a value, with any.
    pub headers: Vec<(HeaderName, Option<String>)>,
    /// It came within this time.
    pub latency: Option<Duration>,
}

/// An answer, as far as it was read.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The begin of its body.
    pub body: Vec<u8>,
    /// How long it took.
    pub latency: Duration,
}

impl Wanted {
    /// Whether an answer is what is wanted.
    ///
    /// # Errors
    /// Why it is not, in the user's words.
    pub fn judge(&self, heard: &Heard) -> Result<(), String> {
        let status = heard.status;
        let is_wanted =
            if self.status.is_empty() { (200..=299).contains(&status) } else { self.status.iter().any(|range| range.contains(&status)) };
        if !is_wanted {
            return Err(format!("answered {status}"));
        }
        if let Some(limit) = self.latency.filter(|limit| heard.latency > *limit) {
            return Err(format!("answered {status} after {}ms, later than {}ms", heard.latency.as_millis(), limit.as_millis()));
        }
        if let Some(text) = self.contains.as_ref().filter(|text| !contains(&heard.body, text.as_bytes())) {
            return Err(format!("answered {status} without \"{text}\" in it"));
        }
        self.headers.iter().try_for_each(|(name, value)| headed(&heard.headers, name, value.as_deref()))
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

fn headed(headers: &HeaderMap, name: &HeaderName, value: Option<&str>) -> Result<(), String> {
    let mut given = headers.get_all(name).iter().peekable();
    match (given.peek(), value) {
        (None, _) => Err(format!("answered without the header {name}")),
        (Some(_), None) => Ok(()),
        (Some(first), Some(value)) => {
            let said = format!("answered with {name}: {}, not {value}", String::from_utf8_lossy(first.as_bytes()));
            if given.any(|header| header.as_bytes() == value.as_bytes()) { Ok(()) } else { Err(said) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(status: u16) -> Heard {
        let headers = [("x-version", "7")].into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Heard { status, headers, body: b"all is ready".to_vec(), latency: Duration::from_millis(300) }
    }

    fn told(wanted: &Wanted, status: u16) -> String {
        wanted.judge(&heard(status)).err().unwrap_or_default()
    }

    #[test]
    fn each_wish_is_judged_and_what_is_left_out_is_not() {
        assert_eq!((told(&Wanted::default(), 204), told(&Wanted::default(), 301)), (String::new(), "answered 301".into()));
        let status = Wanted { status: vec![200..=200, 300..=399], ..Wanted::default() };
        assert_eq!((told(&status, 301), told(&status, 204)), (String::new(), "answered 204".into()));
        let contains = |text: &str| Wanted { contains: Some(text.into()), ..Wanted::default() };
        assert_eq!(told(&contains("ready"), 200), "");
        assert_eq!(told(&contains("steady"), 200), "answered 200 without \"steady\" in it");
        let latency = |ms| Wanted { latency: Some(Duration::from_millis(ms)), ..Wanted::default() };
        assert_eq!(
            (told(&latency(300), 200), told(&latency(200), 200)),
            (String::new(), "answered 200 after 300ms, later than 200ms".into())
        );
        let header = |name: &str, value: Option<&str>| Wanted {
            headers: vec![(name.parse().unwrap(), value.map(str::to_owned))],
            ..Wanted::default()
        };
        assert_eq!((told(&header("x-version", None), 200), told(&header("x-version", Some("7")), 200)), (String::new(), String::new()));
        assert_eq!(told(&header("x-version", Some("8")), 200), "answered with x-version: 7, not 8");
        assert_eq!(told(&header("x-other", None), 200), "answered without the header x-other");
    }
}
