//! What goes before what visitors keep busy, and its words as most write them.
//!
//! clap says what an order may look like, and whatever is not written plainly is for it to understand. To describe one to clap takes a fifth of the
//! time that a command needs until it has asked (decision 0110).

use std::ffi::{OsStr, OsString};

use clap::Subcommand;

use super::doing::{Doing, doing};
use super::hold::{self, HoldArgs, Switch};
use super::maintenance::{self, MaintenanceArgs};
use super::operator::Operator;
use super::options::{self, Options};
use super::rollback::{self, RollbackArgs};
use super::switch::{self, How, SwitchArgs};
use super::toggle::{self, ToggleArgs};

/// It mends what visitors suffer from, and starts nothing that would go before them too.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(super) enum Order {
    Switch(SwitchArgs),
    Toggle(ToggleArgs),
    Rollback(RollbackArgs),
    Hold(HoldArgs),
    Maintenance(MaintenanceArgs),
}

impl Order {
    /// What is done for it.
    pub(super) fn acting<'a>(&'a self, operator: &'a Operator) -> Doing<'a> {
        match self {
            Self::Switch(args) => doing(|| switch::run(operator, args)),
            Self::Toggle(args) => doing(|| toggle::run(operator, args)),
            Self::Rollback(args) => doing(|| rollback::run(operator, args)),
            Self::Hold(args) => doing(|| hold::run(operator, args)),
            Self::Maintenance(args) => doing(|| maintenance::run(operator, args)),
        }
    }
}

/// What the words of an order have said so far.
#[derive(Default)]
struct Said<'a> {
    command: Vec<&'a str>,
    config: Option<&'a OsStr>,
    state: Option<&'a OsStr>,
    runtime: Option<&'a OsStr>,
    force: Option<&'a OsStr>,
    json: bool,
    yes: bool,
    no_wait: bool,
}

/// An order whose words are written plainly: each option once, by its whole name and with its value as the next word. None for everything else.
/// `env` is the environment.
pub(super) fn plainly(words: &[OsString], env: impl Fn(&str) -> Option<OsString>) -> Option<(Operator, Order)> {
    let said = Said::by(words)?;
    let force = said.force.map(|reason| reason.to_owned().into_string()).transpose().ok()?;
    let how = How { force, no_wait: said.no_wait };
    let order = match said.command.as_slice() {
        ["switch", colour] => Order::Switch(SwitchArgs { colour: colour.parse().ok()?, how, direct: false }),
        ["toggle"] => Order::Toggle(ToggleArgs { how }),
        ["rollback"] => Order::Rollback(RollbackArgs { how }),
        ["hold", "on"] if how == How::default() => Order::Hold(HoldArgs { order: Switch::On }),
        ["hold", "off"] if how == How::default() => Order::Hold(HoldArgs { order: Switch::Off }),
        _ => return None,
    };
    Some((said.operator(env)?, order))
}

impl<'a> Said<'a> {
    fn by(words: &'a [OsString]) -> Option<Self> {
        let (mut said, mut words) = (Self::default(), words.iter().skip(1));
        while let Some(word) = words.next() {
            let word = word.to_str()?;
            match word {
                "--json" => once(&mut said.json)?,
                "--yes" | "-y" => once(&mut said.yes)?,
                "--config" => value(&mut said.config, words.next())?,
                "--state" => value(&mut said.state, words.next())?,
                "--runtime" => value(&mut said.runtime, words.next())?,
                // An option of the command comes after it.
                "--no-wait" if !said.command.is_empty() => once(&mut said.no_wait)?,
                "--force" if !said.command.is_empty() => value(&mut said.force, words.next())?,
                _ if word.starts_with('-') => return None,
                _ => said.command.push(word),
            }
        }
        Some(said)
    }

    fn operator(&self, env: impl Fn(&str) -> Option<OsString>) -> Option<Operator> {
        // None where it is set to nothing, which is for clap to judge.
        let given = |said: Option<&OsStr>, name: &str| match said.map(OsStr::to_owned).or_else(|| env(name)) {
            Some(empty) if empty.is_empty() => None,
            given => Some(given.map(Into::into)),
        };
        let options = Options {
            config: given(self.config, options::CONFIG)?,
            state: given(self.state, options::STATE)?.unwrap_or_else(|| options::USUAL_STATE.into()),
            runtime: given(self.runtime, options::RUNTIME)?,
        };
        Some(Operator { options, json: self.json, yes: self.yes })
    }
}

fn once(flag: &mut bool) -> Option<()> {
    (!std::mem::replace(flag, true)).then_some(())
}

/// What may be an option in place of a value is not for us to judge.
fn value<'a>(option: &mut Option<&'a OsStr>, word: Option<&'a OsString>) -> Option<()> {
    let word = word.filter(|word| !word.is_empty() && !word.as_encoded_bytes().starts_with(b"-"))?;
    option.replace(word).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        ["allswell"].into_iter().chain(line.split(' ')).map(OsString::from).collect()
    }

    fn unset(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn what_is_not_written_plainly_is_left_to_clap() {
        for line in [
            "switch",
            "switch red",
            "switch green blue",
            "switch green --direct",
            "switch green --json --json",
            "--no-wait toggle",
            "--force why rollback",
            "toggle --config=a",
            "toggle --config",
            "toggle --config --json",
            "toggle --config a --config b",
            "toggle -h",
            "hold",
            "hold on --no-wait",
            "hold on --force why",
            "maintenance off",
            "live",
            "--",
            "switch green --",
            "switch  green",
            "help switch",
            "toggle --force ",
            "toggle -yy",
        ] {
            assert!(plainly(&words(line), unset).is_none(), "{line}");
        }
    }

    #[test]
    fn the_environment_says_what_the_words_do_not() {
        let env = |name: &str| Some(OsString::from(name.to_lowercase()));
        let (Operator { options, .. }, _) = plainly(&words("toggle --state s"), env).unwrap();
        assert_eq!((options.config, options.state), (Some("allswell_config".into()), "s".into()));
        assert_eq!(options.runtime, Some("allswell_runtime".into()));
        assert!(plainly(&words("toggle"), |_| Some(OsString::new())).is_none());
    }
}
