//! `allswell switch`: makes a colour live.

use std::future::ready;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::progress::{Progress, is_on_screen};
use super::reach::{Reach, is_silent};
use super::role::told_to_end;
use super::screen;
use super::way::Way;
use crate::domain::colour::Colour;
use crate::domain::switch::Phase;
use crate::proxy::control::ShiftOrder;
use crate::release::{Remote, SwitchEnd, SwitchEvent, SwitchOrder, SwitchSettings};

/// Make a colour live
///
/// Gate, shift, verify, drain, observe; and back by itself where it turns bad.
#[derive(Debug, Args)]
pub struct SwitchArgs {
    /// Which colour
    pub(super) colour: Colour,
    #[command(flatten)]
    pub(super) how: How,
    /// Speak to the proxy itself, when the prober is dead: no gate, no proof, no way back by itself
    #[arg(long, conflicts_with_all = ["force", "no_wait"])]
    pub(super) direct: bool,
}

/// How a switch is done, whichever command asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct How {
    /// Skip the gate, and nothing else; the reason stands in the journal
    #[arg(long, value_name = "REASON", value_parser = NonEmptyStringValueParser::new())]
    pub force: Option<String>,
    /// Return once the front door has proved it; drain and observe go on
    #[arg(long)]
    pub no_wait: bool,
}

/// Switches, and shows each phase.
///
/// # Errors
/// Where nothing was begun: exit codes 3, 4, 6, 7 and 8.
pub async fn run(operator: &Operator, args: &SwitchArgs) -> Outcome {
    if args.direct {
        return direct(operator, &Reach::of(operator)?, args.colour).await;
    }
    let way = Way::of(operator)?;
    // Whoever is asked whether a switch may cost something is asked for a switch. One that is forced may have something to write down.
    if way.costs.is_some() && args.how.force.is_none() && way.prober.state().await?.live == Some(args.colour) {
        return nothing_to_do(operator, args.colour);
    }
    finish(operator, &way, args.colour, &args.how).await
}

/// Switches and prints what came of it: the end of every command that switches.
///
/// # Errors
/// As [`run`].
pub async fn finish(operator: &Operator, way: &Way, to: Colour, how: &How) -> Outcome {
    agreed_to_costs(operator, way.costs)?;
    let carried_out = carry_out(operator, &way.prober, || way.limits(), to, how).await;
    let rest = way.rest();
    let (end, document) = carried_out?;
    if is_nothing_to_do(&document) {
        return nothing_to_do(operator, to);
    }
    if operator.json {
        screen::document(&document);
    }
    Ok(conclude(operator, rest, to, &end).await)
}

/// Asks whether a switch may cost what it does, where it costs something.
///
/// # Errors
/// Exit code 7 where it was declined.
pub fn agreed_to_costs(operator: &Operator, costs: Option<&str>) -> Result<(), Trouble> {
    costs.map_or(Ok(()), |costs| operator.confirm(&format!("{costs}. Go on?")))
}

/// Switches, and shows each phase, which may take as long as `limits` says; what it costs was agreed to, and the JSON document is for the caller
/// to print.
///
/// # Errors
/// As [`run`].
pub async fn carry_out<'a>(
    operator: &Operator,
    prober: &Remote,
    limits: impl Fn() -> Option<&'a SwitchSettings>,
    to: Colour,
    how: &How,
) -> Result<(SwitchEnd, Value), Trouble> {
    let order = SwitchOrder { to, force: how.force.clone(), wait: !how.no_wait, by: Operator::by() };
    let told = async {
        // The order is written by then, or waits for the network.
        yield_now().await;
        told_to_end()?.await;
        Ok::<_, Trouble>(())
    };
    let progress = Progress::begin(operator.json);
    progress.working(format_args!("switch to {to}"), None);
    let mut events: Vec<SwitchEvent> = Vec::new();
    let switching = prober.switch(&order, |event| {
        if !(events.is_empty() && event.phase == Phase::Done) {
            progress.reached(event, to, &limits);
            events.push(event.clone());
        }
    });
    let ended = tokio::select! {
        biased;
        ended = switching => Some(ended),
        told = told => { told?; None }
    };
    progress.end();
    let end = ended.ok_or_else(|| goes_on(to, &events))??;
    let document = json!({ "to": to, "phase": end.phase, "reason": end.reason, "forced": order.force, "by": order.by, "events": events });
    Ok((end, document))
}

