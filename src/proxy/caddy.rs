//! Caddy, by its admin API. Two objects of its config are ours; both are replaced in one change, under the condition that nobody else has
//! changed anything since it was read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::control::{ControlError, Load, Permit, ProxyState, ShiftOrder};
use super::standing::{PATIENCE, Standing, Turn, accept, ordered};
use crate::domain::colour::Colour;
use crate::files;
use crate::settings::{AppSettings, Section, address_or};

mod admin;
pub(super) mod object;

use self::admin::{Admin, Answer};

/// Where it says what runs at each address.
const UPSTREAMS: &str = "/reverse_proxy/upstreams";

/// `[proxy]` with `kind = "caddy"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaddySettings {
    /// Where its admin API listens, host:port. Default: `localhost:2019`.
    pub admin: String,
}

impl CaddySettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self { admin: address_or(section, "admin", "localhost:2019") }
    }
}

/// Drives it.
#[derive(Debug, Clone)]
pub struct Caddy {
    admin: Admin,
    app: AppSettings,
    turn: PathBuf,
    token: PathBuf,
    /// The last shift: a Caddy that is started without `--resume` has forgotten it.
    kept: PathBuf,
}

/// One line of `/reverse_proxy/upstreams`.
#[derive(Debug, Deserialize)]
struct Upstream {
    address: String,
    num_requests: u64,
}

/// Caddy's config, and what it is known by.
struct Config {
    document: Value,
    etag: String,
}

impl Caddy {
    /// Of these settings, with its paths in this directory; each call gives up after `limit`.
    #[must_use]
    pub fn new(settings: &CaddySettings, app: &AppSettings, state: &Path, limit: Duration) -> Self {
        let (turn, token, kept) = (state.join("proxy.lock"), state.join("probe.token"), state.join("caddy.live"));
        Self { admin: Admin::new(&settings.admin, limit), app: app.clone(), turn, token, kept }
    }

    /// The whole config of a Caddy that does nothing else, to start it with.
    ///
    /// # Errors
    /// Where the probe token cannot be read.
    pub(super) fn start(&self, listeners: (&str, &str), first_live: Colour) -> std::io::Result<String> {
        let standing = self.kept().unwrap_or(Standing { live: first_live, epoch: 0 });
        Ok(object::start(self.admin.address(), listeners, standing, &self.app, &files::token(&self.token)?))
    }

    /// What its running config says. One that has forgotten a shift is undefined.
    pub(super) async fn state(&self) -> Result<ProxyState, ControlError> {
        let config = self.config().await?;
        let standing = object::standing(&config.document);
        let kept = self.kept().map_or(0, |kept| kept.epoch);
        let (live, epoch) = standing.map_or((None, kept), |standing| (Some(standing.live), standing.epoch));
        let live = live.filter(|_| epoch >= kept);
        // Which colour is live is known also where nobody says what runs there: `load` and `warning` do.
        let (blue, green) = (self.load(Colour::Blue).await.unwrap_or_default(), self.load(Colour::Green).await.unwrap_or_default());
        Ok(ProxyState { live, epoch: epoch.max(kept), by: None, blue, green, answers: None })
    }

    /// Requests under way at a colour's addresses; a WebSocket counts as one.
    pub(super) async fn load(&self, colour: Colour) -> Result<Load, ControlError> {
        let Answer { status, body, .. } = self.admin.ask(Method::GET, UPSTREAMS, None, None).await?;
        let upstreams: Option<Vec<Upstream>> = if status == StatusCode::OK { serde_json::from_slice(&body).ok() } else { None };
        let unseen =
            || ControlError::Unknown(format!("Caddy's admin API on {}{UPSTREAMS}: {status}: {}", self.admin.address(), said(&body)));
        let upstreams = upstreams.ok_or_else(unseen)?;
        let own = &self.app.colour(colour).addresses;
        let under_way = upstreams.iter().filter(|upstream| own.contains(&upstream.address)).map(|upstream| upstream.num_requests);
        Ok(Load { in_flight: under_way.sum(), streams: 0 })
    }

