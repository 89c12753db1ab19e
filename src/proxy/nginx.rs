//! nginx, by a rendered include: replaced as a whole, tested, reloaded, and believed only when the live listener says so on fresh connections.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::control::{COLOUR_HEADER, ControlError, EPOCH_HEADER, Load, Permit, ProxyState, ShiftOrder, TOKEN_HEADER};
use super::standing::{Standing, Turn, accept};
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

/// Whether nginx was told to load what is to be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reloaded {
    No,
    Perhaps,
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

    /// What the workers that answer now do: the file may say something that was never loaded.
    pub(super) async fn state(&self) -> Result<ProxyState, ControlError> {
        let standing = self.observed().await?;
        let left = Load { in_flight: Workers::of(&self.settings.pid).leaving(), streams: 0 };
        let (live, epoch) = standing.map_or((None, 0), |standing| (Some(standing.live), standing.epoch));
        let load = |colour| if live == Some(colour) { Load::default() } else { left };
        Ok(ProxyState { live, epoch, blue: load(Colour::Blue), green: load(Colour::Green), answers: None })
    }

    /// As many as there are old workers: they may have something left for either colour.
    pub(super) fn load(&self) -> Load {
        Load { in_flight: Workers::of(&self.settings.pid).leaving(), streams: 0 }
    }

    /// Written, tested, reloaded and proven; where one of these fails, what was there is put back.
    pub(super) async fn shift(&self, order: ShiftOrder, still_ours: impl Permit) -> Result<ProxyState, ControlError> {
        let _turn = Turn::take(&self.turn)?;
        let refused = |why: String| ControlError::Refused(why);
        let old = self.observed().await.map_err(|error| refused(format!("{error}. Nothing was changed")))?;
        accept(order, old.map_or(0, |old| old.epoch))?;
        still_ours.await.map_err(ControlError::Withdrawn)?;
        let kept = std::fs::read(self.file())
            .and_then(|kept| self.write(Standing::after(order)).map(|()| kept))
            .map_err(|error| refused(format!("{} cannot be written: {error}. Nothing was changed", self.file().display())))?;
        let tested = self.run(&["-t"]).await.map_err(|error| format!("nginx does not take its config: {error}"));
        let failed = match tested {
            Ok(_) => self.reload(Standing::after(order)).await.err().map(|why| (why, Reloaded::Perhaps)),
            Err(why) => Some((why, Reloaded::No)),
        };
        match failed {
            None => self.state().await,
            Some((why, reloaded)) => Err(refused(format!("{why}{}", self.put_back(&kept, old, reloaded).await))),
        }
    }

    async fn reload(&self, wanted: Standing) -> Result<(), String> {
        let before = Workers::of(&self.settings.pid);
        self.run(&["-s", "reload"]).await.map_err(|error| format!("nginx does not reload: {error}"))?;
        let mut seen = String::from("nothing");
        let proving = async {
            let mut proofs = 0;
            while proofs < PROOFS {
                // An old worker that still accepts is asked for its colour no more.
                let has_left = before.have_left();
                match self.observed().await {
                    Ok(Some(standing)) if standing == wanted && has_left => proofs += 1,
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
    async fn put_back(&self, kept: &[u8], old: Option<Standing>, reloaded: Reloaded) -> String {
        if let Err(error) = files::replace(&self.file(), kept) {
            return format!(". {} could not be put back: {error}", self.file().display());
        }
        if reloaded == Reloaded::No {
            return ". What was there is put back".to_owned();
        }
        // Loaded again even where the old workers answer: the new config may only be late.
        if let Err(error) = self.run(&["-s", "reload"]).await {
            return format!(". What was there is put back, and not loaded: {error}");
        }
        let settling = async {
            while self.observed().await.ok() != Some(old) {
                sleep(PACE).await;
            }
        };
        match timeout(self.settings.reload, settling).await {
            Ok(()) => ". What was there is put back and serves".to_owned(),
            Err(_) => ". What was there is put back, and does not serve".to_owned(),
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

    fn write(&self, standing: Standing) -> std::io::Result<()> {
        let token = files::token(&self.token)?;
        files::replace(&self.file(), include::http(standing, &self.app, &token).as_bytes())
    }
}
