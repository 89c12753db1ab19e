//! The parts that a command talks to, and what to do when one does not answer.

use std::time::Duration;

use super::denied::whose;
use super::exit::{Exit, Trouble};
use super::operator::Operator;
use crate::config::Config;
use crate::domain::colour::Colour;
use crate::files::StateDir;
use crate::proxy::ProxyDriver;
use crate::proxy::control::ControlError;
use crate::release::{Remote, RemoteError};
use crate::runtime::command::driver::CommandDriver;
use crate::runtime::docker::driver::DockerDriver;
use crate::runtime::driver::Driver;
use crate::runtime::process::control::{UpControl, UpError};
use crate::runtime::process::driver::ProcessDriver;
use crate::runtime::swarm::driver::SwarmDriver;
use crate::runtime::{RuntimeError, RuntimeKind, RuntimeSettings};
use crate::settings::Secret;
use crate::signing::Key;

/// How long a part may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How many of an instance's last lines stand in a message.
const LAST_LINES: usize = 8;

/// What runs here, by its config and its state directory.
#[derive(Debug)]
pub struct Reach {
    /// The config.
    pub config: Config,
    /// The state directory.
    pub state: StateDir,
}

impl Reach {
    /// Of what this operator has named.
    ///
    /// # Errors
    /// Exit code 2 for a wrong config, 8 where nothing has ever run here.
    pub fn of(operator: &Operator) -> Result<Self, Trouble> {
        Ok(Self { config: operator.config()?, state: operator.state()? })
    }

    /// The prober's control.
    ///
    /// # Errors
    /// Exit code 8 where the prober has made no token yet.
    pub fn prober(&self) -> Result<Remote, Trouble> {
        prober(&self.config.prober.at(), &self.state)
    }

    /// The key that signs beats, for what a watcher is asked; none where it cannot be read.
    #[must_use]
    pub fn beat_key(&self) -> Option<Key> {
        let named = self.config.watcher.beat_key.as_ref().and_then(|secret| secret.reveal_if_set().ok().flatten());
        let kept = || Some(std::fs::read_to_string(self.state.beat_key()).ok()?.trim().to_owned());
        named.or_else(kept).map(|text| Key::new(&text))
    }

    /// The proxy's control.
    #[must_use]
    pub fn proxy(&self) -> ProxyDriver {
        ProxyDriver::new(&self.config.proxy, &self.config.app, &self.state, LIMIT)
    }

    /// What runs the instances.
    #[must_use]
    pub fn driver(&self) -> Driver {
        let app = || self.config.app.clone();
        match &self.config.runtime.kind {
            RuntimeKind::Process(_) => Driver::Process(ProcessDriver::new(self.state.clone(), self.config.runtime.deploy_timeout)),
            RuntimeKind::Docker(settings) => {
                let key = self.config.watcher.beat_key.clone().unwrap_or_else(|| Secret::File(self.state.beat_key()));
                let RuntimeSettings { version, stop_grace, .. } = &self.config.runtime;
                Driver::Docker(Box::new(DockerDriver::new(app(), settings.clone(), version.clone(), *stop_grace, key)))
            }
            RuntimeKind::Swarm(settings) => {
                let RuntimeSettings { version, stop_grace, .. } = &self.config.runtime;
                Driver::Swarm(Box::new(SwarmDriver::new(app(), settings.clone(), version.clone(), *stop_grace)))
            }
            RuntimeKind::Command(settings) => Driver::Command(Box::new(CommandDriver::new(app(), settings.clone()))),
        }
    }

    /// The supervisor's control, for what is answered at once.
    #[must_use]
    pub fn up_soon(&self) -> UpControl {
        UpControl::new(&self.state.up_socket(), LIMIT)
    }

    /// What a colour's instances said last, for a message; empty where nobody knows.
    pub async fn last_words(&self, colour: Colour) -> String {
        last_words(&self.driver().last_lines(colour, LAST_LINES).await)
    }
}

/// What instances said last, as a message has it.
#[must_use]
pub fn last_words(of_instances: &[(String, Vec<String>)]) -> String {
    let spoken = of_instances.iter().filter(|(_, lines)| !lines.is_empty());
    spoken.map(|(name, lines)| format!("\nlast lines of {name}:\n  {}", lines.join("\n  "))).collect()
}

/// The question to ask before what an idle colour is still at is cut; none where nothing runs there.
pub async fn running_load(proxy: &ProxyDriver, colour: Colour, what: &str) -> Option<String> {
    let load = proxy.state().await.ok()?.load(colour);
    (load.in_flight + load.streams > 0).then(|| {
        format!(
            "{colour} is idle and still has {} requests and {} WebSockets running, which {what} cuts. Go on?",
            load.in_flight, load.streams
        )
    })
}

