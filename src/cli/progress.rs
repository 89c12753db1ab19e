//! A switch as it happens: a bar for what takes time on a terminal, a line each phase elsewhere.

use std::fmt::{Display, Write};
use std::io::{IsTerminal, stderr, stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::screen::{self, Paint};
use crate::clock;
use crate::domain::colour::Colour;
use crate::domain::moment::{age, humane};
use crate::domain::plain::one_line;
use crate::domain::switch::{Phase, SKIPPED};
use crate::release::{SwitchEvent, SwitchSettings};
use crate::runtime::Step;

/// How wide the bar is, in columns.
const WIDTH: usize = 24;

/// Shows what is under way.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    began: Duration,
}

impl Progress {
    /// Shows nothing but trouble where a document is wanted.
    #[must_use]
    pub fn begin(json: bool) -> Self {
        Self { bar: is_on_screen(json).then(ProgressBar::new_spinner), quiet: json, began: clock::elapsed() }
    }

    /// Something has begun that takes up to `limit`, where there is one.
    pub fn working(&self, what: impl Display, limit: Option<Duration>) {
        let Some(bar) = &self.bar else { return };
        let what = one_line(&what.to_string()).into_owned();
        bar.reset_elapsed();
        bar.set_style(limit.map_or_else(ProgressStyle::default_spinner, style));
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
    }

    /// A line about what was reached.
    pub fn say(&self, text: impl Display) {
        match &self.bar {
            Some(bar) => bar.suspend(|| screen::line(text)),
            None if self.quiet => {}
            None => screen::line(text),
        }
    }

    /// A runtime has reached a step.
    pub fn stepped(&self, step: &Step) {
        match step {
            Step::Pulling { image, done, total } => self.pulling(image, *done, *total),
            Step::Working(what) => self.working(what, None),
            Step::Done(what) => self.say(format!("  {what}")),
        }
    }

    /// A bar by bytes, as soon as it is known how many there will be.
    fn pulling(&self, image: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_style(by_bytes(total));
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(format!("pull {}", one_line(image)));
    }

    /// A switch to `to` has reached a phase. How long the next one may take is asked for a screen alone.
    pub fn reached<'a>(&self, event: &SwitchEvent, to: Colour, limits: impl Fn() -> Option<&'a SwitchSettings>) {
        let took = clock::elapsed().saturating_sub(self.began);
        if event.phase != Phase::Intended {
            self.say(line(event, to, took, Paint::of_stdout()));
        }
        if self.bar.is_none() {
            return;
        }
        match next(event.phase, to, limits()) {
            Some((what, limit)) => self.working(what, limit),
            None => self.end(),
        }
    }

    /// Nothing more is under way.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Whether whoever reads stderr has read stdout, too.
#[must_use]
pub fn is_on_screen(json: bool) -> bool {
    !json && stderr().is_terminal() && stdout().is_terminal()
}

/// What comes after a phase, and how long it may take.
fn next(phase: Phase, to: Colour, limits: Option<&SwitchSettings>) -> Option<(String, Option<Duration>)> {
    match phase {
        Phase::Intended => Some((format!("gate: probing {to}"), limits.map(|limits| limits.within))),
        Phase::Gated => Some((format!("shift to {to}"), None)),
        Phase::Shifted => Some(("verify: asking the front door".to_owned(), None)),
        Phase::Verified => Some((format!("drain: {} finishes its requests", to.other()), limits.map(|limits| limits.drain))),
        Phase::Drained => Some((format!("observe: {to} is watched"), limits.map(|limits| limits.observe))),
        Phase::Done | Phase::Refused | Phase::Reverted | Phase::Stayed | Phase::Interrupted => None,
    }
}