/// Whoever is asked to end no longer follows: the switch is the prober's.
fn goes_on(to: Colour, events: &[SwitchEvent]) -> Trouble {
    let stands_at = events.last().map_or("the prober may have heard of it".to_owned(), |last| format!("so far: {}", last.phase));
    Exit::Failed.because(format!(
        "the switch to {to} goes on without this command ({stands_at}). How it ends: allswell history. Back: allswell rollback"
    ))
}

/// Whether the end came without a beginning: the colour was live already.
fn is_nothing_to_do(document: &Value) -> bool {
    document["events"].as_array().is_some_and(Vec::is_empty)
}

/// What a switch that was not done says on stderr, and its exit code. On a screen its phase and its reason stand there already.
pub async fn conclude(operator: &Operator, reach: Option<&Reach>, to: Colour, end: &SwitchEnd) -> Exit {
    let exit = exit_of(end.phase);
    if exit == Exit::Done {
        return exit;
    }
    let why = if is_on_screen(operator.json) {
        String::new()
    } else {
        format!("{}: {}. ", end.phase, end.reason.as_deref().unwrap_or("no reason was given"))
    };
    let next = match exit {
        Exit::Refused => format!("The live colour, {}, is untouched. Next: see allswell logs {to}, mend it, and switch again", to.other()),
        _ => format!("Next: see allswell logs {to} and allswell history"),
    };
    let last_words = match reach {
        Some(reach) => reach.last_words(to).await,
        None => String::new(),
    };
    screen::note(format!("{why}{next}{last_words}"));
    exit
}

/// What the phase in which a switch ended means to a script.
fn exit_of(phase: Phase) -> Exit {
    match phase {
        Phase::Done | Phase::Verified => Exit::Done,
        Phase::Refused => Exit::Refused,
        Phase::Reverted | Phase::Stayed => Exit::Reverted,
        Phase::Interrupted | Phase::Intended | Phase::Gated | Phase::Shifted | Phase::Drained => Exit::Failed,
    }
}

/// The colour is live already.
fn nothing_to_do(operator: &Operator, colour: Colour) -> Outcome {
    if operator.json {
        screen::document(
            &json!({ "to": colour, "phase": Phase::Done, "reason": "it was live already", "forced": null, "by": Operator::by(), "events": [] }),
        );
    } else {
        screen::line(format!("{colour} is live already: nothing to do"));
    }
    Ok(Exit::Done)
}

/// Past a dead prober, to the proxy itself.
async fn direct(operator: &Operator, reach: &Reach, to: Colour) -> Outcome {
    if let Ok(prober) = reach.prober() {
        match prober.state().await {
            Err(error) if is_silent(&error) => {}
            Ok(_) | Err(_) => return Err(Exit::Usage.because("the prober answers: --direct is for when it is dead. Switch without it")),
        }
    }
    let proxy = reach.proxy();
    let state = proxy.state().await?;
    if state.live == Some(to) {
        return nothing_to_do(operator, to);
    }
    let live = state.live.map_or("undefined".to_owned(), |colour| colour.to_string());
    operator.confirm(&format!(
        "The prober does not answer. --direct shifts the proxy from {live} to {to} at once: nobody probes {to} before,\n\
         nobody takes it back if it fails. Go on?"
    ))?;
    let (by, order) = (Operator::by(), ShiftOrder { to, epoch: state.epoch + 1 });
    let state = proxy.shift_for(order, Some(&by), ready(Ok(()))).await?;
    if state.live != Some(to) {
        return Err(Exit::Failed.because(format!("the proxy took the order and yet {to} is not live: see allswell live")));
    }
    if operator.json {
        let epoch = state.epoch;
        screen::document(
            &json!({ "to": to, "phase": Phase::Shifted, "reason": "direct", "forced": null, "by": by, "events": [], "epoch": epoch }),
        );
    } else {
        screen::line(format!("{to} is live (epoch {}). The prober writes that down, and tells it, when it is back", state.epoch));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_a_switch_has_its_exit_code() {
        for (phase, exit) in [
            (Phase::Done, Exit::Done),
            (Phase::Verified, Exit::Done),
            (Phase::Refused, Exit::Refused),
            (Phase::Reverted, Exit::Reverted),
            (Phase::Stayed, Exit::Reverted),
            (Phase::Interrupted, Exit::Failed),
        ] {
            assert_eq!(exit_of(phase), exit, "{phase}");
        }
    }
}
