//! The heartbeat's own channels, on the command line.

use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::words::Words;
use crate::heartbeat::{Outlets, parse_channel};
use crate::settings::parse_duration;

/// `--channel`, `--fallback`, `--say`.
#[derive(Debug, Args)]
pub(super) struct OutletArguments {
    /// A channel: ops=slack:URL, ops=webhook:URL or ops=email:SERVER:PORT,from=A,to=B; several are separated by spaces.
    /// A URL or password may be env:NAME or file:PATH
    #[arg(long, global = true, env = "ALLSWELL_CHANNELS", value_name = "NAME=KIND:WHERE", hide_env_values = true)]
    channel: Vec<Words>,
    /// The channels that are told when a watcher acknowledges nothing, separated by commas
    #[arg(long, global = true, env = "ALLSWELL_FALLBACK", value_name = "NAME,..", value_delimiter = ',')]
    fallback: Vec<String>,
    /// The channel that hears all's well
    #[arg(long, global = true, env = "ALLSWELL_SAY", value_name = "NAME")]
    say: Option<String>,
    /// How often it does
    #[arg(long, global = true, env = "ALLSWELL_SAY_EVERY", value_name = "DURATION", default_value = "1d", value_parser = parse_duration)]
    say_every: Duration,
}

impl OutletArguments {
    /// The channels, and what each is there for.
    ///
    /// # Errors
    /// Where one is not understood, missing, or there for nothing.
    pub(super) fn read(self) -> anyhow::Result<Outlets> {
        let words = self.channel.iter().flat_map(|words| words.reveal().split_whitespace());
        let channels = words.map(parse_channel).collect::<Result<Vec<_>, _>>()?;
        let used: Vec<&String> = self.fallback.iter().chain(&self.say).collect();
        if let Some(unknown) = used.iter().find(|name| !channels.iter().any(|channel| channel.name == ***name)) {
            bail!("there is no channel named {unknown}: describe it by --channel {unknown}=KIND:WHERE or in ALLSWELL_CHANNELS");
        }
        if let Some(idle) = channels.iter().find(|channel| !used.contains(&&channel.name)) {
            bail!("channel {} is there for nothing: name it by --fallback or --say", idle.name);
        }
        Ok(Outlets { channels, fallback: self.fallback, say: self.say.map(|name| (name, self.say_every)) })
    }
}
