//! Scale and stop, told as a story: lease, the runtime's part, the gate where it went up, end. Only these and a deploy change how many
//! instances are expected.

use std::time::Duration;

use super::deploy::{Hands, LAST_LINES, NOT_PUT_BACK, cut, end, unless_closed};
use super::limit::Limit;
use super::orders::{Act, DeployOrder, GateReport};
use super::patience::patiently;
use super::remote::RemoteError;
use crate::domain::colour::Colour;
use crate::domain::moment::humane;
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
    /// The live colour, as whoever asks had it in view; none is undefined.
    pub live: Option<Colour>,
    /// Whether what is still running on a colour that ends may be cut.
    pub cut: bool,
    /// How long new instances have to become fit.
    pub within: Duration,
    /// When it is over at the latest.
    pub timeout: Duration,
    /// How much of that is kept for putting back.
    pub spare: Duration,
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
    /// It was ended before its time was over, with enough of it left to put back. The whole of its time.
    #[error("its time was over: of [runtime] deploy_timeout = {} only what putting back may need was left", humane(*.0))]
    TimeOver(Duration),
    /// All was done, and somebody had closed the order before it could say so: what the prober said.
    #[error("it was done, and the journal says otherwise: {0}")]
    Closed(String),
}

impl Scaling {
    /// Whether there are more instances than before. Where nobody knows how many there were, there may be.
    #[must_use]
    pub fn goes_up(&self) -> bool {
        self.before.map_or(self.instances > 0, |before| before < self.instances)
    }

    /// Whether there are to be as many as before again: where new ones are not proven.
    fn is_put_back(&self, error: &ScaleError) -> bool {
        match error {
            ScaleError::Unfit(..) | ScaleError::TimeOver(_) => self.goes_up(),
            ScaleError::Prober(_) | ScaleError::Runtime(_) | ScaleError::Interrupted | ScaleError::Closed(_) => false,
        }
    }

    fn order(&self) -> DeployOrder {
        DeployOrder {
            act: self.act,
            colour: self.colour,
            version: None,
            instances: Some(self.instances),
            by: self.by.clone(),
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            live: self.live,
        }
    }
}

/// Does it, and says what it has reached. `interrupted` ends the wait, never the bookkeeping. So does the end of its time: by then others may be
/// at it.
///
/// # Errors
/// Where there are not so many instances, or they are not proven fit: as many are expected as before.
pub async fn scale(
    hands: &Hands,
    scaling: &Scaling,
    interrupted: impl Future<Output = ()>,
    each: &(dyn Fn(Stride) + Sync),
) -> Result<Scaled, ScaleError> {
    let limit = Limit::from_now(scaling.timeout, scaling.spare);
    let lease = hands.prober.begin_deploy(&scaling.order()).await?;
    each(Stride::Leased);
    let done = tokio::select! {
        biased;
        () = limit.work_is_over() => Err(ScaleError::TimeOver(scaling.timeout)),
        () = interrupted => Err(ScaleError::Interrupted),
        done = change_and_prove(hands, scaling, each) => done,
    };
    let put_back =
        if done.as_ref().is_err_and(|error| scaling.is_put_back(error)) { put_back(hands, scaling, limit, each).await } else { None };
    let ended = end(hands, &lease, done.as_ref().err().map(ToString::to_string), put_back).await;
    let gate = done?;
    Ok(Scaled { gate, unfreed: unless_closed(ended).map_err(ScaleError::Closed)? })
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
async fn put_back(hands: &Hands, scaling: &Scaling, limit: Limit, each: &(dyn Fn(Stride) + Sync)) -> Option<String> {
    let before = scaling.before.filter(|before| *before > 0)?;
    let tell = |step| each(Stride::Runtime(step));
    let told = tokio::select! {
        biased;
        () = limit.lease_is_over() => NOT_PUT_BACK.to_owned(),
        done = patiently(&tell, || hands.driver.scale(scaling.colour, before, &tell)) => match done {
            Ok(_) => format!("{} has {before} again", scaling.colour),
            Err(error) => format!("it could not be put back: {error}"),
        },
    };
    each(Stride::PutBack(told.clone()));
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaling(before: Option<u32>, instances: u32) -> Scaling {
        Scaling {
            act: Act::Scale,
            colour: Colour::Blue,
            instances,
            before,
            by: String::new(),
            live: Some(Colour::Green),
            cut: false,
            within: Duration::ZERO,
            timeout: Duration::ZERO,
            spare: Duration::ZERO,
        }
    }

    #[test]
    fn only_what_goes_up_must_be_proven() {
        for (before, instances, goes_up) in
            [(Some(1), 3, true), (Some(3), 1, false), (Some(2), 2, false), (None, 2, true), (None, 0, false), (Some(0), 1, true)]
        {
            assert_eq!(scaling(before, instances).goes_up(), goes_up, "{before:?} {instances}");
        }
    }

    #[test]
    fn what_went_up_is_put_back_where_its_time_is_over_and_what_went_down_is_not_begun_again() {
        let late = ScaleError::TimeOver(Duration::ZERO);
        assert!(scaling(Some(1), 3).is_put_back(&late));
        assert!(!scaling(Some(3), 1).is_put_back(&late));
        assert!(!scaling(Some(1), 3).is_put_back(&ScaleError::Interrupted));
    }

    #[test]
    fn the_order_says_which_colour_was_live() {
        assert_eq!(scaling(Some(1), 3).order().live, Some(Colour::Green));
    }
}
