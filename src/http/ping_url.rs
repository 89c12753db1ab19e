//! The URLs of pings, as the clients of healthchecks write them.

use uuid::Uuid;

use crate::domain::beat::BeatKind;
use crate::monitor::is_slug;

/// Before every ping's path.
pub(super) const BEFORE: &str = "/ping/";

/// Which check a ping is for, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PingUrl {
    pub(super) check: Addressee,
    pub(super) says: Says,
}

/// How a URL names a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Addressee {
    Uuid(Uuid),
    Slug { key: String, slug: String },
}

/// What a URL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Kind(BeatKind),
    /// None: more than an exit status can be. Refused only where there is such a check.
    Exit(Option<u8>),
}

/// Why a URL is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPing {
    /// There is nothing.
    NotFound,
    /// A slug has no capital letters, and at most 100 characters.
    BadSlug,
}

impl PingUrl {
    /// Reads a path.
    pub(super) fn parse(path: &str) -> Result<Self, NoPing> {
        let rest = path.strip_prefix(BEFORE).ok_or(NoPing::NotFound)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let success = Says::Kind(BeatKind::Success);
        match parts.as_slice() {
            [one] | [one, ""] => Ok(Self { check: Addressee::Uuid(uuid(one).ok_or(NoPing::NotFound)?), says: success }),
            [one, two] => match (uuid(one), says(two)) {
                (Some(uuid), Some(says)) => Ok(Self { check: Addressee::Uuid(uuid), says }),
                (Some(_) | None, Some(_) | None) => Ok(Self { check: by_slug(one, two)?, says: success }),
            },
            [one, two, three] => Ok(Self { says: says(three).ok_or(NoPing::NotFound)?, check: by_slug(one, two)? }),
            _ => Err(NoPing::NotFound),
        }
    }
}

/// In small letters and with its dashes.
fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string() == text)
}

fn says(text: &str) -> Option<Says> {
    match text {
        "fail" => Some(Says::Kind(BeatKind::Fail)),
        "start" => Some(Says::Kind(BeatKind::Start)),
        "log" => Some(Says::Kind(BeatKind::Log)),
        digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let number = digits.trim_start_matches('0');
            Some(Says::Exit(if number.is_empty() { Some(0) } else { number.parse().ok() }))
        }
        _ => None,
    }
}

fn by_slug(key: &str, slug: &str) -> Result<Addressee, NoPing> {
    let is_segment = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_segment(key) || !is_segment(slug) {
        return Err(NoPing::NotFound);
    }
    if !is_slug(slug) {
        return Err(NoPing::BadSlug);
    }
    Ok(Addressee::Slug { key: key.to_owned(), slug: slug.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

    fn read(path: &str) -> String {
        match PingUrl::parse(&format!("/ping/{}", path.replace("ID", ID))) {
            Ok(PingUrl { check, says }) => {
                let check = match check {
                    Addressee::Uuid(_) => "uuid".to_owned(),
                    Addressee::Slug { key, slug } => format!("{}:{slug}", key.replace(ID, "ID")),
                };
                let says = match says {
                    Says::Kind(kind) => kind.to_string(),
                    Says::Exit(status) => format!("exit {status:?}"),
                };
                format!("{check} {says}")
            }
            Err(NoPing::NotFound) => "404".to_owned(),
            Err(NoPing::BadSlug) => "400".to_owned(),
        }
    }

    #[test]
    fn every_url_is_read_as_healthchecks_reads_it() {
        for (path, wanted) in [
            ("ID", "uuid success"),
            ("ID/", "uuid success"),
            ("ID/fail", "uuid fail"),
            ("ID/start", "uuid start"),
            ("ID/log", "uuid log"),
            ("ID/0", "uuid exit Some(0)"),
            ("ID/00", "uuid exit Some(0)"),
            ("ID/007", "uuid exit Some(7)"),
            ("ID/255", "uuid exit Some(255)"),
            ("ID/256", "uuid exit None"),
            ("ID/99999999999999999999999999", "uuid exit None"),
            // By key and slug, and there is no such key.
            ("ID/foo", "ID:foo success"),
            ("ID/-1", "ID:-1 success"),
            ("ID/FAIL", "400"),
            ("ID/Foo", "400"),
            ("ID/start/", "404"),
            ("ID/+1", "404"),
            ("ID/a.b", "404"),
            ("ID/a%20b", "404"),
            ("5BF66975-D4C7-4BF5-BCC8-B8D8A82EA278", "404"),
            ("5BF66975-D4C7-4BF5-BCC8-B8D8A82EA278/fail", "5BF66975-D4C7-4BF5-BCC8-B8D8A82EA278:fail success"),
            ("5bf66975d4c74bf5bcc8b8d8a82ea278", "404"),
            ("{ID}", "404"),
            ("urn:uuid:ID", "404"),
            ("key/backup", "key:backup success"),
            ("key/backup/", "404"),
            ("key/backup/fail", "key:backup fail"),
            ("key/backup/3", "key:backup exit Some(3)"),
            ("key/backup/stop", "404"),
            ("key/Backup", "400"),
            ("key/Backup/fail", "400"),
            ("key/backup/fail/fail", "404"),
            ("key//fail", "404"),
            ("", "404"),
            ("/", "404"),
            ("//", "404"),
            ("key", "404"),
        ] {
            assert_eq!(read(path), wanted, "{path}");
        }
        assert_eq!(read(&format!("key/{}", "a".repeat(101))), "400");
        assert_eq!(PingUrl::parse("/pong/x"), Err(NoPing::NotFound));
    }
}
