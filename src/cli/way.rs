//! The way to the prober, which an order is on before the rest of the config is read.

use std::cell::OnceCell;

use super::exit::Trouble;
use super::operator::Operator;
use super::reach::{Reach, prober};
use super::screen;
use crate::config::{ConfigError, Text};
use crate::files::StateDir;
use crate::release::{Remote, SwitchSettings};

/// What an order needs to be sent, and what is read while it is carried out.
#[derive(Debug)]
pub struct Way {
    /// The prober's control.
    pub prober: Remote,
    /// What a switch costs the site's visitors, in the user's words; none where it costs nothing.
    pub costs: Option<&'static str>,
    text: Text,
    state: StateDir,
    reach: OnceCell<Result<Reach, ConfigError>>,
}

impl Way {
    /// As far as this operator's config says it. What is wrong elsewhere in it does not hold an order up.
    ///
    /// # Errors
    /// Exit code 2 where what says the way is wrong, with everything else that is; 8 where nothing has ever run here.
    pub fn of(operator: &Operator) -> Result<Self, Trouble> {
        let text = operator.text()?;
        let whole = || text.whole(&operator.options.state).map(|loaded| loaded.config);
        let (at, costs) = match text.for_orders() {
            Some(said) => said,
            None => whole().map(|config| (config.prober.at(), config.proxy.kind.switch_costs()))?,
        };
        match operator.state().and_then(|state| Ok((prober(&at, &state)?, state))) {
            Ok((prober, state)) => Ok(Self { prober, costs, text, state, reach: OnceCell::new() }),
            Err(trouble) => {
                // Where nothing is done, all that is wrong is said.
                whole()?;
                Err(trouble)
            }
        }
    }

    /// How long the phases of a switch may take; none where the config is wrong.
    pub fn limits(&self) -> Option<&SwitchSettings> {
        self.reach().ok().map(|reach| &reach.config.switch)
    }

    /// What there is beside the prober, as the whole config says it. Where that is wrong, it is told: the prober has one that was not.
    pub fn rest(&self) -> Option<&Reach> {
        let told = |error: &&ConfigError| {
            screen::note(format!("warning: {error}\nThe prober goes by what it has read: `allswell validate` checks this"))
        };
        self.reach().inspect_err(told).ok()
    }

    fn reach(&self) -> Result<&Reach, &ConfigError> {
        let read = || Ok(Reach { config: self.text.whole(self.state.path())?.config, state: self.state.clone() });
        self.reach.get_or_init(read).as_ref()
    }
}
