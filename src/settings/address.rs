//! A place as a config writes it: `HOST:PORT`.

use super::section::Section;

/// Reads one with a default; an error where it is not `HOST:PORT`.
pub fn address_or(section: &mut Section<'_>, key: &'static str, default: &str) -> String {
    address(section, key).unwrap_or_else(|| default.to_owned())
}

/// Reads one, if it is given; an error where it is not `HOST:PORT`.
pub fn address(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    section.text(key).inspect(|address| must_be_one(section, key, address))
}

/// An error where this is not `HOST:PORT`.
pub(super) fn must_be_one(section: &Section<'_>, key: &str, text: &str) {
    if !is_address(text) {
        section.error(key, format!("\"{text}\" is not host:port"));
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::section::Document;
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, is_right) in [
            ("0.0.0.0:8000", true),
            ("[::]:80", true),
            ("localhost:2019", true),
            ("no", false),
            (":80", false),
            ("127.0.0.1", false),
            ("127.0.0.1:http", false),
            ("127.0.0.1:70000", false),
            ("http://127.0.0.1:80", false),
        ] {
            let config = format!("listen = \"{text}\"");
            let document = Document::parse(&config);
            let mut root = document.root();
            assert_eq!(address(&mut root, "listen").as_deref(), Some(text));
            root.finish();
            let told: Vec<String> = document.finish().0.iter().map(ToString::to_string).collect();
            let wanted = if is_right { vec![] } else { vec![format!("line 1: listen: \"{text}\" is not host:port")] };
            assert_eq!(told, wanted, "{text}");
        }
    }
}
