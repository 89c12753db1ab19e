//! `/ping/UUID` and `/ping/KEY/SLUG`: whatever pings healthchecks pings us.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Uri, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::directory::Listed;
use super::error::ApiError;
use super::ping_answer::{Refused, Taken};
use super::ping_url::{Addressee, PingUrl, Says};
use super::watching::Watching;
use super::{alertmanager, body, origin, previews};
use crate::domain::beat::{Beat, BeatKind, Health, Identity, Showing};
use crate::domain::moment::Moment;
use crate::domain::sent::{Ignored, Made, Sent};
use crate::monitor::{Ack, Arrived, PING};
use crate::settings::parse_duration;

/// A larger request is cut.
const LARGEST: usize = 10 * 1024 * 1024;
/// What clients call themselves is kept up to here, in characters.
const LONGEST_AGENT: usize = 200;
/// A method may have any name; so much of it is kept.
const LONGEST_METHOD: usize = 20;
/// The last line of a body stands in a message up to here, in characters.
const LONGEST_LINE: usize = 200;
const DAY_MS: u64 = 86_400_000;

/// Takes a ping, by whatever method.
pub(super) async fn ping(State(watching): State<Watching>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let address = origin::address(peer.ip(), &head.headers, &watching.pings.settings.trusted);
    match take(&watching, address, &head, body).await {
        Ok(taken) => taken.into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn take(watching: &Watching, address: IpAddr, head: &Parts, body: axum::body::Body) -> Result<Taken, Refused> {
    let limit = watching.pings.settings.body_limit;
    watching.pings.from(address)?;
    let url = PingUrl::parse(head.uri.path())?;
    let asked = Asked::read(&head.uri);
    let found = find(watching, &url.check).await?;
    let ignored = ignored(head, found.as_ref());
    let (check, making) = match (found, &url.check) {
        (Some(listed), _) => (listed.check, None),
        (None, Addressee::Slug { slug, .. }) if asked.create && ignored.is_none() => (slug.clone(), Some(asked.made(watching, slug)?)),
        (None, Addressee::Slug { .. } | Addressee::Uuid(_)) => return Err(Refused::not_found()),
    };
    watching.pings.of(&check)?;
    let exit_status = match url.says {
        Says::Exit(None) => return Err(Refused::bad_url()),
        Says::Exit(status) => status,
        Says::Kind(_) => None,
    };
    let work = asked.work()?;
    let kept = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_json = alertmanager::is_json(&head.headers);
    let read = if is_json { kept.max(alertmanager::MOST) } else { kept };
    let mut text = body::beginning(&head.headers, body, read, LARGEST).await?;
    let over = is_json.then(|| alertmanager::is_over(&text)).flatten();
    text.truncate(kept);
    let text = (!text.is_empty()).then(|| readable(&text, kept));
    let now = watching.monitor.now();
    let sent = Sent {
        address: Some(address.to_string()),
        method: Some(head.method.as_str().chars().take(LONGEST_METHOD).collect()),
        agent: agent(head),
        work,
        exit_status,
        ignored,
        making,
    };
    let beat = beat(check, &url.says, &sent, Said { body: text, over }, now);
    let arrived = Arrived { key_id: PING.to_owned(), beat, arrival: watching.monitor.arrive(), sent };
    let ack = watching.ingest.beat(arrived).await?;
    Ok(Taken { is_new: ack == Ack::Created, body_limit: limit })
}

/// The check that is pinged, if there is one. By key and slug only for who has a key.
async fn find(watching: &Watching, check: &Addressee) -> Result<Option<Listed>, Refused> {
    let any = |name: String| Listed { check: name, post_only: false };
    let silent = |error| ApiError::Unavailable(format!("nothing can be looked up: {error}"));
    match check {
        Addressee::Uuid(uuid) => match watching.pings.directory.at(*uuid) {
            Some(listed) => Ok(Some(listed.clone())),
            None => Ok(watching.monitor.made_at(*uuid).await.map_err(silent)?.map(any)),
        },
        Addressee::Slug { key, .. } if !watching.pings.is_key(key) => Err(Refused::not_found()),
        Addressee::Slug { slug, .. } => match watching.pings.directory.named(slug) {
            Some(listed) => Ok(Some(listed.clone())),
            None => Ok(watching.monitor.is_made(slug).await.map_err(silent)?.then(|| any(slug.clone()))),
        },
    }
}

fn ignored(head: &Parts, found: Option<&Listed>) -> Option<Ignored> {
    if previews::is_preview(&head.headers) {
        return Some(Ignored::Crawler);
    }
    let is_wrong_method = found.is_some_and(|listed| listed.post_only) && head.method != Method::POST;
    is_wrong_method.then_some(Ignored::Method)
}

fn agent(head: &Parts) -> Option<String> {
    let agent = head.headers.get(header::USER_AGENT)?;
    Some(String::from_utf8_lossy(agent.as_bytes()).chars().take(LONGEST_AGENT).collect())
}

/// What stands in a ping's body.
struct Said {
    body: Option<String>,
    /// Alertmanager says that its alert does not fire any more.
    over: Option<String>,
}

fn beat(check: String, says: &Says, sent: &Sent, Said { body, over }: Said, now: Moment) -> Beat {
    let kind = match says {
        _ if sent.ignored.is_some() => BeatKind::Log,
        Says::Kind(BeatKind::Success) if over.is_some() => BeatKind::Fail,
        Says::Kind(kind) => *kind,
        Says::Exit(status) if status.is_some_and(|status| status > 0) => BeatKind::Fail,
        Says::Exit(_) => BeatKind::Success,
    };
    let health = (kind == BeatKind::Fail).then(|| {
        let said = sent.exit_status.map_or_else(|| "said fail".to_owned(), |status| format!("exit status {status}"));
        let line = body.as_deref().and_then(last_line).map(|line| format!(": {line}")).unwrap_or_default();
        Health::not_good(Showing::Bad, over.unwrap_or_else(|| format!("{said}{line}")))
    });
    let identity = Identity { instance: sent.address.clone().unwrap_or_else(|| PING.to_owned()), run: Uuid::new_v4(), sequence: 1 };
    Beat { health, body, ..Beat::new(check, kind, identity, now) }
}

/// A body as text, whatever it is; what is no letter takes more room, and what is too much is cut.
fn readable(body: &[u8], most: usize) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    text.truncate(text.floor_char_boundary(most));
    text
}

/// What stands last in a body, without control characters.
fn last_line(body: &str) -> Option<String> {
    let line = body.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(LONGEST_LINE).collect())
}

