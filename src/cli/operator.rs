//! Whoever types the command: their options, what they want to see, and their yes or no.

use std::io::{self, BufRead, IsTerminal};

use clap::Args;

use super::denied::{user_name, whose};
use super::exit::{Exit, Trouble};
use super::options::Options;
use super::screen;
use crate::config::{Config, ConfigError, Loaded, Text};
use crate::files::StateDir;

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Operator {
    /// Where things are.
    #[command(flatten)]
    pub options: Options,
    /// Print one JSON document, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer every question with yes, for scripts
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,
}

impl Operator {
    /// Reads the config; its warnings are for `validate` to tell.
    ///
    /// # Errors
    /// Exit code 2 and everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, Trouble> {
        Ok(self.text()?.whole(&self.options.state)?)
    }

    /// The config's text.
    ///
    /// # Errors
    /// Exit code 2 where it cannot be read.
    pub fn text(&self) -> Result<Text, Trouble> {
        Text::of(&self.options.config_path()).map_err(|error| match (&error, self.closed()) {
            // The demo's config may stand where this user cannot look.
            (ConfigError::Unreadable(_, cause), Some(closed)) if cause.kind() == io::ErrorKind::NotFound => closed,
            _ => error.into(),
        })
    }

    /// Where the state directory is somebody else's.
    fn closed(&self) -> Option<Trouble> {
        let path = &self.options.state;
        let error = std::fs::read_dir(path).err().filter(|error| error.kind() == io::ErrorKind::PermissionDenied)?;
        Some(Exit::Failed.because(format!("the state directory {} is closed to you{}", path.display(), whose(path, &error))))
    }

    /// Loads the config, without its warnings.
    ///
    /// # Errors
    /// As [`Operator::load`].
    pub fn config(&self) -> Result<Config, Trouble> {
        self.load().map(|loaded| loaded.config)
    }

    /// The state directory of what runs here. A command that asks makes none, and changes nothing about one that is there.
    ///
    /// # Errors
    /// Exit code 8 where there is none: nothing has ever run here.
    pub fn state(&self) -> Result<StateDir, Trouble> {
        let path = &self.options.state;
        if let Some(trouble) = self.closed() {
            return Err(trouble);
        }
        if !path.is_dir() {
            return Err(Exit::Unreachable.because(format!(
                "there is no state directory {}: is `allswell up` running, and was it started here? --state DIR names another",
                path.display()
            )));
        }
        Ok(self.options.state_found()?)
    }

    /// Who acts, for the journal: `user@host`.
    #[must_use]
    pub fn by() -> String {
        let uid = rustix::process::getuid().as_raw();
        let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty());
        let passwd = || user_name(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), uid);
        let user = named.or_else(passwd).unwrap_or_else(|| format!("uid-{uid}"));
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("{user}@{host}")
    }

    /// Asks on stderr; anything but a yes is a no, and where nobody can answer, too.
    ///
    /// # Errors
    /// Exit code 7 where it was declined.
    pub fn confirm(&self, question: &str) -> Result<(), Trouble> {
        if self.yes {
            return Ok(());
        }
        screen::ask(&format!("{question} [y/N]"));
        if !io::stdin().is_terminal() {
            return Err(Exit::Declined.because("\ndeclined: nobody can be asked, stdin is not a terminal. --yes answers yes"));
        }
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.is_ok() && is_yes(&answer) { Ok(()) } else { Err(Exit::Declined.because("declined: nothing was changed")) }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y\n", "Yes\n", " YES "] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["", "\n", "n\n", "no\n", "yep\n", "ye"] {
            assert!(!is_yes(no), "{no}");
        }
    }

    #[test]
    fn the_journal_learns_who_and_where() {
        let by = Operator::by();
        let (user, host) = by.split_once('@').unwrap();
        assert!(!user.is_empty() && !host.is_empty(), "{by}");
    }
}