/// The control of a prober that listens there (`HOST:PORT`), whose token is in this state directory.
///
/// # Errors
/// As [`Reach::prober`].
pub(super) fn prober(at: &str, state: &StateDir) -> Result<Remote, Trouble> {
    let token = token("prober", &state.prober_token())?;
    Ok(Remote::new(at, token, LIMIT))
}

/// A token that a part made in the state directory when it first started.
pub(super) fn token(part: &str, path: &std::path::Path) -> Result<String, Trouble> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let unread = format!("the {part}'s token {} cannot be read", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound => Exit::Unreachable.because(format!(
                "{unread}: it is not there. The {part} makes it when it first starts: is `allswell up` running, and was it started here? \
                 --state DIR names another place"
            )),
            _ => Exit::Failed.because(format!("{unread}: {error}{}", whose(path, &error))),
        }
    })?;
    Ok(text.trim().to_owned())
}

/// What to look at where a part does not answer, by what happened.
pub(super) fn hint(silence: &str) -> &'static str {
    const NETWORK: [&str; 5] = ["unreachable", "No route", "lookup", "resolve", "not known"];
    if NETWORK.iter().any(|word| silence.contains(word)) {
        "The way from here to there does not work: is the address right, and this machine's network up?"
    } else {
        "Is `allswell up` running?"
    }
}

/// Whether the prober is not there at all, so that another way may be tried.
#[must_use]
pub fn is_silent(error: &RemoteError) -> bool {
    matches!(error, RemoteError::Unreachable(why) if why.starts_with("the prober does not answer"))
}

impl From<RemoteError> for Trouble {
    fn from(error: RemoteError) -> Self {
        if is_silent(&error) {
            return Exit::Unreachable.because(format!("{error}. {}", hint(&error.to_string())));
        }
        match error {
            RemoteError::Unreachable(why) => Exit::Unreachable.because(format!("{why}. What answers, and what does not: allswell status")),
            RemoteError::Locked(why) => Exit::Locked.because(why),
            RemoteError::Refused(why) => Exit::Refused.because(why),
            RemoteError::Undefined(why) => Exit::Undefined.because(why),
            RemoteError::Other(why) => Exit::Failed.because(why),
            RemoteError::Unauthorized(why) => {
                Exit::Failed.because(format!("the prober refused: {why}. Is --state the directory that it runs with?"))
            }
        }
    }
}

impl From<ControlError> for Trouble {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Silent(..) => Exit::Unreachable.because(format!("{error}. Is `allswell up` running?")),
            ControlError::Unknown(_) => Exit::Unreachable.because(format!("{error}. Which colour answers: allswell live")),
            ControlError::Stale(_) | ControlError::Refused(_) | ControlError::Withdrawn(_) => Exit::Failed.because(error.to_string()),
        }
    }
}

impl From<RuntimeError> for Trouble {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Silent(_) => Exit::Unreachable.because(error.to_string()),
            RuntimeError::Refused(_) | RuntimeError::Late(_) => Exit::Failed.because(error.to_string()),
            RuntimeError::Conflict(_) => Exit::Locked.because(error.to_string()),
        }
    }
}

impl From<UpError> for Trouble {
    fn from(error: UpError) -> Self {
        match error {
            UpError::Silent(..) => Exit::Unreachable.because(error.to_string()),
            UpError::Refused(_) => Exit::Failed.because(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_prober_has_its_exit_code() {
        let silent = "the prober does not answer on http://127.0.0.1:7701: connection refused";
        for (error, exit) in [
            (RemoteError::Unreachable(silent.into()), Exit::Unreachable),
            (RemoteError::Locked("ann@host switches".into()), Exit::Locked),
            (RemoteError::Refused("no".into()), Exit::Refused),
            (RemoteError::Undefined("no".into()), Exit::Undefined),
            (RemoteError::Unauthorized("no".into()), Exit::Failed),
        ] {
            assert_eq!(Trouble::from(error).exit, exit);
        }
        let told = Trouble::from(RemoteError::Unreachable(silent.into())).message;
        assert_eq!(told, format!("{silent}. Is `allswell up` running?"));
        let cut_off = "the prober does not answer on http://192.0.2.1:7701: Network is unreachable (os error 101)";
        let told = Trouble::from(RemoteError::Unreachable(cut_off.into())).message;
        assert!(told.contains("this machine's network") && !told.contains("allswell up"), "{told}");
    }
}
