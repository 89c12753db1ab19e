//! `allswell stop` where `up` keeps nothing: both colours end by their runtime, and whatever else there is, is said.

use serde_json::json;

use crate::cli::exit::{Exit, Outcome};
use crate::cli::operator::Operator;
use crate::cli::reach::Reach;
use crate::cli::scale::carry_out;
use crate::cli::screen;
use crate::domain::beat::ExpectedInstances;
use crate::domain::colour::Colour;
use crate::release::deploy::Hands;
use crate::release::scale::Scaling;
use crate::release::{Act, ProberState, time_to_put_back};

/// Asks, and ends one colour after the other, the idle one first.
pub(super) async fn run(operator: &Operator, reach: &Reach) -> Outcome {
    let hands = Hands::new(reach.prober()?, reach.driver(), reach.proxy());
    let state = hands.prober.state().await?;
    operator.confirm(&question(&reach.config.app.name, &state))?;
    for colour in order(state.live) {
        let scaling = Scaling {
            act: Act::Stop,
            colour,
            instances: 0,
            before: state.expected.map(|expected| expected.of(colour)),
            by: Operator::by(),
            live: state.live,
            cut: true,
            within: reach.config.switch.within,
            timeout: reach.config.runtime.deploy_timeout,
            spare: time_to_put_back(&reach.config.runtime, Act::Stop),
        };
        let done = carry_out(operator, &hands, &scaling).await?;
        if let Some(error) = done.unfreed {
            screen::warn(format!("{colour} has ended, and that could not be written down: {error}"));
        }
        if !operator.json {
            screen::line(format!("✓ stopped     {colour}: nothing is expected of it now"));
        }
    }
    if operator.json {
        screen::document(&json!({ "stopped": reach.config.app.name, "colours": Colour::BOTH, "parts_still_run": true }));
    } else {
        screen::line(rest());
    }
    Ok(Exit::Done)
}

/// The live colour serves as long as it can.
fn order(live: Option<Colour>) -> [Colour; 2] {
    let last = live.unwrap_or(Colour::Blue);
    [last.other(), last]
}

fn question(app: &str, state: &ProberState) -> String {
    let of = |colour| {
        let live = if state.live == Some(colour) { ", which is LIVE" } else { "" };
        format!("{} of {colour}{live}", instances(state.expected, colour))
    };
    let [blue, green] = Colour::BOTH.map(of);
    let live = if state.live.is_none() { " Which colour is live is undefined." } else { "" };
    format!(
        "This stops {app}: {blue}, and {green}. What they are at is cut.{live} From then on the public is answered with 503. Proxy, prober \
         and watcher go on. Go on?"
    )
}

fn instances(expected: Option<ExpectedInstances>, colour: Colour) -> String {
    match expected.map(|expected| expected.of(colour)) {
        None => "every instance".to_owned(),
        Some(1) => "1 instance".to_owned(),
        Some(count) => format!("{count} instances"),
    }
}

fn rest() -> &'static str {
    "proxy, prober and watcher still run: whatever started them ends them (docker compose down, docker stack rm NAME, \
     systemctl stop allswell-proxy allswell-prober allswell-watcher). End the watcher first, or it tells that they are gone.\n\
     The app starts again by: allswell deploy blue, allswell deploy green"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_colour_ends_last_and_the_question_names_what_ends() {
        assert_eq!(order(Some(Colour::Blue)), [Colour::Green, Colour::Blue]);
        assert_eq!(order(Some(Colour::Green)), [Colour::Blue, Colour::Green]);
        let state = ProberState {
            live: Some(Colour::Green),
            epoch: 1,
            proxy_trouble: None,
            targets: Vec::new(),
            watchers: Vec::new(),
            lease: None,
            switch: None,
            deploy: None,
            expected: Some(ExpectedInstances { blue: 1, green: 3 }),
        };
        let asked = question("shop", &state);
        assert!(asked.starts_with("This stops shop: 1 instance of blue, and 3 instances of green, which is LIVE. "), "{asked}");
        assert!(asked.contains("503") && asked.contains("Proxy, prober and watcher go on"), "{asked}");
        assert!(question("shop", &ProberState { live: None, expected: None, ..state }).contains("every instance of blue"));
    }
}
