//! `allswell deploy`: replaces a colour's instances, and goes on to the switch where that is asked for.

use std::sync::{Mutex, PoisonError};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::doors;
use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::progress::Progress;
use super::reach::{Reach, last_words, running_load};
use super::role::told_to_end;
use super::screen;
use super::switch::{How, agreed_to_costs, carry_out, conclude};
use crate::domain::colour::Colour;
use crate::domain::moment::humane;
use crate::release::deploy::{DeployError, Deployed, Hands, Plan, Stage, deploy};
use crate::release::{Act, time_to_put_back};

/// Replace a colour's instances (default: the idle one)
///
/// The live colour is left alone unless it is named, and then it is asked for.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Which colour. Default: the idle one
    colour: Option<Colour>,
    /// The version that the new instances get. Default: the same as before
    #[arg(long, value_name = "V", value_parser = NonEmptyStringValueParser::new())]
    version: Option<String>,
    /// The image that they run. Default: the config's, else the same as before
    #[arg(long, value_name = "I", value_parser = NonEmptyStringValueParser::new())]
    image: Option<String>,
    /// Make the colour live when it is fit
    #[arg(long)]
    switch: bool,
}

/// Deploys, and shows each stage.
///
/// # Errors
/// Exit codes 3, 4, 6, 7 and 8; the live colour is then untouched.
pub async fn run(operator: &Operator, args: &DeployArgs) -> Outcome {
    let reach = Reach::of(operator)?;
    let hands = Hands::new(reach.prober()?, reach.driver(), reach.proxy());
    let live = hands.prober.state().await?.live;
    let colour = chosen(args.colour, live)?;
    let goes_on = args.switch && live != Some(colour);
    agreed(operator, &hands, colour, live).await?;
    if goes_on {
        // Before anything is replaced: whoever declines has changed nothing.
        agreed_to_costs(operator, reach.config.proxy.kind.switch_costs())?;
    }
    let plan = Plan {
        colour,
        version: args.version.clone(),
        image: args.image.clone(),
        by: Operator::by(),
        live,
        within: reach.config.switch.within,
        timeout: reach.config.runtime.deploy_timeout,
        spare: time_to_put_back(&reach.config.runtime, Act::Deploy),
    };
    let deployed = carry_out_deploy(operator, &hands, &plan).await?;
    say(operator, &reach, &plan, &deployed, goes_on);
    let mut document = document(&plan, &deployed);
    let mut exit = Exit::Done;
    if goes_on {
        let (end, switch) = carry_out(operator, &hands.prober, || Some(&reach.config.switch), colour, &How::default()).await?;
        document["switch"] = switch;
        exit = conclude(operator, Some(&reach), colour, &end).await;
    }
    if operator.json {
        screen::document(&document);
    }
    Ok(exit)
}

/// The colour that was named, else the idle one.
fn chosen(named: Option<Colour>, live: Option<Colour>) -> Result<Colour, Trouble> {
    named.or(live.map(Colour::other)).ok_or_else(|| {
        Exit::Undefined.because(
            "warning: which colour is live is undefined, so which is idle is too. Nothing was changed; say which: allswell deploy blue|green",
        )
    })
}

/// Asks where the public, or somebody whose request is still running, would be hurt.
async fn agreed(operator: &Operator, hands: &Hands, colour: Colour, live: Option<Colour>) -> Result<(), Trouble> {
    match live {
        None => operator.confirm(&format!(
            "warning: which colour is live is undefined, so {colour} may be. A deploy stops its instances first. Go on?"
        )),
        Some(live) if live == colour => operator.confirm(&format!(
            "warning: {colour} is LIVE. A deploy stops the instances that serve the public now; `allswell deploy {}` does not. Go on?",
            colour.other()
        )),
        Some(_) => running_load(&hands.proxy, colour, "a deploy").await.map_or(Ok(()), |question| operator.confirm(&question)),
    }
}

