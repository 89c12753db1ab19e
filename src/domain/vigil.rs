//! What the containers of both colours make of what the engine says.
//!
//! A container that ended when no deploy, scale or stop was under way is in trouble, also when it is back before anybody looked; it is well
//! again when it has run for a while and its colour answers. What we saw happen is told at once; what we only find is told when it lasts.
//! The containers themselves are looked at every time: events add exit codes, and nothing hangs on them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::container::{Container, End, Happened, Happening, Holds, Life};
use super::moment::Moment;
use super::trouble::{Trouble, What};

/// An act's edges, and the engine's two ways of dating one end, may be so far apart.
const SLACK: Duration = Duration::from_secs(2);
/// Of what was there and is gone, nothing is said after so long: the number that is missing says it.
const GONE: Duration = Duration::from_secs(600);

/// What is known of every container of a colour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vigil {
    known: BTreeMap<String, Known>,
    /// The latest that the engine has told of: from here on it is asked again. None: we ended in order, and what happened since is no
    /// business of ours.
    pub heard_until: Option<Moment>,
    /// By id: what may become of a signal or of memory that is used up.
    #[serde(skip)]
    hints: BTreeMap<String, Hint>,
    /// By name: ends that the engine told of since the last look.
    #[serde(skip)]
    told: BTreeMap<String, Vec<End>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    container: Container,
    /// Every end up to here was taken in.
    handled: Moment,
    /// The end that a look has found, and of which the engine has still to tell.
    #[serde(default)]
    found: Option<Moment>,
    trouble: Option<Trouble>,
    /// Since when it is not there any more.
    gone_since: Option<Moment>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Hint {
    sent: Option<String>,
    out_of_memory: bool,
}

/// A deploy, scale or stop of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// Whose containers it touches.
    pub colour: Colour,
    /// Since when.
    pub from: Moment,
    /// Until when. None: it is under way.
    pub until: Option<Moment>,
}

/// What everything is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The moment.
    pub now: Moment,
    /// What was done on purpose.
    pub acts: &'a [Act],
    /// Since when the engine had not answered until just now, and was told of; what ended meanwhile and runs again ended with it.
    pub outage: Option<Moment>,
    /// When blue and green last passed a probe. None: the last one failed.
    pub passed: [Option<Moment>; 2],
    /// How long a container must run to be well again.
    pub steady: Duration,
    /// How long that which we only find must last.
    pub patience: Duration,
}

/// What is said of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its colour.
    pub colour: Colour,
    /// The container.
    pub name: String,
    /// What stands in it.
    pub holds: Holds,
    /// Whether it runs now.
    pub runs: bool,
    /// None: it is well. Otherwise why not, and since when.
    pub trouble: Option<(String, Moment)>,
}

impl Scene<'_> {
    fn is_excused(&self, colour: Colour, at: Moment) -> bool {
        let covers = |act: &Act| at + SLACK >= act.from && act.until.is_none_or(|until| at <= until + SLACK);
        self.acts.iter().any(|act| act.colour == colour && covers(act))
    }

    fn is_steady(&self, container: &Container, trouble: &Trouble) -> bool {
        let Some(started) = container.started_at else { return false };
        let passed = match container.colour {
            Colour::Blue => self.passed[0],
            Colour::Green => self.passed[1],
        };
        let answers = container.holds != Holds::App || passed.is_some_and(|passed| passed > started.max(trouble.since));
        answers && self.now.since(started) >= trouble.steady(self.steady, self.now)
    }
}

impl Vigil {
    /// What is remembered from an earlier run. After an end in order, what happened since is no business of ours: only who was in trouble is known.
    #[must_use]
    pub fn remembered(mut self) -> Self {
        if self.heard_until.is_none() {
            self.known.retain(|_, known| known.trouble.is_some());
        }
        self
    }