/// What stands after the question mark.
#[derive(Debug, Default)]
pub(super) struct Asked {
    create: bool,
    rid: Option<String>,
    pub(super) period: Option<String>,
    pub(super) grace: Option<String>,
}

impl Asked {
    pub(super) fn read(uri: &Uri) -> Self {
        let mut asked = Self::default();
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else { return asked };
        // Of several, the last one.
        for (key, value) in pairs {
            match key.as_str() {
                "create" => asked.create = value == "1",
                "rid" => asked.rid = Some(value),
                "period" => asked.period = Some(value),
                "grace" => asked.grace = Some(value),
                _ => {}
            }
        }
        asked
    }

    /// The run of the work.
    pub(super) fn work(&self) -> Result<Option<Uuid>, Refused> {
        let Some(text) = &self.rid else { return Ok(None) };
        let read = Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string().eq_ignore_ascii_case(text));
        read.map(Some).ok_or_else(Refused::bad_run)
    }

    /// What is expected of the check that this ping makes.
    fn made(&self, watching: &Watching, slug: &str) -> Result<Made, Refused> {
        let period_ms = spell("period", self.period.as_deref())?.unwrap_or(DAY_MS);
        let grace_ms = spell("grace", self.grace.as_deref())?.unwrap_or_else(|| Made::usual_grace_ms(period_ms));
        Ok(Made { uuid: watching.pings.directory.uuid_of(slug), period_ms, grace_ms })
    }
}

/// In milliseconds: `30m`, or a number of seconds as healthchecks has it; a second to a year.
pub(super) fn spell(name: &str, given: Option<&str>) -> Result<Option<u64>, Refused> {
    let Some(text) = given else { return Ok(None) };
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let read = seconds
        .or_else(|| parse_duration(text).ok())
        .filter(|spell| (Duration::from_secs(1)..=Duration::from_millis(DAY_MS * 365)).contains(spell));
    let wrong = || Refused(ApiError::BadRequest(format!("{name} is a duration from 1s to 365d, such as 30m")));
    read.and_then(|spell| u64::try_from(spell.as_millis()).ok()).ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_uuid_with_its_dashes_in_letters_of_any_size() {
        let rid = |query: &str| Asked::read(&format!("/ping/x?{query}").parse().unwrap()).work();
        for good in ["rid=5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278", "rid=x&rid=5BF66975-D4C7-4BF5-BCC8-B8D8A82EA278"] {
            assert!(rid(good).is_ok_and(|work| work.is_some()), "{good}");
        }
        for bad in
            ["rid=", "rid", "rid=5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278%0A", "rid=5bf66975d4c74bf5bcc8b8d8a82ea278", "rid=%FF%FE", "rid=1"]
        {
            assert!(rid(bad).is_err(), "{bad}");
        }
        assert!(rid("create=1&%%%&=&&").is_ok_and(|work| work.is_none()));
    }

    #[test]
    fn the_spells_of_a_new_check_are_durations() {
        let read = |text| spell("period", text).ok();
        assert_eq!([read(None), read(Some("30m")), read(Some("90"))], [Some(None), Some(Some(1_800_000)), Some(Some(90_000))]);
        for wrong in ["", "soon", "0", "-1", "366d", "99999999999999999999"] {
            assert_eq!(read(Some(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_body_is_text_within_its_limit_whatever_it_is() {
        assert_eq!(readable("é".repeat(9).as_bytes(), 5), "éé");
        assert_eq!(readable(&[0xff; 10], 7), "\u{fffd}\u{fffd}");
        assert_eq!(readable(b"a\0b", 100), "a\0b");
    }

    #[test]
    fn the_last_line_of_a_body_says_why() {
        assert_eq!(last_line("one\n two \u{1b}[31mred\n\n \n").as_deref(), Some("two [31mred"));
        assert_eq!(last_line(" \n"), None);
        assert_eq!(last_line(&"é".repeat(500)).unwrap().chars().count(), LONGEST_LINE);
    }
}