async fn carry_out_deploy(operator: &Operator, hands: &Hands, plan: &Plan) -> Result<Deployed, Trouble> {
    let progress = Progress::begin(operator.json);
    let Plan { colour, within, .. } = plan;
    progress.working(format_args!("deploy {colour}"), None);
    let interrupted = told_to_end()?;
    let put_back = Mutex::new(None);
    let done = deploy(hands, plan, interrupted, &|stage| match stage {
        Stage::Leased => progress.working(format_args!("replace {colour}"), Some(plan.timeout)),
        Stage::Runtime(step) => progress.stepped(&step),
        Stage::PutBack(what) => {
            progress.say(format!("! put back    {what}"));
            *put_back.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
        }
        Stage::Replaced(count) => {
            progress.say(replaced(count, *colour));
            progress.working(format_args!("gate: probing {colour}"), Some(*within));
        }
        Stage::Fit => progress.say(format!("✓ fit         {colour} passed its probes")),
    })
    .await;
    progress.end();
    done.map_err(|error| {
        let mut trouble = explain(error, plan);
        // On a screen it has been said.
        if let (true, Some(what)) = (operator.json, put_back.into_inner().unwrap_or_else(PoisonError::into_inner)) {
            trouble.message = format!("{}. Put back: {what}", trouble.message.trim());
        }
        trouble
    })
}

fn replaced(count: usize, colour: Colour) -> String {
    match count {
        0 => format!("✓ replaced    {colour}, by its command"),
        1 => format!("✓ replaced    1 instance of {colour} started"),
        _ => format!("✓ replaced    {count} instances of {colour} started"),
    }
}

/// What was tried, what happened, and that nothing else was touched.
fn explain(error: DeployError, plan: &Plan) -> Trouble {
    let colour = plan.colour;
    match error {
        DeployError::Prober(error) => error.into(),
        DeployError::Runtime(error) => error.into(),
        DeployError::Fallen(why, said) => {
            let words = last_words(&said);
            Exit::Refused.because(format!("refused: {why} before {colour} was fit to go live. What is live was not touched{words}"))
        }
        DeployError::Unbegun | DeployError::Interrupted => Exit::Failed.because(format!("deploy of {colour} {error}")),
        DeployError::TimeOver(_) => {
            Exit::Failed.because(format!("deploy of {colour} ended, for {error}. What is not put back is not proven"))
        }
        DeployError::Closed(_) => {
            Exit::Failed.because(format!("deploy of {colour}: {error}. See allswell history, and deploy {colour} again"))
        }
        DeployError::Unfit(gate, said) => {
            let saw = gate.last.map_or("it was never probed".to_owned(), |last| {
                let status = last.status.map(|status| format!("answered {status}"));
                let what = last.reason.or(status).unwrap_or_else(|| "an answer in time".to_owned());
                format!("the last probe saw: {what} (after {}ms, at {})", last.latency_ms, last.at)
            });
            let words = last_words(&said);
            Exit::Refused.because(format!(
                "refused: {colour} was not fit to go live within {}: {}. {saw}. What is live was not touched{words}",
                humane(plan.within),
                gate.why
            ))
        }
    }
}

fn say(operator: &Operator, reach: &Reach, plan: &Plan, deployed: &Deployed, goes_on: bool) {
    if let Some(error) = &deployed.unfreed {
        screen::warn(format!(
            "the deploy is done, and its end could not be written down: {error}. Others are kept out until its time is over"
        ));
    }
    if !operator.json && !goes_on {
        screen::line(format!("{} is fit to go live. Look at it: {}/", plan.colour, doors::preview(&reach.config.proxy)));
        screen::line(format!("Then: allswell switch {}", plan.colour));
    }
}

fn document(plan: &Plan, deployed: &Deployed) -> Value {
    json!({
        "colour": plan.colour,
        "version": plan.version,
        "by": plan.by,
        "instances": deployed.instances,
        "gate": deployed.gate,
        "switch": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_the_idle_colour_unless_one_is_named_and_never_guesses() {
        assert_eq!(chosen(None, Some(Colour::Blue)), Ok(Colour::Green));
        assert_eq!(chosen(Some(Colour::Blue), Some(Colour::Blue)), Ok(Colour::Blue));
        assert_eq!(chosen(Some(Colour::Blue), None), Ok(Colour::Blue));
        assert_eq!(chosen(None, None).unwrap_err().exit, Exit::Undefined);
    }
}
