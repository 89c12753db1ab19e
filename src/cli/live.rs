//! `allswell live`: which colour is live.

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::reach::{Reach, is_silent};
use super::screen;
use crate::domain::colour::Colour;

/// Which colour is live
#[derive(Debug, Args)]
pub struct LiveArgs {}

/// What is live, and who says so.
#[derive(Debug, Serialize)]
struct Live {
    live: Option<Colour>,
    epoch: u64,
    said_by: &'static str,
    /// Why it is undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Says it in one word.
///
/// # Errors
/// Exit code 8 where neither the prober nor the proxy answers.
pub async fn run(operator: &Operator) -> Outcome {
    let found = find(&Reach::of(operator)?).await?;
    if operator.json {
        screen::document(&found);
    } else if let Some(live) = found.live {
        screen::line(live);
    }
    Ok(match found.live {
        Some(_) => Exit::Done,
        None => {
            let why = found.why.unwrap_or_else(|| "the proxy's state could not be read".to_owned());
            screen::warn(format!("which colour is live is undefined: {why}. Say which: allswell switch blue|green --force REASON"));
            Exit::Undefined
        }
    })
}

/// The prober knows; where it is silent, the proxy does.
async fn find(reach: &Reach) -> Result<Live, Trouble> {
    let trouble = match reach.prober() {
        Ok(prober) => match prober.state().await {
            Ok(state) => return Ok(Live { live: state.live, epoch: state.epoch, said_by: "prober", why: state.proxy_trouble }),
            Err(error) if is_silent(&error) => Trouble::from(error),
            Err(error) => return Err(error.into()),
        },
        Err(trouble) => trouble,
    };
    let state = reach.proxy().state().await.map_err(|error| Exit::Unreachable.because(format!("{trouble}\nand {error} either")))?;
    screen::warn(format!("{trouble} This is what the proxy itself says."));
    Ok(Live { live: state.live, epoch: state.epoch, said_by: "proxy", why: None })
}
