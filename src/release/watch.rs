//! Looks at a colour that has just gone live, and says when it has turned bad, or is live no longer.

use std::time::Duration;

use tokio::time::{interval, sleep};

use super::cluster::Cluster;
use super::further::{Beats, beats};
use super::memory::Memory;
use crate::domain::colour::Colour;
use crate::domain::shift::{Before, Claimed, prove};
use crate::probe::Probed;
use crate::proxy::control::ProxyState;

/// How often it looks at the very most.
const FASTEST: Duration = Duration::from_millis(100);

/// Why a switch does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Amiss {
    /// It has turned bad: it is taken back.
    Bad(String),
    /// Somebody else has ordered the proxy since. Whoever it was is not ordered about.
    Overtaken(String),
}

/// The bad answers in a row of the new colour and of the front door.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    cluster: &'a Cluster,
    /// The new colour.
    colour: Colour,
    /// The epoch under which it is live.
    epoch: u64,
    colour_bad: u32,
    front_door_bad: u32,
    /// None where the proxy does not count.
    before: Option<Before>,
}

/// What the colours had answered until then, as the proxy says it that has just made this one live; none where it does not count.
pub(super) fn before(state: &ProxyState, colour: Colour, memory: &Memory) -> Option<Before> {
    let old = colour.other();
    state.answers.map(|counted| Before { lately: memory.answered_lately(old, counted.of(old)), counted })
}

impl From<String> for Amiss {
    fn from(why: String) -> Self {
        Self::Bad(why)
    }
}

impl<'a> Watch<'a> {
    /// Of the colour that has gone live, under this epoch.
    pub(super) fn new(cluster: &'a Cluster, (colour, epoch): Claimed, before: Option<Before>) -> Self {
        Self { cluster, colour, epoch, colour_bad: 0, front_door_bad: 0, before }
    }

    /// Watches for a time, and on until the last answer was a pass.
    ///
    /// # Errors
    /// What is amiss, as soon as it is.
    pub(super) async fn over(&mut self, time: Duration) -> Result<(), Amiss> {
        tokio::select! {
            amiss = self.until_amiss() => return Err(amiss),
            () = sleep(time) => {}
        }
        while self.colour_bad + self.front_door_bad > 0 {
            if let Some(amiss) = self.look().await {
                return Err(amiss);
            }
            sleep(FASTEST).await;
        }
        Ok(())
    }

    /// Resolves when something is amiss, and says what. What it has counted is kept when it is dropped.
    pub(super) async fn until_amiss(&mut self) -> Amiss {
        // Fast enough to see a whole run of failures within a short `observe`.
        let pace = (self.cluster.settings.observe / (self.cluster.probe.fall + 2)).clamp(FASTEST, self.cluster.probe.every.max(FASTEST));
        let mut pace = interval(pace);
        loop {
            pace.tick().await;
            if let Some(amiss) = self.look().await {
                return amiss;
            }
        }
    }

    async fn look(&mut self) -> Option<Amiss> {
        let (colour, front_door) = tokio::join!(self.cluster.targets.colour(self.colour), self.cluster.targets.front_door());
        if let Some(by) = self.overtaken(front_door.claim).await {
            return Some(Amiss::Overtaken(by));
        }
        let fall = self.cluster.probe.fall;
        let colour = counted(&mut self.colour_bad, &colour, fall).map(|why| format!("{} failed {fall} probes: {why}", self.colour));
        let front_door =
            counted(&mut self.front_door_bad, &front_door.probed, fall).map(|why| format!("the front door failed {fall} probes: {why}"));
        let why = match colour.or(front_door) {
            Some(why) => Some(why),
            None => self.errors().await.or(self.silence().await),
        };
        why.map(Amiss::Bad)
    }

    /// What the proxy serves by now, where that is not what this switch has made live. An answer that claims something else may have been under
    /// way for long, or come of a proxy that is about to end: it is asked itself, and one that does not answer is the front door's trouble.
    async fn overtaken(&self, claim: Option<Claimed>) -> Option<String> {
        let ours = (self.colour, self.epoch);
        prove(ours, Some(claim?)).err()?;
        let state = self.cluster.proxy.state().await.ok()?;
        let no_longer = format!("no longer {}, epoch {}", self.colour, self.epoch);
        let Some(live) = state.live else {
            return Some(format!("the proxy does not say what it serves, and {no_longer}: it has lost its state, and it is left so"));
        };
        let epoch = state.epoch;
        if (live, epoch) == ours {
            return None;
        }
        let why = if epoch < self.epoch { "it has lost its state" } else { "somebody else has ordered it" };
        Some(format!("the proxy serves {live}, epoch {epoch}, and {no_longer}: {why}, and it is left so"))
    }

    /// The answers to everybody, compared with those before the switch.
    async fn errors(&self) -> Option<String> {
        let before = self.before?;
        let now = self.cluster.proxy.answers().await?;
        before.risen(self.colour, now, self.cluster.settings.error_rise).map(|why| format!("{}: {why}", self.colour))
    }

    /// The new colour's heartbeats, where the gate asks for them too. What no watcher says proves nothing.
    async fn silence(&self) -> Option<String> {
        if !self.cluster.settings.gate.heartbeats {
            return None;
        }
        match beats(self.cluster, self.colour).await {
            Beats::Bad(why) => Some(format!("the heartbeats of {} are not well: {why}", self.colour)),
            Beats::Well | Beats::Unknown(_) => None,
        }
    }
}

/// Counts an answer. Why, when there have been `fall` bad ones in a row.
fn counted(bad: &mut u32, probed: &Probed, fall: u32) -> Option<String> {
    // What we could not see proves nothing.
    let observation = probed.observation()?;
    *bad = if observation.passed() { 0 } else { *bad + 1 };
    (*bad >= fall).then(|| observation.reason.clone().unwrap_or_else(|| "no reason given".into()))
}

#[cfg(test)]
mod tests {
    use super::super::cluster::tests::{cluster, serving};
    use super::*;
    use crate::domain::colour::Colour::{Blue, Green};

    #[tokio::test]
    async fn what_is_served_is_asked_for_where_an_answer_claims_something_else_and_undefined_is_not_what_was_made_live() {
        let undefined = ProxyState { live: None, ..serving((Blue, 7)) };
        for (said, words) in [
            (serving((Green, 7)), None),
            (serving((Blue, 8)), Some("the proxy serves blue, epoch 8, and no longer green, epoch 7: somebody else has ordered it")),
            (serving((Blue, 6)), Some("and no longer green, epoch 7: it has lost its state")),
            (undefined, Some("the proxy does not say what it serves, and no longer green, epoch 7: it has lost its state")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let answered = said.clone();
            let cluster = cluster(folder.path(), move || answered.clone()).await;
            let watch = Watch::new(&cluster, (Green, 7), None);
            assert_eq!(watch.overtaken(Some((Green, 7))).await, None, "what it claims is what was made live");
            let overtaken = watch.overtaken(Some((Blue, 0))).await;
            assert_eq!(overtaken.is_some(), words.is_some(), "{said:?}: {overtaken:?}");
            assert!(overtaken.unwrap_or_default().contains(words.unwrap_or_default()), "{said:?}");
        }
    }
}