    /// Takes in what the engine says. Of one millisecond it may tell several things, and of an earlier one later; what it tells again is
    /// known by the end's own moment.
    pub fn happened(&mut self, happening: Happening) {
        self.heard_until = self.heard_until.max(Some(happening.at));
        let Some((name, id)) = happening.of else { return };
        match happening.what {
            Happened::Signalled(signal) => self.hints.entry(id).or_default().sent = Some(signal),
            Happened::OutOfMemory => self.hints.entry(id).or_default().out_of_memory = true,
            Happened::Ended(code) => {
                let Hint { sent, out_of_memory } = self.hints.remove(&id).unwrap_or_default();
                self.told.entry(name).or_default().push(End { at: happening.at, code, out_of_memory, sent, note: None });
            }
            Happened::Other => {}
        }
    }

    /// Whether one of them shows an end that is new and of which the engine has not told yet.
    #[must_use]
    pub fn has_still_to_hear_of(&self, seen: &[Container]) -> bool {
        let mut ends = seen.iter().filter_map(|container| self.known.get(&container.name).zip(container.ended.as_ref()));
        ends.any(|(known, end)| known.is_news(end, self.told.get(&known.container.name).map_or(&[], Vec::as_slice)))
    }

    /// Takes in the containers as they are now.
    pub fn look(&mut self, seen: Vec<Container>, scene: &Scene<'_>) {
        let told = std::mem::take(&mut self.told);
        let names: Vec<String> = seen.iter().map(|container| container.name.clone()).collect();
        for mut container in seen {
            self.explain(&mut container);
            let told = told.get(&container.name).map_or(&[] as &[End], Vec::as_slice);
            match self.known.get_mut(&container.name) {
                Some(known) => known.see(container, told, scene),
                None => {
                    let known = Known::new(container, told, scene);
                    self.known.insert(known.container.name.clone(), known);
                }
            }
        }
        for (name, known) in self.known.iter_mut().filter(|(name, _)| !names.contains(name)) {
            known.miss(told.get(name).map_or(&[], Vec::as_slice), scene);
        }
        self.known.retain(|_, known| known.is_kept(scene));
    }

    /// It has ended, and the engine has told of the signal, but not yet of the end.
    fn explain(&self, container: &mut Container) {
        let hint = container.id.as_ref().and_then(|id| self.hints.get(id)).filter(|_| container.life == Life::Ended);
        if let (Some(hint), Some(end)) = (hint, &mut container.ended) {
            end.sent = end.sent.take().or_else(|| hint.sent.clone());
        }
    }

    /// The containers in trouble whose last words nobody has looked up: name and id.
    #[must_use]
    pub fn without_last_words(&self) -> Vec<(String, String)> {
        let silent = self.known.values().filter(|known| known.trouble.as_ref().is_some_and(Trouble::has_last_words));
        silent.filter_map(|known| Some((known.container.name.clone(), known.container.id.clone()?))).collect()
    }

    /// Keeps what a container in trouble said last.
    pub fn keep_last_words(&mut self, name: &str, lines: Vec<String>) {
        if let Some(trouble) = self.known.get_mut(name).and_then(|known| known.trouble.as_mut()) {
            trouble.said = Some(lines);
        }
    }

    /// What is to be said of each container now. Nothing of those that were ended on purpose or are on their way.
    #[must_use]
    pub fn words(&self, scene: &Scene<'_>) -> Vec<Word> {
        let word = |known: &Known| {
            let Container { colour, name, holds, life, .. } = &known.container;
            let trouble = match &known.trouble {
                Some(trouble) if scene.now < trouble.told_from => return None,
                Some(trouble) => Some((format!("{name} {trouble}"), trouble.since)),
                None if *life == Life::Running => None,
                None => return None,
            };
            Some(Word { colour: *colour, name: name.clone(), holds: holds.clone(), runs: *life == Life::Running, trouble })
        };
        self.known.values().filter_map(word).collect()
    }
}

impl Known {
    /// Seen for the first time. How it ended before we knew it is history, unless it still is not there or we have just been told.
    fn new(container: Container, told: &[End], scene: &Scene<'_>) -> Self {
        let ended = container.ended.clone();
        let history = ended.as_ref().filter(|_| container.life == Life::Running).map(|end| end.at);
        let handled = history.filter(|_| told.is_empty()).unwrap_or_default();
        let mut known = Self { container, handled, found: None, trouble: None, gone_since: None };
        known.take_in(told, ended.as_ref(), Found::ByChance, scene);
        known.settle(scene);
        known
    }

