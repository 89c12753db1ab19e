//! What is decided around a shift: whether it may still be ordered, what has become of it, whether it is proven, whether it is taken back, and
//! whether anybody else has ordered one.

use serde::{Deserialize, Serialize};

use super::answers::{Answers, BothAnswers};
use super::colour::Colour;
use super::entry::Entry;
use super::moment::{Moment, age};
use super::switch::Phase;

/// A colour, and the epoch under which it is to be live.
pub type Claimed = (Colour, u64);

/// Who has the lease, as the journal says it when it is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// We have, until then.
    Ours(Moment),
    /// Somebody else has: who, and at what.
    Others(String),
    /// Nobody has it any more.
    Nobody,
}

impl Held {
    /// Whether the proxy may be ordered to shift: we may have been stopped for longer than the lease lasts.
    ///
    /// # Errors
    /// Why not.
    pub fn may_shift(&self, now: Moment) -> Result<(), String> {
        match self {
            Self::Ours(until) if now < *until => Ok(()),
            Self::Ours(until) => Err(format!("its time was over {} before the shift", age(now.since(*until)))),
            Self::Others(who) => Err(format!("its time was over before the shift, and {who} is under way")),
            Self::Nobody => Err("its time was over before the shift".to_owned()),
        }
    }

    /// Whether a shift may be taken back: while nobody else has come, whoever shifted answers for it, however late it is.
    ///
    /// # Errors
    /// Why not.
    pub fn may_go_back(&self) -> Result<(), String> {
        match self {
            Self::Ours(_) => Ok(()),
            Self::Others(who) => Err(format!("its time was over, and {who} is under way")),
            Self::Nobody => Err("its time was over, and another order has closed it".to_owned()),
        }
    }
}

/// What has become of an order that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// The proxy has carried it out.
    Done,
    /// It has not, and the order may still be on its way: a later one for the old colour makes it stale.
    Fence,
    /// It has taken a later order since: ours is stale, and whoever gave that one is not ordered about.
    Overtaken,
}

/// Decides on an order by what the proxy says now. `highest` is the highest epoch that whoever gave it has used since.
#[must_use]
pub fn became(order: Claimed, highest: u64, (live, epoch): (Option<Colour>, u64)) -> Became {
    if epoch > highest {
        Became::Overtaken
    } else if (live, epoch) == (Some(order.0), order.1) {
        Became::Done
    } else {
        Became::Fence
    }
}

/// Whether an answer of the front door, good in itself, proves a shift: by the colour and the epoch that it was claimed under.
///
/// # Errors
/// What it says instead.
pub fn prove(wanted: Claimed, said: Option<Claimed>) -> Result<(), String> {
    match said {
        Some(said) if said == wanted => Ok(()),
        Some((colour, epoch)) => {
            Err(format!("the front door is served by {colour}, epoch {epoch}, not by {}, epoch {}", wanted.0, wanted.1))
        }
        None => Err("the front door does not say which colour answers".to_owned()),
    }
}

/// How the colour that was live before looks now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It passes a probe.
    Passes,
    /// It does not, and why.
    Fails(String),
    /// We cannot look, for a reason of our own.
    Unseen(String),
}

/// Where to go back to from a switch that has turned bad.
///
/// # Errors
/// Why the new colour stays.
pub fn way_back(origin: Option<Colour>, held: &Held, old: &Sight) -> Result<Colour, String> {
    let Some(origin) = origin else {
        return Err("the live colour was undefined before: there is nothing to go back to".to_owned());
    };
    held.may_go_back().map_err(|lost| format!("not taken back, for {lost}"))?;
    match old {
        Sight::Passes => Ok(origin),
        Sight::Fails(why) => Err(format!("not taken back, for {origin} fails too: {why}")),
        Sight::Unseen(ours) => Err(format!("not taken back, for the prober cannot probe {origin}: {ours}")),
    }
}

/// What the colours had answered when a switch was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// What the colour that was live until then had answered lately.
    pub lately: Answers,
    /// What both had answered since the proxy's start.
    pub counted: BothAnswers,
}

impl Before {
    /// Why the colour that has gone live answers worse than the other one did before, by what both have answered since the proxy's start until
    /// now. A proxy that has begun to count anew says nothing: what went wrong before its start is in neither count.
    #[must_use]
    pub fn risen(&self, colour: Colour, now: BothAnswers, points: u32) -> Option<String> {
        let since = |colour| now.of(colour).since(self.counted.of(colour));
        since(colour.other())?;
        since(colour)?.risen(self.lately, points)
    }
}

/// What the journal says of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belief {
    /// Somebody is at it, and says how it ends.
    UnderWay,
    /// Nothing: no switch has decided what is live, and nobody has looked before.
    Nothing,
    /// This.
    Known(Believed),
}

