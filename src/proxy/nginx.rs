//! nginx, by a rendered include: replaced as a whole, tested, reloaded, and believed only when the live listener says so on fresh connections.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::control::{COLOUR_HEADER, ControlError, EPOCH_HEADER, Load, Permit, ProxyState, ShiftOrder, TOKEN_HEADER};
use super::standing::{PATIENCE, Standing, Turn, accept, set_right};
use crate::domain::colour::Colour;
use crate::files;
use crate::net::client::{explain, fresh};
use crate::program::{self, ProgramError};
use crate::settings::{AppSettings, Section};

mod include;
mod workers;

use self::workers::Workers;

/// How often a wait looks again.
const PACE: Duration = Duration::from_millis(20);
/// Fresh connections in a row that must say the new colour.
const PROOFS: u32 = 3;
/// nginx tries for 2.5 s to listen where somebody else does, before it gives up a reload.
const BINDING: Duration = Duration::from_secs(3);

/// `[proxy]` with `kind = "nginx"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NginxSettings {
    /// Where what its config includes is written, absolute or in the state directory. Default: `nginx`.
    pub folder: PathBuf,
    /// The program and its first words, to which `-t` and `-s reload` are added. Default: `nginx`.
    pub command: Vec<String>,
    /// The file in which its master keeps its process id. Default: `/run/nginx.pid`.
    pub pid: PathBuf,
    /// How long its test may take, its reload, and the start of its new workers, each. Default: 5 s.
    pub reload: Duration,
}

impl NginxSettings {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mut command = section.texts("command");
        if command.is_empty() {
            command.push("nginx".to_owned());
        }
        Self {
            folder: section.text_or("folder", "nginx").into(),
            command,
            pid: section.text_or("pid", "/run/nginx.pid").into(),
            reload: section.duration_or("reload_timeout", Duration::from_secs(5)),
        }
    }
}

/// Drives it.
#[derive(Debug, Clone)]
pub struct Nginx {
    settings: NginxSettings,
    app: AppSettings,
    folder: PathBuf,
    turn: PathBuf,
    token: PathBuf,
    live: String,
    limit: Duration,
}

impl Nginx {
    /// Of these settings, with its paths in this directory and its live listener found there; each question gives up after `limit`.
    #[must_use]
    pub fn new(settings: &NginxSettings, app: &AppSettings, live: String, state: &Path, limit: Duration) -> Self {
        let folder = state.join(&settings.folder);
        let (turn, token) = (state.join("proxy.lock"), state.join("probe.token"));
        Self { settings: settings.clone(), app: app.clone(), folder, turn, token, live, limit }
    }

    /// Writes what its config includes: what says the colour only where there is none yet.
    ///
    /// # Errors
    /// As the operating system says.
    pub(super) fn prepare(&self, first_live: Colour) -> std::io::Result<()> {
        files::make_private_dir(&self.folder)?;
        files::replace(&self.folder.join(include::LIVE), include::live().as_bytes())?;
        files::replace(&self.folder.join(include::IDLE), include::idle().as_bytes())?;
        if self.file().exists() { Ok(()) } else { self.write(Standing { live: first_live, epoch: 0 }) }
    }

    /// What the workers that answer now do: the file may say something that was never loaded. Which colour is live is known also where the
    /// old workers are not: `load` and `warning` say so.
    pub(super) async fn state(&self) -> Result<ProxyState, ControlError> {
        let standing = self.observed().await?;
        let left = self.load().unwrap_or_default();
        let (live, epoch) = standing.map_or((None, 0), |standing| (Some(standing.live), standing.epoch));
        let load = |colour| if live == Some(colour) { Load::default() } else { left };
        Ok(ProxyState { live, epoch, by: None, blue: load(Colour::Blue), green: load(Colour::Green), answers: None })
    }

    /// As many as there are old workers: they may have something left for either colour.
    pub(super) fn load(&self) -> Result<Load, ControlError> {
        let workers = Workers::of(&self.settings.pid).map_err(ControlError::Unknown)?;
        Ok(Load { in_flight: workers.leaving(), streams: 0 })
    }

