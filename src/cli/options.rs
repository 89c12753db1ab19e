//! What every command and every part understands.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::denied::whose;
use crate::config::{self, ConfigError, Loaded};
use crate::domain::colour::Colour;
use crate::files::StateDir;

/// The variable that names the config file.
pub(super) const CONFIG: &str = "ALLSWELL_CONFIG";
/// The variable that names the state directory.
pub(super) const STATE: &str = "ALLSWELL_STATE";
/// The variable that names the directory of the sockets.
pub(super) const RUNTIME: &str = "ALLSWELL_RUNTIME";
/// The state directory of whoever names none.
pub(super) const USUAL_STATE: &str = "./.allswell";

/// `--config` and `--state`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The config file. Default: ./allswell.toml, or the running demo's
    #[arg(long, global = true, env = CONFIG, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept that must survive
    #[arg(long, global = true, env = STATE, value_name = "DIR", default_value = USUAL_STATE)]
    pub state: PathBuf,
    /// Where the parts' sockets are. Default: the state directory
    #[arg(long, global = true, env = RUNTIME, value_name = "DIR", hide = true)]
    pub runtime: Option<PathBuf>,
}

impl Options {
    /// The config file: the one that was named, else `./allswell.toml`, else the one that `allswell up` wrote for its demo.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        let usual = Path::new("allswell.toml");
        match &self.config {
            Some(path) => path.clone(),
            None if usual.exists() => usual.to_owned(),
            None if self.demo_path().exists() => self.demo_path(),
            None => usual.to_owned(),
        }
    }

    /// Where `allswell up` writes the demo's config.
    #[must_use]
    pub fn demo_path(&self) -> PathBuf {
        self.state.join("demo.toml")
    }

    /// Reads the config.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        config::load(&self.config_path(), &self.state)
    }

    /// Opens the state directory for whoever writes into it: it is made where it is not there.
    ///
    /// # Errors
    /// Says which directory, and why.
    pub fn state_dir(&self) -> anyhow::Result<StateDir> {
        self.state_by(StateDir::open)
    }

    /// The state directory as it is, for whoever only asks: nothing is made, and nothing changed.
    ///
    /// # Errors
    /// As [`Options::state_dir`].
    pub fn state_found(&self) -> anyhow::Result<StateDir> {
        self.state_by(StateDir::found)
    }

    fn state_by(&self, open: fn(&Path) -> io::Result<StateDir>) -> anyhow::Result<StateDir> {
        let unusable = |error| {
            let (path, whose) = (self.state.display(), whose(&self.state, &error));
            anyhow::anyhow!("the state directory {path} cannot be used: {error}{whose}. --state DIR names another place")
        };
        let state = open(&self.state).map_err(unusable)?;
        Ok(match &self.runtime {
            Some(sockets) => state.with_sockets_in(sockets.clone()),
            None => state,
        })
    }
}

/// So that help and completions name both.
impl ValueEnum for Colour {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::BOTH
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}
