//! What is decided around a shift: whether it may still be ordered, what has become of it, whether it is proven, and whether it is taken back.

use super::colour::Colour;
use super::moment::{Moment, age};

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
}

/// Decides on an order by what the proxy says now.
#[must_use]
pub fn became(order: Claimed, live: Option<Colour>, epoch: u64) -> Became {
    if (live, epoch) == (Some(order.0), order.1) { Became::Done } else { Became::Fence }
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

#[cfg(test)]
mod tests {
    use super::*;
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
    fn an_order_is_done_where_colour_and_epoch_say_so_and_fenced_off_otherwise() {
        assert_eq!(became((Green, 7), Some(Green), 7), Became::Done);
        for (live, epoch) in [(Some(Blue), 6), (Some(Green), 6), (Some(Green), 8), (Some(Blue), 7), (None, 7)] {
            assert_eq!(became((Green, 7), live, epoch), Became::Fence, "{live:?} {epoch}");
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
}
