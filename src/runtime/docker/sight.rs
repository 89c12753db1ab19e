//! What the engine knows, read through a socket that allows reading alone: its events, and the containers, tasks and nodes as they are.

use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::{EventsOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use crate::domain::colour::Colour;
use crate::domain::container::{Container, End, Happened, Happening, Life, colour_of, holds};
use crate::domain::moment::Moment;
use crate::domain::plain::bare;
use crate::runtime::error::RuntimeError;

/// The engine answers within this time, or does not answer.
const LIMIT: Duration = Duration::from_secs(3);
/// What a heartbeat's container calls its instance, where it says so.
const INSTANCE: &str = "ALLSWELL_INSTANCE=";
/// What is kept of a line, in characters.
const LONGEST_LINE: usize = 200;

/// A view of one engine.
#[derive(Debug)]
pub struct Sight {
    address: String,
    pub(super) app: String,
}

impl Sight {
    /// Of the engine at this address, for the containers of this app. Connects to nothing yet.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn new(address: &str, app: &str) -> Result<Self, RuntimeError> {
        let is_known = ["unix:///", "tcp://", "http://"].iter().any(|begin| address.starts_with(begin));
        let refused = || format!("{address} (prober.engine) is no engine's address: say unix:///PATH, tcp://HOST:PORT or http://HOST:PORT");
        is_known.then(|| Self { address: address.to_owned(), app: app.to_owned() }).ok_or_else(|| RuntimeError::Refused(refused()))
    }

    /// Its calls. Every call is a connection of its own; a socket that is not there now may come.
    pub(super) fn engine(&self) -> Result<Docker, RuntimeError> {
        let (seconds, version) = (LIMIT.as_secs(), bollard::API_DEFAULT_VERSION);
        let engine = if self.address.starts_with("unix://") {
            Docker::connect_with_unix(&self.address, seconds, version)
        } else {
            Docker::connect_with_http(&self.address, seconds, version)
        };
        engine.map_err(|error| silent(&error))
    }

    /// Where the engine is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Everything that happens from `since` on, until the engine ends it.
    ///
    /// # Errors
    /// Where there is no engine.
    pub fn happenings(&self, since: Moment) -> Result<impl Stream<Item = Result<Happening, RuntimeError>> + use<>, RuntimeError> {
        let millis = since.as_millis().max(0);
        let since = format!("{}.{:03}000000", millis / 1_000, millis % 1_000);
        let app = self.app.clone();
        let events = self.engine()?.events(Some(EventsOptionsBuilder::default().since(&since).build()));
        Ok(events.map(move |event| event.map(|event| happening(&event, &app)).map_err(|error| silent(&error))))
    }

    /// Every container of a colour, whether or not it runs.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn containers(&self) -> Result<Vec<Container>, RuntimeError> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let all = answered(self.engine()?.list_containers(Some(options))).await?;
        let mut containers = Vec::new();
        for summary in all {
            let labels = labels(summary.labels);
            let (Some(colour), Some(id)) = (colour_of(&labels, &self.app), summary.id) else { continue };
            // It may have gone since the list was made.
            if let Some(known) = self.inspect(&id).await? {
                containers.push(container(known, colour, id, &labels));
            }
        }
        Ok(containers)
    }

    async fn inspect(&self, id: &str) -> Result<Option<ContainerInspectResponse>, RuntimeError> {
        match timeout(LIMIT, self.engine()?.inspect_container(id, None)).await {
            Ok(Ok(known)) => Ok(Some(known)),
            Ok(Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })) => Ok(None),
            Ok(Err(error)) => Err(silent(&error)),
            Err(_) => Err(late()),
        }
    }

    /// What a container said last, oldest first; nothing where nobody knows.
    pub async fn last_lines(&self, id: &str, count: usize) -> Vec<String> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&count.to_string()).build();
        let Ok(engine) = self.engine() else { return Vec::new() };
        let lines = engine.logs(id, Some(options)).filter_map(|line| ready(line.ok().map(|line| bare(&line.to_string(), LONGEST_LINE))));
        timeout(LIMIT, lines.filter(|line| ready(!line.is_empty())).collect()).await.unwrap_or_default()
    }
}

/// Waits for the engine's answer.
pub(super) async fn answered<T>(asking: impl Future<Output = Result<T, bollard::errors::Error>>) -> Result<T, RuntimeError> {
    match timeout(LIMIT, asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(silent(&error)),
        Err(_) => Err(late()),
    }
}

fn late() -> RuntimeError {
    RuntimeError::Silent(format!("it did not answer within {}s", LIMIT.as_secs()))
}

