//! `allswell status --watch`: the same, again and again.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::seen::Seen;
use crate::cli::exit::{Exit, Outcome, Trouble};
use crate::cli::operator::Operator;
use crate::cli::reach::Reach;
use crate::cli::role::told_to_end;
use crate::cli::screen::{self, Paint, fitted};
use crate::cli::terminal::{Canvas, Happening, size};
use crate::clock;

/// Looks at this interval until it is told to end. On a terminal it draws in place; elsewhere it prints one status after the other, each
/// behind its time, or with `--json` one document a line.
///
/// # Errors
/// Where signals cannot be caught. The exit code is that of the last look.
pub(super) async fn run(operator: &Operator, reach: &Reach, every: Duration) -> Outcome {
    let canvas = if operator.json { None } else { Canvas::take().map_err(|error| Trouble::from(anyhow::Error::from(error)))? };
    match canvas {
        Some(canvas) => Ok(draw(reach, every, canvas).await),
        None => print(operator, reach, every).await,
    }
}

async fn draw(reach: &Reach, every: Duration, mut canvas: Canvas) -> Exit {
    let mut seen: Option<Seen> = None;
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let look = async {
            pace.tick().await;
            Seen::look(reach).await
        };
        let mut look = pin!(look);
        let looked = loop {
            if show(&canvas, reach, seen.as_ref(), every).is_err() {
                return end(seen.as_ref());
            }
            tokio::select! {
                looked = &mut look => break looked,
                happening = canvas.happening() => match happening {
                    Happening::End => return end(seen.as_ref()),
                    Happening::Redraw => {}
                }
            }
        };
        seen = Some(looked);
    }
}

/// Told to end before anything was seen: nothing is wrong.
fn end(seen: Option<&Seen>) -> Exit {
    seen.map_or(Exit::Done, Seen::exit)
}

fn show(canvas: &Canvas, reach: &Reach, seen: Option<&Seen>, every: Duration) -> std::io::Result<()> {
    let paint = Paint::of_stdout();
    let (columns, _) = size();
    let lines = match seen {
        Some(seen) => seen.lines(reach, columns, paint),
        None => vec![format!("{}: prober and watcher are asked …", reach.config.app.name)],
    };
    let at = clock::local(clock::now()).format("%H:%M:%S");
    let last = fitted(&format!("  {at}   every {every:?}   q ends"), columns);
    canvas.draw(&lines, &paint.faint(last), paint)
}

async fn print(operator: &Operator, reach: &Reach, every: Duration) -> Outcome {
    let mut told = pin!(told_to_end().map_err(Trouble::from)?);
    let mut pace = interval(every);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut exit = Exit::Done;
    loop {
        let look = async {
            pace.tick().await;
            Seen::look(reach).await
        };
        let seen = tokio::select! {
            seen = look => seen,
            () = &mut told => return Ok(exit),
        };
        exit = seen.exit();
        let printed = if operator.json { screen::try_record(&seen.document(reach)) } else { screen::try_line(plainly(&seen, reach)) };
        if printed.is_err() {
            return Ok(exit);
        }
    }
}

/// One status, behind its time.
fn plainly(seen: &Seen, reach: &Reach) -> String {
    let at = clock::local(clock::now()).format("%Y-%m-%d %H:%M:%S %:z");
    let mut lines = vec![format!("── {at}")];
    lines.extend(seen.lines(reach, size().0, Paint::none()));
    lines.push(String::new());
    lines.join("\n")
}
