//! Looks at a colour that has just gone live, and says when it has turned bad.

use std::time::Duration;

use tokio::time::{interval, sleep};

use super::cluster::Cluster;
use super::further::{Beats, beats};
use crate::domain::answers::Answers;
use crate::domain::colour::Colour;
use crate::probe::Probed;
use crate::proxy::control::ProxyState;

/// How often it looks at the very most.
const FASTEST: Duration = Duration::from_millis(100);

/// The bad answers in a row of the new colour and of the front door.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    cluster: &'a Cluster,
    colour: Colour,
    colour_bad: u32,
    front_door_bad: u32,
    before: Option<Before>,
}

/// What the colours had answered when the switch was made; none where the proxy does not count, or where a prober found the switch unfinished.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// The colour that was live.
    old: Answers,
    /// The colour that goes live.
    new: Answers,
}

impl Before {
    /// As the proxy says it that has just made this colour live.
    pub(super) fn counted(state: &ProxyState, colour: Colour) -> Option<Self> {
        state.answers.map(|answers| Self { old: answers.of(colour.other()), new: answers.of(colour) })
    }
}

impl<'a> Watch<'a> {
    /// Of the colour that has gone live.
    pub(super) fn new(cluster: &'a Cluster, colour: Colour, before: Option<Before>) -> Self {
        Self { cluster, colour, colour_bad: 0, front_door_bad: 0, before }
    }

    /// Watches for a time, and on until the last answer was a pass.
    ///
    /// # Errors
    /// Why it has turned bad, as soon as it has.
    pub(super) async fn over(&mut self, time: Duration) -> Result<(), String> {
        tokio::select! {
            why = self.until_bad() => return Err(why),
            () = sleep(time) => {}
        }
        while self.colour_bad + self.front_door_bad > 0 {
            if let Some(why) = self.look().await {
                return Err(why);
            }
            sleep(FASTEST).await;
        }
        Ok(())
    }

    /// Resolves when it has turned bad, and says why. What it has counted is kept when it is dropped.
    pub(super) async fn until_bad(&mut self) -> String {
        // Fast enough to see a whole run of failures within a short `observe`.
        let pace = (self.cluster.settings.observe / (self.cluster.probe.fall + 2)).clamp(FASTEST, self.cluster.probe.every.max(FASTEST));
        let mut pace = interval(pace);
        loop {
            pace.tick().await;
            if let Some(why) = self.look().await {
                return why;
            }
        }
    }

    async fn look(&mut self) -> Option<String> {
        let (colour, front_door) = tokio::join!(self.cluster.targets.colour(self.colour), self.cluster.targets.front_door());
        let fall = self.cluster.probe.fall;
        let colour = counted(&mut self.colour_bad, &colour, fall).map(|why| format!("{} failed {fall} probes: {why}", self.colour));
        let front_door =
            counted(&mut self.front_door_bad, &front_door.probed, fall).map(|why| format!("the front door failed {fall} probes: {why}"));
        match colour.or(front_door) {
            Some(why) => Some(why),
            None => self.errors().await.or(self.silence().await),
        }
    }

    /// The answers to everybody, compared with those before the switch.
    async fn errors(&self) -> Option<String> {
        let before = self.before?;
        let now = self.cluster.proxy.answers().await?.of(self.colour).since(before.new)?;
        now.risen(before.old, self.cluster.settings.error_rise).map(|why| format!("{}: {why}", self.colour))
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
