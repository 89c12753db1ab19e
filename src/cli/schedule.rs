//! `allswell schedule`: when a schedule falls due, before you trust it.

use chrono::{DateTime, Utc};
use clap::Args;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use crate::clock;
use crate::domain::moment::{Moment, humane};
use crate::domain::schedule::Schedule;
use crate::domain::zone::Zone;

/// The next times a schedule falls due.
#[derive(Debug, Args)]
pub struct ScheduleArgs {
    /// In quotes: five cron fields "minute hour day month weekday", or a calendar expression of systemd "Mon..Fri 08:00"
    #[arg(value_name = "EXPR")]
    expression: String,
    /// The schedule's time zone, such as Europe/Riga
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    tz: String,
    /// From when on, such as 2026-10-25T00:00:00Z. Default: now
    #[arg(long, value_name = "TIME")]
    after: Option<DateTime<Utc>>,
    /// How many times to show
    #[arg(long, short = 'n', default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
}

/// Prints them.
///
/// # Errors
/// Exit code 2 where the expression or the zone is not understood.
pub fn run(operator: &Operator, args: &ScheduleArgs) -> Outcome {
    let now = clock::now();
    let after = args.after.map_or(now, Moment::from);
    let times = next_times(&args.expression, &args.tz, after, args.count).map_err(|error| Exit::Usage.because(error.to_string()))?;
    if operator.json {
        screen::document(&times);
        return Ok(Exit::Done);
    }
    let zone: Zone = args.tz.parse().unwrap_or(Zone::UTC);
    for time in times {
        let local = time.to_utc().with_timezone(&zone);
        let away = if time > now { format!("in {}", humane(time.since(now))) } else { format!("{} ago", humane(now.since(time))) };
        screen::line(format!("{} {}   {away}", local.format("%a %Y-%m-%d %H:%M %:z"), zone.abbreviation(time)));
    }
    Ok(Exit::Done)
}

fn next_times(expression: &str, zone: &str, from: Moment, count: u32) -> Result<Vec<Moment>, crate::domain::schedule::ScheduleError> {
    let schedule = Schedule::parse(expression, zone)?;
    let after = |last: &Moment| Some(schedule.next(*last));
    let times = std::iter::successors(after(&from), after).take_while(|time| *time != Moment::from_millis(i64::MAX));
    Ok(times.take(count as usize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_times_follow_each_other_across_a_change_of_the_clocks() {
        // 2026-10-24T00:00:00Z, the day before the clocks go back in Riga.
        let now = Moment::from_millis(1_792_800_000_000);
        let times = next_times("0 12 * * *", "Europe/Riga", now, 3).unwrap();
        let told: Vec<String> = times.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["2026-10-24T09:00:00.000Z", "2026-10-25T10:00:00.000Z", "2026-10-26T10:00:00.000Z"]);
    }
}