    /// What somebody should look at. The file is set right where it does not say what is served: whoever changed it may have been killed
    /// before nginx was told.
    pub(super) async fn warning(&self) -> Result<Option<String>, ControlError> {
        let unseen = Workers::of(&self.settings.pid).err();
        if self.disagreement().await?.is_none() {
            return Ok(unseen);
        }
        // Whoever has the turn sees to both. What was said before it was ours may have been changed since.
        let Ok(_turn) = Turn::at_once(&self.turn) else { return Ok(unseen) };
        let disagreement = self.disagreement().await?;
        let still_wrong = disagreement.and_then(|(served, written)| set_right(&self.file(), written, served, self.write(served)));
        Ok(still_wrong.or(unseen))
    }

    /// What is served, and what the file says instead; none where it says the same.
    async fn disagreement(&self) -> Result<Option<(Standing, Option<Standing>)>, ControlError> {
        let written = self.written();
        Ok(self.observed().await?.filter(|served| Some(*served) != written).map(|served| (served, written)))
    }

    /// The longest that an order takes, with the question of what stands that comes before it: its turn, two questions more, the test, the
    /// reload and its proof, the wait for the master, and the reload and the proof of what is put back.
    pub(super) fn longest_order(&self) -> Duration {
        PATIENCE + self.limit * 3 + self.settings.reload * 6 + BINDING
    }

    /// Makes a colour live.
    pub(super) async fn shift(&self, order: ShiftOrder, still_ours: impl Permit) -> Result<ProxyState, ControlError> {
        let turn = Turn::take(&self.turn).await?;
        let unchanged = |why: String| ControlError::Refused(format!("{why}. Nothing was changed"));
        let old = self.observed().await.map_err(|error| unchanged(error.to_string()))?;
        accept(order, old.map_or(0, |old| old.epoch))?;
        // Of workers that are not seen nobody knows whether they have left.
        let before = Workers::of(&self.settings.pid).map_err(unchanged)?;
        still_ours.await.map_err(ControlError::Withdrawn)?;
        let (this, new) = (self.clone(), Standing::after(order));
        turn.through(async move { this.carry_out(old, new, &before).await }).await
    }

    /// Written, tested, reloaded and proven; where one of these fails, what was there is put back. Refused only where that is proven too.
    async fn carry_out(&self, old: Option<Standing>, new: Standing, before: &Workers) -> Result<ProxyState, ControlError> {
        let unwritten = |error| ControlError::Refused(format!("{} cannot be written: {error}. Nothing was changed", self.file().display()));
        let kept = self.exchange(old, new).map_err(unwritten)?;
        let Err(why) = self.test_and_reload(new).await else { return self.state().await };
        match self.put_back(&kept, old, before).await {
            Ok(done) => Err(ControlError::Refused(format!("{why}. {done}"))),
            Err(unproven) => Err(ControlError::Unknown(format!("{why}. {unproven}"))),
        }
    }

    /// Writes what is to be live. What is to be put back where it does not become so: what serves, whatever the file said.
    fn exchange(&self, old: Option<Standing>, new: Standing) -> std::io::Result<Vec<u8>> {
        if let Some(old) = old.filter(|old| self.written() != Some(*old)) {
            self.write(old)?;
        }
        let kept = std::fs::read(self.file())?;
        self.write(new)?;
        Ok(kept)
    }

    async fn test_and_reload(&self, new: Standing) -> Result<(), String> {
        self.run(&["-t"]).await.map_err(|error| format!("nginx does not take its config: {error}"))?;
        self.reload(Some(new)).await
    }

    async fn reload(&self, wanted: Option<Standing>) -> Result<(), String> {
        let before = Workers::of(&self.settings.pid)?;
        self.run(&["-s", "reload"]).await.map_err(|error| format!("nginx does not reload: {error}"))?;
        let mut seen = String::from("nothing");
        let proving = async {
            let mut proofs = 0;
            while proofs < PROOFS {
                // An old worker that still accepts is asked for its colour no more.
                let has_left = before.have_left();
                match self.observed().await {
                    Ok(standing) if standing == wanted && has_left => proofs += 1,
                    Ok(standing) if standing == wanted => (proofs, seen) = (0, "old workers".to_owned()),
                    Ok(standing) => (proofs, seen) = (0, standing.map_or("no colour".to_owned(), |standing| standing.to_string())),
                    Err(error) => (proofs, seen) = (0, error.to_string()),
                }
                sleep(PACE).await;
            }
        };
        let proven = timeout(self.settings.reload, proving).await;
        proven.map_err(|_| format!("nginx took the reload, and its live listener goes on with {seen}: its error log says why"))
    }