/// What the proxy serves by all that the prober has ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed {
    /// The live colour, and the epoch under which it became so.
    pub claim: Claimed,
    /// The highest epoch that a switch has used: also one that was refused, and made its own order stale.
    pub highest: u64,
    /// Where a switch led that was broken off since, and that the proxy may have carried out: up to that epoch.
    pub broken_off: Vec<Claimed>,
}

/// How what the proxy says compares with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// It does as it was ordered.
    Ours,
    /// Somebody has ordered it past the prober.
    Outside,
    /// It serves what it served before it was ordered: it has lost its state.
    Lost,
}

/// Reads the switches, newest first, from the last one on that has decided what is live; none before it counts. `highest` is their highest
/// epoch, and `first` what was live before there was any. Only those that were interrupted need their steps.
#[must_use]
pub fn believe(switches: &[Entry], highest: u64, first: Option<Claimed>) -> Belief {
    let (mut decided, mut broken_off) = (first, Vec::new());
    for entry in switches {
        let target = (entry.asked.target, entry.epoch);
        match entry.phase {
            Phase::Intended | Phase::Gated | Phase::Shifted | Phase::Verified | Phase::Drained => return Belief::UnderWay,
            Phase::Refused => {}
            Phase::Interrupted => broken_off.extend(may_have_shifted(entry).then_some(target)),
            Phase::Done | Phase::Stayed => {
                decided = Some(target);
                break;
            }
            Phase::Reverted => {
                decided = entry.origin.map(|origin| (origin, entry.epoch));
                break;
            }
        }
    }
    let Some(claim) = decided else { return Belief::Nothing };
    Belief::Known(Believed { claim, highest: highest.max(claim.1), broken_off })
}

/// The gate stands in the journal before the shift is ordered.
fn may_have_shifted(entry: &Entry) -> bool {
    entry.steps.iter().any(|step| !matches!(step.phase, Phase::Intended | Phase::Interrupted))
}

