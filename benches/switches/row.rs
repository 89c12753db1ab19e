//! One measurement: what it says in a line, and in JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::costs::Held;
use super::noise::Noise;
use super::order::Times;
use super::tally::Tally;

/// One switch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    pub(crate) times: Times,
    /// When the first answer of the new colour came after the acknowledgement, in seconds; before it where this is negative.
    pub(crate) first_after: f64,
    /// How long other answers of the colour took.
    pub(crate) usual: [Duration; 3],
}

pub(crate) struct Row {
    pub(crate) name: String,
    /// What the machine takes for itself.
    pub(crate) noise: Noise,
    pub(crate) tally: Tally,
    pub(crate) shifts: Vec<Shift>,
    pub(crate) took: Duration,
    /// By proxy and prober.
    pub(crate) before: [Held; 2],
    pub(crate) after: [Held; 2],
}

const HEAD: &str = "| proxy | switches | answered | failed GET / POST / upload | closed | WebSockets closed | event streams closed | old colour after \
                    | command to acknowledgement p50 / p99 / max ms | of it to the open gate p50 | first answer of the new p50 / p99 / max ms \
                    | other answers take | memory MB | files | prober's memory MB | files | a switch took \
                    | idle: a command starts p50 / p99 / max ms | a disk is waited for |";

impl Row {
    pub(crate) fn print(&self, is_first: bool) {
        if is_first {
            println!("{HEAD}\n|---|{}", "---:|".repeat(HEAD.matches('|').count() - 2));
        }
        let Tally { answered, failed_get, failed_post, failed_upload, closed, strays, websockets_closed, event_streams_closed, .. } =
            self.tally;
        let [shifted, gated] = [self.shifted(), self.gated()];
        let three = |of: &[f64]| format!("{:.1} / {:.1} / {:.1}", quantile(of, 0.5), quantile(of, 0.99), quantile(of, 1.0));
        let mb = |held: Held| held.resident_kb as f64 / 1_024.0;
        let held = |at: usize| {
            let (before, after) = (self.before[at], self.after[at]);
            format!("{:.1} to {:.1} | {} to {}", mb(before), mb(after), before.files, after.files)
        };
        println!(
            "| {} | {} | {answered} | {failed_get} / {failed_post} / {failed_upload} | {closed} | {websockets_closed} | {event_streams_closed} | {strays} | {} | {:.1} | {} | {} | {} | {} | {:.2} s | {} | {} |",
            self.name,
            self.shifts.len(),
            three(&shifted),
            quantile(&gated, 0.5),
            three(&self.first()),
            three(&self.usual()),
            held(0),
            held(1),
            self.took.as_secs_f64() / self.shifts.len() as f64,
            three(&self.noise.starts),
            three(&self.noise.waits),
        );
    }

    pub(crate) fn print_reasons(&self) {
        for reason in &self.tally.reasons {
            println!("{}: {reason}", self.name);
        }
    }

    pub(crate) fn json(&self) -> Value {
        let all =
            |of: &[f64]| json!({ "p50": quantile(of, 0.5), "p90": quantile(of, 0.9), "p99": quantile(of, 0.99), "max": quantile(of, 1.0) });
        let done: Vec<f64> = sorted(self.shifts.iter().map(|shift| ms(shift.times.done)));
        json!({
            "name": self.name, "switches": self.shifts.len(), "tally": self.tally, "seconds": self.took.as_secs_f64(),
            "acknowledged_ms": all(&self.shifted()), "gated_ms": all(&self.gated()), "done_ms": all(&done),
            "first_answer_after_ms": all(&self.first()), "other_answers_ms": all(&self.usual()),
            "idle_start_ms": all(&self.noise.starts), "idle_disk_wait_ms": all(&self.noise.waits),
            "proxy": { "before": self.before[0], "after": self.after[0] }, "prober": { "before": self.before[1], "after": self.after[1] },
        })
    }

    fn shifted(&self) -> Vec<f64> {
        sorted(self.shifts.iter().map(|shift| ms(shift.times.shifted)))
    }

    fn gated(&self) -> Vec<f64> {
        sorted(self.shifts.iter().map(|shift| ms(shift.times.gated)))
    }

    fn first(&self) -> Vec<f64> {
        sorted(self.shifts.iter().map(|shift| shift.first_after * 1_000.0))
    }

    fn usual(&self) -> Vec<f64> {
        sorted(self.shifts.iter().flat_map(|shift| shift.usual).map(ms))
    }
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

pub(super) fn sorted(of: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all
}

/// The smallest value that so large a share is not above.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
