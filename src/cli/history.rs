//! `allswell history`: who did what, when, and how it ended.

use clap::Args;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::reach::Reach;
use super::screen::{self, Paint};
use crate::clock;
use crate::domain::moment::humane;
use crate::domain::switch::Phase;
use crate::release::{Entry, What};

/// Who did what, when, and how it ended
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How many entries: the prober hands out 1000 at most
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
    /// With all that is kept of what the user's own commands said ([runtime] kind = "command")
    #[arg(long)]
    output: bool,
}

/// How many of a failed order's last lines are shown unasked.
const LAST_LINES: usize = 5;

/// Prints the journal.
///
/// # Errors
/// Exit code 8 where the prober does not answer.
pub async fn run(operator: &Operator, args: &HistoryArgs) -> Outcome {
    let entries = Reach::of(operator)?.prober()?.history(args.count).await?;
    if operator.json {
        screen::document(&entries);
    } else if entries.is_empty() {
        screen::line("nothing was deployed or switched yet");
    } else {
        for entry in &entries {
            screen::line(shown(entry, args.output, Paint::of_stdout()));
        }
    }
    Ok(Exit::Done)
}

/// One line, and a second where there is a reason.
fn shown(entry: &Entry, output: bool, paint: Paint) -> String {
    let Entry { id, asked, phase, .. } = entry;
    let at = clock::local(entry.started_at).format("%Y-%m-%d %H:%M:%S");
    let what = match entry.what {
        What::Switch => "switch",
        What::Deploy => "deploy",
        What::Scale => "scale",
        What::Stop => "stop",
    };
    let took = entry.ended_at.map_or("under way".to_owned(), |end| humane(end.since(entry.started_at)));
    let phase = match phase {
        Phase::Done => paint.good(format!("{phase:<11}")),
        Phase::Refused | Phase::Reverted | Phase::Stayed | Phase::Interrupted => paint.bad(format!("{phase:<11}")),
        Phase::Intended | Phase::Gated | Phase::Shifted | Phase::Verified | Phase::Drained => paint.poor(format!("{phase:<11}")),
    };
    let colour = paint.colour(asked.target, format!("{:<5}", asked.target));
    let version = asked.version.as_deref().map(|version| format!("  version {version}")).unwrap_or_default();
    let instances = asked.instances.map(|count| format!("  instances {count}")).unwrap_or_default();
    let mut text = format!("{:>4}  {at}  {what:<6} {colour}  {phase} {took:>9}  {}{version}{instances}", format!("#{id}"), asked.by);
    for (label, words) in [("forced", &asked.forced), ("", &entry.reason)] {
        if let Some(words) = words {
            let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
            text.push_str(&paint.faint(format!("\n      {label}{}", words.replace('\n', "\n      "))));
        }
    }
    if let Some(steps) = steps(entry) {
        text.push_str(&paint.faint(format!("\n      {steps}")));
    }
    let (lines, hidden) = said(entry, output);
    lines.iter().for_each(|line| text.push_str(&paint.faint(format!("\n      | {line}"))));
    if hidden > 0 {
        text.push_str(&paint.faint(format!("\n      | ({hidden} more lines: allswell history --output)")));
    }
    text
}

/// How long each phase of a switch took to be reached, and what was worth knowing about it.
fn steps(entry: &Entry) -> Option<String> {
    let pairs = entry.steps.iter().zip(entry.steps.iter().skip(1));
    let shown = pairs.map(|(before, step)| {
        // The end's is told as the reason.
        let note = step.note.as_ref().filter(|_| !step.phase.is_over()).map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{} {}{note}", step.phase, humane(step.at.since(before.at)))
    });
    let shown: Vec<String> = shown.collect();
    (entry.what == What::Switch && !shown.is_empty()).then(|| shown.join(", "))
}

/// What the commands said: all of it, or the end of it where it failed; and how many lines are not shown.
fn said(entry: &Entry, all: bool) -> (Vec<&str>, usize) {
    let lines: Vec<&str> = entry.output.iter().flat_map(|output| output.lines()).collect();
    let failed = !matches!(entry.phase, Phase::Done);
    match (all, failed) {
        (true, _) => (lines, 0),
        (false, true) => {
            let hidden = lines.len().saturating_sub(LAST_LINES);
            (lines.into_iter().skip(hidden).collect(), hidden)
        }
        (false, false) => (Vec::new(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::colour::Colour;
    use crate::domain::moment::Moment;
    use crate::release::{Asked, Step};

    #[test]
    fn an_entry_says_who_what_how_and_why() {
        let asked = Asked { target: Colour::Green, version: None, by: "ann@host".into(), forced: Some("hotfix".into()), instances: None };
        let entry = Entry {
            id: 7,
            epoch: 3,
            what: What::Switch,
            asked,
            origin: Some(Colour::Blue),
            phase: Phase::Reverted,
            reason: Some("green answered 500".into()),
            output: Some("one\ntwo\nthree\nfour\nfive\nsix\nseven".into()),
            steps: Vec::new(),
            started_at: Moment::from_millis(0),
            ended_at: Some(Moment::from_millis(12_000)),
        };
        let told = shown(&entry, false, Paint::none());
        let [first, forced, reason, ref output @ ..] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
        assert!(first.starts_with("  #7  ") && first.ends_with("switch green  reverted          12s  ann@host"), "{first}");
        assert_eq!(forced.trim(), "forced: hotfix");
        assert_eq!(reason.trim(), "green answered 500");
        let output: Vec<&str> = output.iter().map(|line| line.trim()).collect();
        assert_eq!(output, ["| three", "| four", "| five", "| six", "| seven", "| (2 more lines: allswell history --output)"]);
        assert!(shown(&entry, true, Paint::none()).contains("\n      | one\n"));
        let step = |phase, at, note: Option<&str>| Step { phase, at: Moment::from_millis(at), note: note.map(str::to_owned) };
        let steps = vec![
            step(Phase::Intended, 0, None),
            step(Phase::Gated, 1_000, None),
            step(Phase::Shifted, 1_004, Some("green is live, epoch 3")),
            step(Phase::Reverted, 12_000, Some("green answered 500")),
        ];
        let phases = shown(&Entry { steps, ..entry.clone() }, false, Paint::none());
        assert!(phases.contains("      gated 1s, shifted 4ms (green is live, epoch 3), reverted 10s\n"), "{phases}");
        let done = Entry { phase: Phase::Done, ..entry };
        assert!(!shown(&done, false, Paint::none()).contains('|'), "what went well is not repeated unasked");
    }
}