fn line(event: &SwitchEvent, to: Colour, took: Duration, paint: Paint) -> String {
    let words = match event.phase {
        Phase::Intended => "written down".to_owned(),
        Phase::Gated if event.note.as_ref().is_some_and(|note| note.starts_with(SKIPPED)) => String::new(),
        Phase::Gated => format!("{to} is fit to go live"),
        // What is worth knowing of these says it all.
        Phase::Shifted | Phase::Drained if event.note.is_some() => String::new(),
        Phase::Shifted => format!("new requests go to {to}"),
        Phase::Verified => format!("the front door answers from {to}"),
        Phase::Drained => format!("{} has finished what it was at", to.other()),
        Phase::Done => format!("{to} is live"),
        Phase::Refused => format!("nothing was changed: {} stays live", to.other()),
        Phase::Reverted => format!("taken back: {} is live again", to.other()),
        Phase::Stayed => format!("not taken back, because {} fails too: {to} stays live", to.other()),
        Phase::Interrupted => "interrupted: nothing was changed".to_owned(),
    };
    let mark = match event.phase {
        Phase::Refused | Phase::Reverted | Phase::Stayed | Phase::Interrupted => paint.bad("✗"),
        Phase::Intended | Phase::Gated | Phase::Shifted | Phase::Verified | Phase::Drained | Phase::Done => paint.good("✓"),
    };
    let said: Vec<&str> = [words.as_str(), event.note.as_deref().unwrap_or_default()].into_iter().filter(|said| !said.is_empty()).collect();
    format!("{mark} {:<11} {:>7}  {}", event.phase, humane(took), said.join(": "))
}

/// `⠋ observe: green is watched ████████░░░░░░░░ 12s of 30s`
fn style(limit: Duration) -> ProgressStyle {
    let drawn = move |state: &ProgressState, out: &mut dyn Write| {
        let share = state.elapsed().as_secs_f64() / limit.as_secs_f64().max(0.001);
        let _ = write!(out, "{} {} of {}", bar(share), age(state.elapsed()), humane(limit));
    };
    // Only a template with unknown parts is refused; then the spinner alone is shown.
    ProgressStyle::with_template("{spinner} {msg} {sofar}")
        .map_or_else(|_| ProgressStyle::default_spinner(), |style| style.with_key("sofar", drawn))
}

/// `⠋ pull shop:2 ████████░░░░░░░░ 12 MiB of 30 MiB`; without a total, the bytes alone.
fn by_bytes(total: u64) -> ProgressStyle {
    let template = if total == 0 { "{spinner} {msg} {bytes}" } else { "{spinner} {msg} {bar:24.} {bytes} of {total_bytes}" };
    ProgressStyle::with_template(template).map_or_else(|_| ProgressStyle::default_spinner(), |style| style.progress_chars("█░░"))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of 24 columns")]
fn bar(share: f64) -> String {
    let full = ((share.clamp(0.0, 1.0) * WIDTH as f64) as usize).min(WIDTH);
    format!("{}{}", "█".repeat(full), "░".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::Moment;

    #[test]
    fn every_phase_is_one_line_that_reads_alone() {
        let event = |phase, note: Option<&str>| SwitchEvent { at: Moment::from_millis(0), phase, note: note.map(str::to_owned) };
        let told = line(&event(Phase::Gated, None), Colour::Green, Duration::from_millis(1_234), Paint::none());
        assert_eq!(told, "✓ gated            1s  green is fit to go live");
        let told = line(&event(Phase::Gated, Some("the gate was skipped: now")), Colour::Green, Duration::from_millis(2), Paint::none());
        assert_eq!(told, "✓ gated           2ms  the gate was skipped: now");
        let told = line(&event(Phase::Reverted, Some("green answered 500")), Colour::Green, Duration::from_secs(64), Paint::none());
        assert_eq!(told, "✗ reverted      1m 4s  taken back: blue is live again: green answered 500");
    }

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(bar(0.0).matches('█').count(), 0);
        assert_eq!(bar(0.5).matches('█').count(), WIDTH / 2);
        assert_eq!(bar(7.0).matches('█').count(), WIDTH);
        assert_eq!(bar(7.0).chars().count(), WIDTH);
    }
}