/// In the user's words: the innermost reason says most.
pub(super) fn silent(error: &bollard::errors::Error) -> RuntimeError {
    use bollard::errors::Error::{DockerResponseServerError, RequestTimeoutError, SocketNotFoundError};
    let words = match error {
        DockerResponseServerError { status_code, message } => format!("it answered {status_code}: {}", message.trim()),
        RequestTimeoutError => return late(),
        SocketNotFoundError(path) => format!("there is no socket {path}"),
        other => innermost(other),
    };
    RuntimeError::Silent(words)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string().to_lowercase()
}

fn labels(labels: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    labels.unwrap_or_default().into_iter().collect()
}

fn happening(event: &EventMessage, app: &str) -> Happening {
    let nanos = event.time_nano.or_else(|| event.time.map(|seconds| seconds.saturating_mul(1_000_000_000))).unwrap_or_default();
    let actor = event.actor.clone().unwrap_or_default();
    let attributes = labels(actor.attributes);
    let of_colour = event.typ == Some(EventMessageTypeEnum::CONTAINER) && colour_of(&attributes, app).is_some();
    let of = attributes.get("name").cloned().zip(actor.id).filter(|_| of_colour);
    let what = match event.action.as_deref() {
        Some("kill") => attributes.get("signal").cloned().map_or(Happened::Other, Happened::Signalled),
        Some("oom") => Happened::OutOfMemory,
        Some("die") => Happened::Ended(attributes.get("exitCode").and_then(|code| code.parse().ok())),
        Some(_) | None => Happened::Other,
    };
    Happening { at: Moment::from_millis(nanos / 1_000_000), of, what }
}

fn container(known: ContainerInspectResponse, colour: Colour, id: String, labels: &BTreeMap<String, String>) -> Container {
    let state = known.state.unwrap_or_default();
    let config = known.config.unwrap_or_default();
    let named = config.env.iter().flatten().find_map(|variable| variable.strip_prefix(INSTANCE));
    let instance = named.or(config.hostname.as_deref()).unwrap_or_default();
    let life = life(state.status);
    let ended = date(state.finished_at.as_deref()).map(|at| End {
        at,
        // One that runs again has the exit code 0.
        code: state.exit_code.filter(|_| life == Life::Ended),
        out_of_memory: state.oom_killed.unwrap_or_default(),
        sent: None,
        note: state.error.filter(|words| !words.is_empty()),
    });
    Container {
        name: known.name.unwrap_or_else(|| id.clone()).trim_start_matches('/').to_owned(),
        holds: holds(labels, instance),
        id: Some(id),
        colour,
        life,
        started_at: date(state.started_at.as_deref()),
        ended,
    }
}

fn life(status: Option<ContainerStateStatusEnum>) -> Life {
    use ContainerStateStatusEnum as Is;
    match status {
        Some(Is::RUNNING | Is::STOPPING) => Life::Running,
        Some(Is::PAUSED) => Life::Paused,
        Some(Is::RESTARTING | Is::REMOVING | Is::EXITED | Is::DEAD) => Life::Ended,
        Some(Is::CREATED | Is::EMPTY) | None => Life::Waiting,
    }
}

/// The engine writes the year 1 for never.
fn date(text: Option<&str>) -> Option<Moment> {
    let date: DateTime<Utc> = text?.parse().ok()?;
    Some(Moment::from(date)).filter(|at| at.as_millis() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_says_what_to_write() {
        let error = Sight::new("socket-filter:2375", "shop").unwrap_err();
        assert!(error.to_string().contains("tcp://HOST:PORT"), "{error}");
        assert!(Sight::new("tcp://socket-filter:2375", "shop").is_ok());
    }

    #[test]
    fn an_event_is_of_a_container_only_where_that_is_of_a_colour() {
        let event = |app: &str| {
            serde_json::from_value::<EventMessage>(serde_json::json!({
                "Type": "container", "Action": "die", "timeNano": 1_700_000_000_123_456_789_i64,
                "Actor": {"ID": "abc", "Attributes": {"name": "shop-blue-1", "exitCode": "137", "allswell.colour": "blue", "allswell.app": app}}
            }))
            .unwrap()
        };
        let seen = happening(&event("shop"), "shop");
        assert_eq!(seen.at, Moment::from_millis(1_700_000_000_123));
        assert_eq!((seen.of, seen.what), (Some(("shop-blue-1".to_owned(), "abc".to_owned())), Happened::Ended(Some(137))));
        assert_eq!(happening(&event("other"), "shop").of, None);
    }

    #[test]
    fn never_is_no_date() {
        assert_eq!(date(Some("0001-01-01T00:00:00Z")), None);
        assert_eq!(date(Some("2023-11-14T22:13:20.123456789Z")), Some(Moment::from_millis(1_700_000_000_123)));
    }
}
