//! Addresses of the watcher's pages, whatever a name has in it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but what a path and a query take as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A piece of a path or of a query.
#[must_use]
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The page of a check.
#[must_use]
pub fn check_path(name: &str) -> String {
    format!("/checks/{}", segment(name))
}

/// The page of an incident.
#[must_use]
pub fn incident_path(key: &str) -> String {
    format!("/incidents/{}", segment(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_into_a_path_whole_whatever_it_has() {
        assert_eq!(check_path("nightly backup/<b>%&?#"), "/checks/nightly%20backup%2F%3Cb%3E%25%26%3F%23");
        assert_eq!(incident_path("heartbeat-blue-1700000000000"), "/incidents/heartbeat-blue-1700000000000");
    }
}