    fn see(&mut self, container: Container, told: &[End], scene: &Scene<'_>) {
        self.gone_since = None;
        self.container = container;
        let ended = self.container.ended.clone();
        self.take_in(told, ended.as_ref(), Found::AsItWas, scene);
        self.settle(scene);
    }

    /// Takes in every end that is new: those that we were told of, and the one that the engine remembers.
    fn take_in(&mut self, told: &[End], remembered: Option<&End>, found: Found, scene: &Scene<'_>) {
        let handled = self.handled;
        for end in told.iter().filter(|end| end.at > handled) {
            match (self.found.take_if(|found| end.at.since(*found) <= SLACK), &mut self.trouble) {
                (None, _) => self.end(end, Found::AsItWas, scene),
                (Some(_), Some(trouble)) => trouble.learn(end, SLACK),
                (Some(_), None) => {}
            }
            self.handled = self.handled.max(end.at);
        }
        if let Some(end) = remembered.filter(|end| self.is_news(end, told)) {
            self.end(end, found, scene);
            self.found = Some(end.at);
        }
        if let (Some(end), Some(trouble)) = (remembered, &mut self.trouble) {
            trouble.learn(end, SLACK);
        }
    }

    /// An end that a look shows, and of which we were not told. The engine dates one a little before it tells of it.
    fn is_news(&self, end: &End, told: &[End]) -> bool {
        end.at > self.handled && told.iter().all(|told| told.at.since(end.at) > SLACK || end.at > told.at)
    }

    fn end(&mut self, end: &End, found: Found, scene: &Scene<'_>) {
        self.handled = self.handled.max(end.at);
        if scene.is_excused(self.container.colour, end.at) {
            return;
        }
        let in_outage = scene.outage.is_some_and(|since| end.at + SLACK >= since);
        if in_outage && self.container.life == Life::Running {
            return;
        }
        let patience = if in_outage || found == Found::ByChance { scene.patience } else { Duration::ZERO };
        self.trouble = Some(Trouble::again(self.trouble.take(), What::Ended(end.clone()), scene.now, patience));
    }

    /// What it does now makes trouble, or ends it.
    fn settle(&mut self, scene: &Scene<'_>) {
        let Self { container, trouble, .. } = self;
        let paused_by_hand = container.life == Life::Paused && !scene.is_excused(container.colour, scene.now);
        match trouble {
            None if paused_by_hand => *trouble = Some(Trouble::again(None, What::Paused, scene.now, Duration::ZERO)),
            Some(in_trouble) if container.life == Life::Running => {
                // What was never told is over as soon as it runs.
                if scene.now < in_trouble.told_from || scene.is_steady(container, in_trouble) {
                    *trouble = None;
                }
            }
            Some(_) | None => {}
        }
    }

    /// It is not there any more.
    fn miss(&mut self, told: &[End], scene: &Scene<'_>) {
        let was_there = self.gone_since.is_none();
        self.gone_since.get_or_insert(scene.now);
        self.take_in(told, None, Found::AsItWas, scene);
        if was_there && self.trouble.is_none() && matches!(self.container.life, Life::Running | Life::Paused) {
            self.trouble = Some(Trouble::again(None, What::Gone, scene.now, scene.patience));
        }
    }

    fn is_kept(&self, scene: &Scene<'_>) -> bool {
        let Some(gone_since) = self.gone_since else { return true };
        let on_purpose = scene.is_excused(self.container.colour, gone_since) || scene.is_excused(self.container.colour, scene.now);
        self.trouble.is_some() && !on_purpose && scene.now.since(gone_since) < GONE
    }
}

/// How an end came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// We knew the container before, or were told.
    AsItWas,
    /// It had ended before we knew it.
    ByChance,
}

#[cfg(test)]
mod tests;
