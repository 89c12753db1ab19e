//! How a command ended, as a script sees it.

use std::process::ExitCode;

use super::denied::whose;
use crate::config::ConfigError;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; of health: working.
    Done,
    /// 1: failed; of health: not working.
    Failed,
    /// 2: wrong usage or wrong config.
    Usage,
    /// 3: which colour is live is undefined.
    Undefined,
    /// 4: the gate refused.
    Refused,
    /// 5: the switch was taken back, or should have been and could not.
    Reverted,
    /// 6: another deploy or switch is under way.
    Locked,
    /// 7: declined at the prompt.
    Declined,
    /// 8: a part does not answer.
    Unreachable,
    /// 9: of health: doing poorly.
    Poorly,
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Undefined => 3,
            Self::Refused => 4,
            Self::Reverted => 5,
            Self::Locked => 6,
            Self::Declined => 7,
            Self::Unreachable => 8,
            Self::Poorly => 9,
        }
    }

    /// Why a command could not do what it was asked, with this code.
    #[must_use]
    pub fn because(self, message: impl Into<String>) -> Trouble {
        Trouble { exit: self, message: message.into() }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do what it was asked: what was tried, what happened, what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// The code.
    pub exit: Exit,
    /// In the user's words.
    pub message: String,
}

/// What every command comes to. A command that returns trouble has printed no JSON document.
pub type Outcome = Result<Exit, Trouble>;

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Exit::Failed.because(format!("{error:#}"))
    }
}

impl From<ConfigError> for Trouble {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Unreadable(path, cause) if cause.kind() == std::io::ErrorKind::NotFound => Exit::Usage.because(format!(
                "there is no config at {}. Write one with `allswell init`, name another with --config FILE, \
                 or run the demo with `allswell up`",
                path.display()
            )),
            ConfigError::Unreadable(path, cause) => Exit::Usage.because(format!("{error}{}", whose(path, cause))),
            ConfigError::Wrong(..) => Exit::Usage.because(format!("{error}\nNothing was done: `allswell validate` checks it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_end_has_a_code_of_its_own() {
        use Exit::{Declined, Done, Failed, Locked, Poorly, Refused, Reverted, Undefined, Unreachable, Usage};
        let all = [Done, Failed, Usage, Undefined, Refused, Reverted, Locked, Declined, Unreachable, Poorly];
        let codes: Vec<u8> = all.into_iter().map(Exit::code).collect();
        assert_eq!(codes, (0..10).collect::<Vec<u8>>());
    }
}