    /// What somebody should look at. The last shift is kept where it was not: whoever made it may have been killed before.
    pub(super) async fn warning(&self) -> Result<Option<String>, ControlError> {
        let served = object::standing(&self.config().await?.document);
        let unseen = self.load(Colour::Blue).await.err().map(|error| error.to_string());
        let Some(served) = served.filter(|served| self.has_not_kept(*served)) else { return Ok(unseen) };
        // Whoever has the turn keeps its own; what has been kept since is later than what was served before.
        let Ok(_turn) = Turn::at_once(&self.turn) else { return Ok(unseen) };
        if !self.has_not_kept(served) {
            return Ok(unseen);
        }
        let lost = |error| {
            let kept = self.kept.display();
            format!("{served} is served, and {kept} cannot be written: {error}. A Caddy that forgets this shift is taken at its word")
        };
        Ok(self.keep(served).err().map(lost).or(unseen))
    }

    /// Whether what is served came later than the last shift that is kept.
    fn has_not_kept(&self, served: Standing) -> bool {
        served.epoch > self.kept().map_or(0, |kept| kept.epoch)
    }

    fn keep(&self, standing: Standing) -> std::io::Result<()> {
        files::replace(&self.kept, standing.to_string().as_bytes())
    }

    /// The longest that an order takes, with the question of what stands that comes before it: its turn, and eight calls.
    pub(super) fn longest_order(&self) -> Duration {
        PATIENCE + self.admin.limit() * 8
    }

    /// Makes a colour live.
    pub(super) async fn shift(&self, order: ShiftOrder, still_ours: impl Permit) -> Result<ProxyState, ControlError> {
        let turn = Turn::take(&self.turn).await?;
        let unchanged = |why: String| ControlError::Refused(format!("{why}. Nothing was changed"));
        let mut config = self.config().await.map_err(|error| unchanged(error.to_string()))?;
        let seen = [object::standing(&config.document), self.kept()].into_iter().flatten().map(|standing| standing.epoch).max();
        accept(order, seen.unwrap_or(0))?;
        let token = files::token(&self.token).map_err(|error| unchanged(format!("the probe token cannot be read: {error}")))?;
        let new = Standing::after(order);
        object::replace(&mut config.document, new, &self.app, &token).map_err(unchanged)?;
        still_ours.await.map_err(ControlError::Withdrawn)?;
        let this = self.clone();
        turn.through(async move { this.carry_out(&config, new).await }).await
    }

    /// One change of the whole config, if it still is what was read.
    async fn carry_out(&self, config: &Config, new: Standing) -> Result<ProxyState, ControlError> {
        let unchanged = |why: String| ControlError::Refused(format!("{why}. Nothing was changed"));
        let Answer { status, body, .. } = self.admin.ask(Method::PATCH, "/config/", Some(&config.document), Some(&config.etag)).await?;
        match status {
            StatusCode::OK => {}
            StatusCode::PRECONDITION_FAILED => return Err(unchanged("somebody else has changed Caddy's config meanwhile".to_owned())),
            _ => return Err(unchanged(format!("Caddy refuses its new config ({status}): {}", said(&body)))),
        }
        // Where it cannot be kept, Caddy knows it all the same, and `warning` tells it.
        if let Err(error) = self.keep(new) {
            tracing::warn!(%error, "a Caddy that forgets this shift would not be noticed");
        }
        self.state().await.map_err(ordered)
    }

    fn kept(&self) -> Option<Standing> {
        std::fs::read_to_string(&self.kept).ok()?.parse().ok()
    }

    async fn config(&self) -> Result<Config, ControlError> {
        let Answer { status, body, etag } = self.admin.ask(Method::GET, "/config/", None, None).await?;
        let wrong = |why: String| ControlError::Refused(format!("Caddy's admin API on {}: {why}", self.admin.address()));
        if status != StatusCode::OK {
            return Err(wrong(format!("{status}: {}", said(&body))));
        }
        let document: Value = serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
        if !object::has_both(&document) {
            return Err(wrong("its config has no objects with @id allswell_live and allswell_idle: allswell snippet has them".to_owned()));
        }
        let etag = etag.ok_or_else(|| wrong("it gives no ETag: Caddy 2.5 or newer is needed".to_owned()))?;
        Ok(Config { document, etag })
    }
}

