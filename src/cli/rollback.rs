//! `allswell rollback`: back to the colour that was live before.

use clap::Args;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::switch::{How, finish};
use super::way::Way;
use crate::domain::colour::Colour;
use crate::domain::switch::Phase;
use crate::release::{Entry, What};

/// How far back the journal is read.
const ENTRIES: u32 = 500;

/// Make the former live colour live again
#[derive(Debug, Args)]
pub struct RollbackArgs {
    #[command(flatten)]
    pub(super) how: How,
}

/// Where a rollback leads.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// No switch was ever done: there is no former live colour.
    None,
    /// The colour still runs what it ran when it was live.
    Back,
    /// It was deployed anew since.
    Replaced(Option<String>),
}

/// Switches back, and asks first where the former live colour is not what it was.
///
/// # Errors
/// Exit code 1 where there is nothing to go back to, 3 where the live colour is undefined, 7 where it was declined. Else as `switch`.
pub async fn run(operator: &Operator, args: &RollbackArgs) -> Outcome {
    let way = Way::of(operator)?;
    let Some(live) = way.prober.state().await?.live else {
        return Err(Exit::Undefined.because(
            "warning: which colour is live is undefined. Nothing was changed; say which: allswell switch blue|green --force REASON",
        ));
    };
    let former = live.other();
    match route(&way.prober.history(ENTRIES).await?, live) {
        Route::None => {
            return Err(Exit::Failed
                .because(format!("there is nothing to go back to: no switch to {live} stands in the journal. See allswell history")));
        }
        Route::Replaced(version) => {
            let what = version.map_or("anew".to_owned(), |version| format!("with version {version}"));
            operator.confirm(&format!("{former} was deployed {what} since it was live: this leads to something new, not back. Go on?"))?;
        }
        Route::Back => {}
    }
    finish(operator, &way, former, &args.how).await
}

/// Reads the journal, newest first.
fn route(history: &[Entry], live: Colour) -> Route {
    let took_effect = |entry: &&Entry| {
        entry.what == What::Switch
            && entry.asked.target == live
            && matches!(entry.phase, Phase::Done | Phase::Verified | Phase::Drained | Phase::Stayed)
    };
    let Some(switch) = history.iter().find(took_effect) else { return Route::None };
    let deployed = |entry: &&Entry| entry.id > switch.id && entry.what == What::Deploy && entry.asked.target == live.other();
    match history.iter().find(deployed) {
        Some(deploy) => Route::Replaced(deploy.asked.version.clone()),
        None => Route::Back,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::Moment;
    use crate::release::Asked;

    fn entry(id: i64, what: What, target: Colour, phase: Phase) -> Entry {
        let asked = Asked { target, version: Some(format!("v{id}")), by: "ann@host".into(), forced: None, instances: None };
        let at = Moment::from_millis(id);
        Entry {
            id,
            epoch: 1,
            what,
            asked,
            origin: None,
            phase,
            reason: None,
            output: None,
            steps: Vec::new(),
            started_at: at,
            ended_at: Some(at),
        }
    }

    #[test]
    fn it_leads_back_only_to_what_was_live() {
        use Colour::{Blue, Green};
        use Phase::{Done, Refused};
        let switched = entry(2, What::Switch, Green, Done);
        assert_eq!(route(&[], Green), Route::None);
        assert_eq!(route(&[entry(1, What::Switch, Green, Refused)], Green), Route::None);
        assert_eq!(route(&[switched.clone(), entry(1, What::Deploy, Blue, Done)], Green), Route::Back);
        assert_eq!(route(&[entry(3, What::Deploy, Green, Done), switched.clone()], Green), Route::Back);
        assert_eq!(route(&[entry(3, What::Deploy, Blue, Done), switched], Green), Route::Replaced(Some("v3".into())));
    }
}