impl Believed {
    /// Decides by what the proxy says. The live colour under an older epoch is no harm, whoever has put it back.
    #[must_use]
    pub fn compare(&self, (colour, epoch): Claimed) -> Compared {
        let (live, since) = self.claim;
        if colour == live {
            return if epoch <= self.highest { Compared::Ours } else { Compared::Outside };
        }
        let is_broken_off = self.broken_off.iter().any(|(target, up_to)| *target == colour && since < epoch && epoch <= *up_to);
        if is_broken_off {
            Compared::Ours
        } else if epoch < since {
            Compared::Lost
        } else {
            Compared::Outside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::{Asked, Step, What};
    use Colour::{Blue, Green};

    fn at(second: i64) -> Moment {
        Moment::from_millis(second * 1_000)
    }

    fn bob() -> Held {
        Held::Others("a deploy of green by bob".to_owned())
    }

    #[test]
    fn only_whoever_has_the_lease_and_is_in_time_orders_a_shift() {
        assert_eq!(Held::Ours(at(5)).may_shift(at(4)), Ok(()));
        assert_eq!(Held::Ours(at(5)).may_shift(at(7)), Err("its time was over 2s before the shift".to_owned()));
        assert!(Held::Ours(at(5)).may_shift(at(5)).is_err());
        assert!(bob().may_shift(at(4)).unwrap_err().contains("a deploy of green by bob is under way"));
        assert!(Held::Nobody.may_shift(at(4)).is_err());
    }

    #[test]
    fn an_order_is_done_where_colour_and_epoch_say_so_and_fenced_off_unless_a_later_one_has_made_it_stale() {
        assert_eq!(became((Green, 7), 7, (Some(Green), 7)), Became::Done);
        for said in [(Some(Blue), 6), (Some(Green), 6), (Some(Blue), 7), (None, 7)] {
            assert_eq!(became((Green, 7), 7, said), Became::Fence, "{said:?}");
        }
        assert_eq!(became((Green, 7), 8, (Some(Blue), 8)), Became::Fence, "a fence of our own that is not proven");
        for live in [Some(Green), Some(Blue), None] {
            assert_eq!(became((Green, 7), 8, (live, 9)), Became::Overtaken, "{live:?}: somebody else has ordered it since");
        }
    }

    #[test]
    fn nothing_but_the_new_colour_under_the_new_epoch_is_a_proof() {
        assert_eq!(prove((Green, 7), Some((Green, 7))), Ok(()));
        for said in [Some((Blue, 7)), Some((Green, 6)), None] {
            assert!(prove((Green, 7), said).is_err(), "{said:?}");
        }
    }

    #[test]
    fn the_way_back_leads_to_a_colour_that_passes_and_only_while_nobody_else_has_come() {
        let (ours, passes) = (Held::Ours(at(5)), Sight::Passes);
        assert_eq!(way_back(Some(Blue), &ours, &passes), Ok(Blue));
        let stays = |origin, held: &Held, old: &Sight| way_back(origin, held, old).unwrap_err();
        assert!(stays(None, &ours, &passes).contains("nothing to go back to"));
        assert!(stays(Some(Blue), &bob(), &passes).contains("bob is under way"));
        assert!(stays(Some(Blue), &Held::Nobody, &passes).contains("another order has closed it"));
        assert!(stays(Some(Blue), &ours, &Sight::Fails("answered 500".into())).contains("blue fails too: answered 500"));
        assert!(stays(Some(Blue), &ours, &Sight::Unseen("no sockets".into())).contains("cannot probe blue: no sockets"));
    }

    #[test]
    fn the_new_colour_is_held_against_what_the_old_one_answered_and_a_count_that_began_anew_is_not() {
        let answers = |total, failed| Answers { total, failed };
        let counted = BothAnswers { blue: answers(9_000, 90), green: answers(100, 0) };
        let before = Before { lately: answers(1_000, 100), counted };
        let now = |green| BothAnswers { green, ..counted };
        assert_eq!(before.risen(Green, now(answers(200, 15)), 5), None, "15%, and 10% before");
        let risen = before.risen(Green, now(answers(200, 16)), 5).expect("it is said");
        assert_eq!(risen, "16% of its 100 answers were 5xx or broke off, 10% before the switch");
        // Of 130 answers 30 were bad since the proxy's start, and not of the last 30.
        let anew = BothAnswers { blue: answers(0, 0), green: answers(130, 30) };
        assert_eq!(before.risen(Green, anew, 5), None);
    }

    /// A switch to this colour that ended so, under this epoch; one that was broken off had come as far as `reached`.
    fn switch(target: Colour, epoch: u64, phase: Phase, reached: Phase) -> Entry {
        let step = |phase| Step { phase, at: at(1), note: None };
        Entry {
            id: 1,
            epoch,
            what: What::Switch,
            asked: Asked { target, version: None, by: "ann@desk".into(), forced: None, instances: None },
            origin: Some(target.other()),
            phase,
            reason: None,
            output: None,
            steps: [Phase::Intended, reached, phase].map(step).to_vec(),
            started_at: at(1),
            ended_at: Some(at(2)),
        }
    }

    fn known(switches: &[Entry], highest: u64, first: Option<Claimed>) -> Believed {
        match believe(switches, highest, first) {
            Belief::Known(believed) => believed,
            other @ (Belief::UnderWay | Belief::Nothing) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_switch_that_changed_anything_says_what_is_live() {
        use Phase::{Done, Drained, Gated, Intended, Interrupted, Refused, Reverted, Stayed};
        for (phase, live) in [(Done, Green), (Stayed, Green), (Reverted, Blue)] {
            let switches = [switch(Blue, 8, Refused, Gated), switch(Green, 7, phase, Gated), switch(Green, 3, Drained, Gated)];
            assert_eq!(known(&switches, 8, Some((Blue, 0))).claim, (live, 7), "{phase}");
        }
        assert_eq!(known(&[switch(Green, 1, Refused, Intended)], 1, Some((Blue, 0))).claim, (Blue, 0), "what was live before any");
        assert_eq!(believe(&[switch(Green, 1, Refused, Intended)], 1, None), Belief::Nothing);
        assert_eq!(believe(&[switch(Green, 8, Drained, Gated), switch(Blue, 7, Done, Gated)], 8, None), Belief::UnderWay);
        let broken_off = [switch(Green, 9, Interrupted, Gated), switch(Green, 8, Interrupted, Intended), switch(Blue, 7, Done, Gated)];
        assert_eq!(known(&broken_off, 9, None).broken_off, [(Green, 9)], "before its gate nothing was ordered");
    }

    #[test]
    fn what_the_prober_has_ordered_is_ours_and_everything_later_is_not() {
        let believed = Believed { claim: (Green, 7), highest: 9, broken_off: Vec::new() };
        for (said, compared) in [
            ((Green, 7), Compared::Ours),
            // Made stale under a later epoch, by a switch that was refused.
            ((Green, 9), Compared::Ours),
            ((Green, 0), Compared::Ours),
            // There and back.
            ((Green, 10), Compared::Outside),
            ((Blue, 10), Compared::Outside),
            // The epoch of a switch to blue that was refused.
            ((Blue, 8), Compared::Outside),
            ((Blue, 7), Compared::Outside),
            ((Blue, 6), Compared::Lost),
            ((Blue, 0), Compared::Lost),
        ] {
            assert_eq!(believed.compare(said), compared, "{said:?}");
        }
    }

    #[test]
    fn a_switch_that_was_broken_off_after_its_gate_may_have_come_there() {
        let believed = Believed { claim: (Green, 7), highest: 8, broken_off: vec![(Blue, 8)] };
        assert_eq!(believed.compare((Blue, 8)), Compared::Ours);
        assert_eq!(believed.compare((Green, 8)), Compared::Ours);
        assert_eq!(believed.compare((Blue, 9)), Compared::Outside);
        assert_eq!(believed.compare((Blue, 0)), Compared::Lost);
    }
}
