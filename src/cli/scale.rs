//! `allswell scale`: a colour gets more or fewer instances.

use clap::Args;
use serde_json::{Value, json};

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::progress::Progress;
use super::reach::{Reach, last_words, running_load};
use super::role::told_to_end;
use super::screen;
use crate::domain::colour::Colour;
use crate::domain::moment::humane;
use crate::release::deploy::Hands;
use crate::release::scale::{ScaleError, Scaled, Scaling, Stride, scale};
use crate::release::{Act, time_to_put_back};

/// Give a colour so many instances
///
/// Asks first where the live colour gets fewer. 0 stops the colour; a deploy, or a scale to more, starts it again.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Which colour
    colour: Colour,
    /// How many
    #[arg(value_parser = clap::value_parser!(u32).range(0..=1_000))]
    instances: u32,
}

/// Scales, and shows what it does.
///
/// # Errors
/// Exit codes 1, 4, 6, 7 and 8; as many instances are expected as before.
pub async fn run(operator: &Operator, args: &ScaleArgs) -> Outcome {
    let reach = Reach::of(operator)?;
    let ScaleArgs { colour, instances } = *args;
    if reach.config.runtime.kind.has_supervisor() {
        // It refuses, and says how processes are scaled.
        reach.driver().scale(colour, instances, &|_| ()).await?;
    }
    let hands = Hands::new(reach.prober()?, reach.driver(), reach.proxy());
    let state = hands.prober.state().await?;
    let scaling = Scaling {
        act: Act::Scale,
        colour,
        instances,
        before: state.expected.map(|expected| expected.of(colour)),
        by: Operator::by(),
        live: state.live,
        cut: instances == 0 && state.live.is_some_and(|live| live != colour),
        within: reach.config.switch.within,
        timeout: reach.config.runtime.deploy_timeout,
        spare: time_to_put_back(&reach.config.runtime, Act::Scale),
    };
    let question = match question(&scaling) {
        None if scaling.cut => running_load(&hands.proxy, colour, "a scale to 0").await,
        asked => asked,
    };
    if let Some(question) = question {
        operator.confirm(&question)?;
    }
    let scaled = carry_out(operator, &hands, &scaling).await?;
    say(operator, &scaling, &scaled);
    if operator.json {
        screen::document(&document(&scaling, &scaled));
    }
    Ok(Exit::Done)
}

/// What it costs the public, where it may.
fn question(scaling: &Scaling) -> Option<String> {
    let Scaling { colour, instances, before, live, .. } = scaling;
    let is_live = match live {
        Some(live) if live == colour => format!("warning: {colour} is LIVE"),
        Some(_) => return None,
        None => format!("warning: which colour is live is undefined, so {colour} may be"),
    };
    let from = before.map(|before| format!(" instead of {before}")).unwrap_or_default();
    match instances {
        0 => Some(format!("{is_live}. With 0 instances{from} the public is answered with 503 until {colour} is started again. Go on?")),
        _ if before.is_some_and(|before| before <= *instances) => None,
        _ => Some(format!(
            "{is_live}. It gets {instances} {}{from}: they carry all its load, and what the others cannot finish while they end is lost. Go on?",
            if *instances == 1 { "instance" } else { "instances" }
        )),
    }
}

/// Follows it to its end.
pub(super) async fn carry_out(operator: &Operator, hands: &Hands, scaling: &Scaling) -> Result<Scaled, Trouble> {
    let progress = Progress::begin(operator.json);
    let Scaling { colour, instances, within, timeout, .. } = scaling;
    let interrupted = told_to_end()?;
    let done = scale(hands, scaling, interrupted, &|stride| match stride {
        Stride::Leased => progress.working(format_args!("{colour}: {instances} instances"), Some(*timeout)),
        Stride::Runtime(step) => progress.stepped(&step),
        Stride::Scaled if scaling.goes_up() => progress.working(format_args!("gate: probing {colour}"), Some(*within)),
        Stride::Scaled => {}
        Stride::Fit => progress.say(format!("✓ fit         {colour} passed its probes")),
        Stride::PutBack(what) => progress.say(format!("! put back    {what}")),
    })
    .await;
    progress.end();
    done.map_err(|error| explain(error, scaling))
}

fn explain(error: ScaleError, scaling: &Scaling) -> Trouble {
    let Scaling { colour, instances, before, within, .. } = scaling;
    let expected = before.map(|before| format!(". As before, {before} are expected of {colour}")).unwrap_or_default();
    match error {
        ScaleError::Prober(error) => error.into(),
        ScaleError::Runtime(error) => {
            let trouble = Trouble::from(error);
            trouble.exit.because(format!("{}{expected}", trouble.message))
        }
        ScaleError::Interrupted => Exit::Failed.because(format!("scale of {colour} {}{expected}", ScaleError::Interrupted)),
        ScaleError::TimeOver(_) => Exit::Failed.because(format!("scale of {colour} ended, for {error}{expected}")),
        ScaleError::Closed(_) => Exit::Failed.because(format!("scale of {colour}: {error}. See allswell history{expected}")),
        ScaleError::Unfit(gate, said) => Exit::Refused.because(format!(
            "refused: with {instances} instances {colour} did not pass its probes within {}: {}{expected}{}",
            humane(*within),
            gate.why,
            last_words(&said)
        )),
    }
}

fn say(operator: &Operator, scaling: &Scaling, scaled: &Scaled) {
    if let Some(error) = &scaled.unfreed {
        screen::warn(format!("it is done, and its end could not be written down: {error}. Others are kept out until its time is over"));
    }
    if operator.json {
        return;
    }
    let Scaling { colour, instances, before, .. } = scaling;
    let from = before.map(|before| format!("{before} → ")).unwrap_or_default();
    let what = if *instances == 1 { "instance" } else { "instances" };
    screen::line(format!("✓ scaled      {colour}: {from}{instances} {what}, and so many are expected"));
    if *instances == 0 {
        screen::line(format!("{colour} is quiet now: nothing is expected of it. It starts again by: allswell deploy {colour}"));
    }
}

fn document(scaling: &Scaling, scaled: &Scaled) -> Value {
    json!({
        "colour": scaling.colour,
        "instances": scaling.instances,
        "before": scaling.before,
        "by": scaling.by,
        "gate": scaled.gate,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_asks_where_the_public_would_pay_and_says_what() {
        let asked = |live, before, instances| {
            let (within, timeout, spare) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
            let (act, colour, by) = (Act::Scale, Colour::Blue, String::new());
            question(&Scaling { act, colour, instances, before, by, live, cut: false, within, timeout, spare })
        };
        let (blue, green) = (Some(Colour::Blue), Some(Colour::Green));
        assert_eq!(asked(green, Some(3), 1), None, "idle");
        assert_eq!(asked(blue, Some(1), 3), None, "up");
        assert_eq!(asked(blue, Some(2), 2), None, "as many");
        let down = asked(blue, Some(3), 1).unwrap();
        assert!(down.starts_with("warning: blue is LIVE. It gets 1 instance instead of 3: "), "{down}");
        assert!(asked(blue, None, 2).is_some(), "nobody knows how many there were");
        assert!(asked(blue, Some(3), 0).unwrap().contains("the public is answered with 503"));
        assert!(asked(None, Some(3), 1).unwrap().contains("is undefined, so blue may be"));
    }
}
