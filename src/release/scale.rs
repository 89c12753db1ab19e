//! Scale and stop, told as a story: lease, the runtime's part, the gate where it went up, end. Only these and a deploy change how many
//! instances are expected.

use std::time::Duration;

use super::deploy::{Hands, LAST_LINES, cut, end};
use super::orders::{Act, DeployOrder, GateReport};
use super::remote::RemoteError;
use crate::domain::colour::Colour;
use crate::runtime::{RuntimeError, Step};

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Scaling {
    /// Scale or stop.
    pub act: Act,
    /// The colour whose instances are concerned.
    pub colour: Colour,
    /// How many there are to be; 0 ends them.
    pub instances: u32,
    /// How many were expected before; none: nobody knows.
    pub before: Option<u32>,
    /// Who asks: user and host.
    pub by: String,
    /// Whether what is still running on a colour that ends may be cut.
    pub cut: bool,
    /// How long new instances have to become fit.
    pub within: Duration,
    /// When it is over at the latest.
    pub timeout: Duration,
}

/// What has been reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stride {
    /// Nobody else changes anything until this has ended.
    Leased,
    /// What the runtime reached.
    Runtime(Step),
    /// The runtime has done its part.
    Scaled,
    /// With its new instances the colour passes its probes.
    Fit,
    /// They were not fit, and there are as many as before; or why there are not.
    PutBack(String),
}

/// How it ended, where it did what was asked.
#[derive(Debug)]
pub struct Scaled {
    /// What the gate saw, where there are more instances than before.
    pub gate: Option<GateReport>,
    /// Why the lease could not be freed, if so; it frees itself at the end of its time.
    pub unfreed: Option<RemoteError>,
}

/// Why it did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ScaleError {
    /// The prober refused or is silent.
    #[error("{0}")]
    Prober(#[from] RemoteError),
    /// The runtime refused or is silent.
    #[error("{0}")]
    Runtime(#[from] RuntimeError),
    /// The colour did not pass its probes in time: what the gate saw, and what each instance said last.
    #[error("the gate stayed shut: {}", .0.why)]
    Unfit(GateReport, Vec<(String, Vec<String>)>),
    /// It was interrupted.
    #[error("interrupted: some instances may have been started or ended")]
    Interrupted,
}

impl Scaling {
    /// Whether there are more instances than before. Where nobody knows how many there were, there may be.
    #[must_use]
    pub fn goes_up(&self) -> bool {
        self.before.map_or(self.instances > 0, |before| before < self.instances)
    }

    fn order(&self) -> DeployOrder {
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        DeployOrder { act: self.act, colour: self.colour, version: None, instances: Some(self.instances), by: self.by.clone(), timeout_ms }
    }
}

/// Does it, and says what it has reached. `interrupted` ends the wait, never the bookkeeping.
///
/// # Errors
/// Where there are not so many instances, or they are not proven fit: as many are expected as before.
pub async fn scale(
    hands: &Hands,
    scaling: &Scaling,
    interrupted: impl Future<Output = ()>,
    each: &(dyn Fn(Stride) + Sync),
) -> Result<Scaled, ScaleError> {
    let lease = hands.prober.begin_deploy(&scaling.order()).await?;
    each(Stride::Leased);
    let done = tokio::select! {
        done = change_and_prove(hands, scaling, each) => done,
        () = interrupted => Err(ScaleError::Interrupted),
    };
    let put_back = match &done {
        Err(ScaleError::Unfit(..)) => put_back(hands, scaling, each).await,
        Ok(_) | Err(ScaleError::Prober(_) | ScaleError::Runtime(_) | ScaleError::Interrupted) => None,
    };
    let unfreed = end(hands, &lease, done.as_ref().err().map(ToString::to_string), put_back).await;
    Ok(Scaled { gate: done?, unfreed })
}

async fn change_and_prove(hands: &Hands, scaling: &Scaling, each: &(dyn Fn(Stride) + Sync)) -> Result<Option<GateReport>, ScaleError> {
    let tell = |step| each(Stride::Runtime(step));
    if scaling.cut {
        cut(hands, scaling.colour).await;
    }
    match scaling.act {
        Act::Stop => hands.driver.stop(scaling.colour, &tell).await?,
        Act::Scale | Act::Deploy => drop(hands.driver.scale(scaling.colour, scaling.instances, &tell).await?),
    }
    each(Stride::Scaled);
    if !scaling.goes_up() {
        return Ok(None);
    }
    let gate = hands.prober.gate(scaling.colour, scaling.within, &[]).await?;
    if !gate.open {
        return Err(ScaleError::Unfit(gate, hands.driver.last_lines(scaling.colour, LAST_LINES).await));
    }
    each(Stride::Fit);
    Ok(Some(gate))
}

/// As many as before, where that is known. From none there is no way back that would help anybody.
async fn put_back(hands: &Hands, scaling: &Scaling, each: &(dyn Fn(Stride) + Sync)) -> Option<String> {
    let before = scaling.before.filter(|before| *before > 0)?;
    let done = hands.driver.scale(scaling.colour, before, &|step| each(Stride::Runtime(step))).await;
    let told = match done {
        Ok(_) => format!("{} has {before} again", scaling.colour),
        Err(error) => format!("it could not be put back: {error}"),
    };
    each(Stride::PutBack(told.clone()));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_up_must_be_proven() {
        let scaling = |before, instances| Scaling {
            act: Act::Scale,
            colour: Colour::Blue,
            instances,
            before,
            by: String::new(),
            cut: false,
            within: Duration::ZERO,
            timeout: Duration::ZERO,
        };
        for (before, instances, goes_up) in
            [(Some(1), 3, true), (Some(3), 1, false), (Some(2), 2, false), (None, 2, true), (None, 0, false), (Some(0), 1, true)]
        {
            assert_eq!(scaling(before, instances).goes_up(), goes_up, "{before:?} {instances}");
        }
    }
}