fn said(body: &[u8]) -> String {
    /// A config may be quoted in it.
    const LONGEST: usize = 400;
    String::from_utf8_lossy(body).trim().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::{Arc, Mutex};

    use axum::http::HeaderMap;
    use axum::routing::get;
    use axum::{Json, Router};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// An admin API whose config is changed by somebody else after every reading, and which says this of its upstreams.
    async fn restless(document: Value, upstreams: &'static str) -> String {
        let version = Arc::new(Mutex::new(0));
        let (read, written) = (Arc::clone(&version), Arc::clone(&version));
        let read = move || async move {
            let mut version = read.lock().unwrap();
            *version += 1;
            ([("etag", (*version - 1).to_string())], Json(document))
        };
        let write = move |headers: HeaderMap| async move {
            let is_current = headers["if-match"] == written.lock().unwrap().to_string();
            if is_current { StatusCode::OK } else { StatusCode::PRECONDITION_FAILED }
        };
        let router = Router::new().route("/config/", get(read).patch(write)).route(UPSTREAMS, get(move || async move { upstreams }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// A driver of one that serves this, with its files in this directory.
    async fn driven(folder: &Path, served: Standing, upstreams: &'static str) -> Caddy {
        let app = crate::config::Config::parse("[runtime]\ncommand = \"x\"\n").unwrap().config.app;
        let document = object::start("x", (":1", ":2"), served, &app, "token");
        let admin = restless(serde_json::from_str(&document).unwrap(), upstreams).await;
        Caddy::new(&CaddySettings { admin }, &app, folder, Duration::from_secs(5))
    }

    #[tokio::test]
    async fn a_config_that_somebody_else_changes_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let caddy = driven(folder.path(), Standing { live: Colour::Blue, epoch: 3 }, "[]").await;
        let order = |epoch| ShiftOrder { to: Colour::Green, epoch };
        let refused = caddy.shift(order(4), ready(Ok(()))).await;
        assert!(matches!(&refused, Err(ControlError::Refused(why)) if why.contains("changed Caddy's config meanwhile")), "{refused:?}");
        assert!(matches!(caddy.shift(order(3), ready(Ok(()))).await, Err(ControlError::Stale(_))));
        assert_eq!(caddy.state().await.unwrap().live, Some(Colour::Blue));
    }

    #[tokio::test]
    async fn a_shift_that_was_made_and_not_kept_is_kept_later_and_where_it_cannot_be_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("caddy.live");
        let green = Standing { live: Colour::Green, epoch: 7 };
        let caddy = driven(folder.path(), green, "[]").await;
        std::fs::create_dir(&kept).unwrap();
        // Not at once: a child that another test starts just now has the turn until its exec.
        let telling = async {
            loop {
                if let Some(told) = caddy.warning().await.unwrap() {
                    return told;
                }
            }
        };
        let told = timeout(Duration::from_secs(20), telling).await.unwrap();
        assert!(told.starts_with("green:7 is served, ") && told.contains("caddy.live cannot be written: "), "{told}");
        std::fs::remove_dir(&kept).unwrap();
        std::fs::write(&kept, "blue:6").unwrap();
        let keeping = async {
            while caddy.kept() != Some(green) {
                assert_eq!(caddy.warning().await.unwrap(), None);
            }
        };
        timeout(Duration::from_secs(20), keeping).await.unwrap();
        // What is older than that was lost, and is not what was made.
        std::fs::write(&kept, "blue:8").unwrap();
        assert_eq!((caddy.warning().await.unwrap(), caddy.kept()), (None, Some(Standing { live: Colour::Blue, epoch: 8 })));
    }

    #[tokio::test]
    async fn what_is_not_said_of_the_upstreams_is_not_taken_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blue = Standing { live: Colour::Blue, epoch: 0 };
        let caddy = driven(folder.path(), blue, "[{\"address\":\"127.0.0.1:3001\",\"num_requests\":2,\"fails\":0}]").await;
        assert_eq!(caddy.load(Colour::Blue).await.unwrap().in_flight, 2);
        assert_eq!((caddy.load(Colour::Green).await.unwrap().in_flight, caddy.warning().await.unwrap()), (0, None));
        let caddy = driven(folder.path(), blue, "no upstreams here").await;
        let unseen = caddy.load(Colour::Blue).await;
        assert!(
            matches!(&unseen, Err(ControlError::Unknown(why)) if why.contains("/reverse_proxy/upstreams: 200 OK: no upstreams")),
            "{unseen:?}"
        );
        assert_eq!(caddy.state().await.unwrap().live, Some(Colour::Blue), "which colour is live is known all the same");
        assert!(caddy.warning().await.unwrap().is_some_and(|why| why.contains("no upstreams here")));
    }
}
