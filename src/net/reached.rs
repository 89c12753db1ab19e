//! Where a listener is found, by whoever does not run beside it: in another container, on another host.

use super::listen::beside;
use crate::settings::Section;

/// `reach`: the host by which others find a part's listeners; none where they run beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachedBy(Option<String>);

impl ReachedBy {
    /// Reads `reach`. `listeners` are the settings of those that are found by it, and where they listen.
    pub fn read(section: &mut Section<'_>, listeners: &[(&str, &str)]) -> Self {
        let Some(host) = section.text("reach") else { return Self(None) };
        if host.contains(['/', ' ', '@']) || (host.contains(':') && !host.starts_with('[')) {
            section.error("reach", format!("\"{host}\" is not a host: give it without a scheme and without a port"));
        } else if !is_loopback(&host) {
            for (key, (at, port)) in listeners.iter().filter_map(|(key, listen)| Some((key, listen.rsplit_once(':')?))) {
                if is_loopback(at) {
                    section
                        .error(key, format!("listens on {at}, where nobody finds it by reach = \"{host}\": set it to \"0.0.0.0:{port}\""));
                }
            }
        }
        Self(Some(host))
    }

    /// Where a listener is found: by this host, or beside it.
    #[must_use]
    pub fn found(&self, listen: &str) -> String {
        match (&self.0, listen.rsplit_once(':')) {
            (Some(host), Some((_, port))) => format!("{host}:{port}"),
            (None, _) | (_, None) => beside(listen),
        }
    }

    /// The host, if there is one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// As it is usually written: what listens on another address of 127.0.0.0/8 was thought about.
fn is_loopback(host: &str) -> bool {
    ["127.0.0.1", "[::1]", "localhost"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (ReachedBy, Vec<String>) {
        let document = Document::parse(text);
        let listeners = [("live", "0.0.0.0:8000"), ("idle", "127.0.0.1:8080")];
        let reached = ReachedBy::read(&mut document.root(), &listeners);
        let (errors, ..) = document.finish();
        (reached, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_listener_is_found_beside_it_or_by_the_host_that_is_given() {
        let (beside, errors) = read("");
        assert_eq!((beside.found("0.0.0.0:8000").as_str(), errors.len()), ("127.0.0.1:8000", 0));
        let (apart, _) = read("reach = \"proxy\"");
        assert_eq!(apart.found("0.0.0.0:8000"), "proxy:8000");
    }

    #[test]
    fn a_listener_that_nobody_elsewhere_can_find_is_told_and_so_is_what_is_no_host() {
        let (_, errors) = read("reach = \"proxy\"");
        assert_eq!(errors, ["idle: listens on 127.0.0.1, where nobody finds it by reach = \"proxy\": set it to \"0.0.0.0:8080\""]);
        assert_eq!(read("reach = \"127.0.0.1\"").1, [""; 0]);
        for wrong in ["http://proxy", "proxy:8000"] {
            assert!(read(&format!("reach = \"{wrong}\"")).1[0].contains("is not a host"), "{wrong}");
        }
    }
}
