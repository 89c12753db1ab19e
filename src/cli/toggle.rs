//! `allswell toggle`: makes the other colour live.

use clap::Args;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::switch::{How, finish};
use super::way::Way;

/// Make the other colour live
#[derive(Debug, Args)]
pub struct ToggleArgs {
    #[command(flatten)]
    pub(super) how: How,
}

/// Switches to the colour that is not live.
///
/// # Errors
/// Exit code 3 where the live colour is undefined: then nothing is changed, for the other of an unknown colour is a guess. Else as `switch`.
pub async fn run(operator: &Operator, args: &ToggleArgs) -> Outcome {
    let way = Way::of(operator)?;
    let state = way.prober.state().await?;
    let Some(live) = state.live else {
        let why = state.proxy_trouble.unwrap_or_else(|| "the proxy's state could not be read".to_owned());
        return Err(Exit::Undefined.because(format!(
            "warning: which colour is live is undefined: {why}. Nothing was changed; say which: allswell switch blue|green --force REASON"
        )));
    };
    finish(operator, &way, live.other(), &args.how).await
}