    /// What was done, in words.
    ///
    /// # Errors
    /// What could not be done, or is not known.
    async fn put_back(&self, kept: &[u8], old: Option<Standing>, before: &Workers) -> Result<&'static str, String> {
        files::replace(&self.file(), kept).map_err(|error| format!("{} could not be put back: {error}", self.file().display()))?;
        // A reload may be late, or somebody else's: what it has loaded is known when nginx has done all that it was told.
        let resting = async {
            while !before.master_rests() {
                sleep(PACE).await;
            }
        };
        if timeout(self.settings.reload + BINDING, resting).await.is_err() {
            return Err("What was there is put back, and nginx is not done with the reload before it".to_owned());
        }
        if Workers::of(&self.settings.pid).is_ok_and(|now| now.were_among(before)) {
            return Ok("What was there is put back, and nginx has loaded nothing else");
        }
        match self.reload(old).await {
            Ok(()) => Ok("What was there is put back and serves"),
            Err(why) => Err(format!("What was there is put back, and is not proven to serve: {why}")),
        }
    }

    async fn run(&self, words: &[&str]) -> Result<program::Said, ProgramError> {
        let all: Vec<String> = self.settings.command.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect();
        program::run(&all, &[], self.settings.reload).await
    }

    /// What a fresh connection to the live listener says; none where it says no colour.
    async fn observed(&self) -> Result<Option<Standing>, ControlError> {
        let url = format!("http://{}{}", self.live, include::WHO);
        let silent = |why: String| ControlError::Silent(PathBuf::from(&url), why);
        let token = std::fs::read_to_string(&self.token).map_err(|error| silent(format!("the probe token cannot be read: {error}")))?;
        let client = fresh(self.limit).map_err(|error| silent(error.to_string()))?;
        let answer = client.get(&url).header(TOKEN_HEADER, token.trim()).send().await.map_err(|error| silent(explain(error)))?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        Ok(text(COLOUR_HEADER).zip(text(EPOCH_HEADER)).and_then(|(colour, epoch)| format!("{colour}:{epoch}").parse().ok()))
    }

    fn file(&self) -> PathBuf {
        self.folder.join(include::HTTP)
    }

    /// What the file says; none where it says no colour, or cannot be read.
    fn written(&self) -> Option<Standing> {
        include::standing(&std::fs::read_to_string(self.file()).ok()?)
    }

    fn write(&self, standing: Standing) -> std::io::Result<()> {
        let token = files::token(&self.token)?;
        files::replace(&self.file(), include::http(standing, &self.app, &token).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_file_is_not_set_back_to_what_was_served_before_a_shift_that_has_ended_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let app = Config::parse("[runtime]\ncommand = \"x\"\n").unwrap().config.app;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = listener.local_addr().unwrap().to_string();
        let settings = NginxSettings {
            folder: "nginx".into(),
            command: vec!["nginx".to_owned()],
            pid: folder.path().join("nginx.pid"),
            reload: Duration::from_secs(5),
        };
        let driver = Nginx::new(&settings, &app, live, folder.path(), Duration::from_secs(5));
        driver.prepare(Colour::Blue).unwrap();
        let green = Standing { live: Colour::Green, epoch: 4 };
        driver.write(green).unwrap();
        // The workers follow the file right after their first answer.
        let have_followed = Arc::new(AtomicBool::new(false));
        let who = move || {
            let said = if have_followed.swap(true, Ordering::Relaxed) { ("green", "4") } else { ("blue", "3") };
            async move { (StatusCode::NO_CONTENT, [(COLOUR_HEADER, said.0), (EPOCH_HEADER, said.1)]) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route(include::WHO, get(who))).await });
        let unseen = driver.warning().await.unwrap();
        assert!(unseen.as_deref().is_some_and(|why| why.contains("nginx.pid")), "{unseen:?}");
        assert_eq!(driver.written(), Some(green));
    }
}
