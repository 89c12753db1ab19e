//! `allswell health`: how both colours and the live site do, seen from outside.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::doors;
use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::role::told_to_end;
use super::screen::{self, Paint};
use crate::clock;
use crate::config::Config;
use crate::domain::beat::Showing;
use crate::domain::colour::Colour;
use crate::domain::gate::Observation;
use crate::domain::role::worse;
use crate::net::listen::beside;
use crate::probe::ProbeSettings;
use crate::probe::http::{HttpProbe, Probed, Target};
use crate::settings::parse_duration;
use crate::telemetry::LogSettings;
use crate::telemetry::day_log::{self, DayLog};

/// A slower answer is *doing poorly*.
const SLOW: Duration = Duration::from_secs(2);

/// A later answer is *not working*.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How both colours and the live site do, seen from outside
///
/// Working; doing poorly (over 2 s); not working (over 30 s, or a bad answer). On screen, and a line each in the day's file.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Look again at this interval, such as 5s, until Ctrl-C
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    every: Option<Duration>,
}

/// What is looked at, under its name.
#[derive(Debug)]
struct Subject {
    name: &'static str,
    targets: Vec<Target>,
}

/// What one look showed.
#[derive(Debug)]
struct Seen {
    name: &'static str,
    /// None of it where we could not look, and why.
    probed: Result<Observation, String>,
}

/// Looks once, or again and again; on screen and in the day's file.
///
/// # Errors
/// Exit code 2 for a wrong config. What was seen is the exit code: 0, 9 or 1, the worst of the last round; 1 too where the day's file
/// could not be written.
pub async fn run(operator: &Operator, args: &HealthArgs) -> Outcome {
    let config = operator.config()?;
    let subjects = subjects(&config);
    let probe = HttpProbe::new(&ProbeSettings { slow: SLOW, timeout: TIMEOUT, ..config.probe })
        .map_err(|error| Exit::Failed.because(error.to_string()))?;
    let mut log = Log::open(operator, &config.log);
    let mut worst = Exit::Failed;
    let mut pace = interval(args.every.unwrap_or(TIMEOUT));
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut told = pin!(told_to_end().map_err(Trouble::from)?);
    loop {
        let round = async {
            pace.tick().await;
            // What is looked at for months is dated by the clock as it is, and so is the file of its day.
            let _ = clock::take_step();
            join_all(subjects.iter().map(|subject| look(&probe, subject))).await
        };
        let seen = tokio::select! {
            seen = round => seen,
            () = &mut told => break,
        };
        worst = seen.iter().map(of_seen).max_by_key(|exit| rank(*exit)).unwrap_or(Exit::Failed);
        show(operator, &seen, &mut log);
        let documents: Vec<_> = seen.iter().map(document).collect();
        match (operator.json, args.every) {
            (true, None) => screen::document(&documents),
            // Whoever has read has seen enough.
            (true, Some(_)) if screen::try_record(&documents).is_err() => break,
            (true, Some(_)) | (false, _) => {}
        }
        if args.every.is_none() {
            break;
        }
    }
    Ok(if log.failed { Exit::Failed } else { worst })
}

/// Both colours by their own addresses, and the live site by its front door.
fn subjects(config: &Config) -> Vec<Subject> {
    let path = &config.app.health;
    let url = |address: &String| Target::new(format!("http://{}{path}", beside(address)));
    let colour = |colour: Colour| Subject { name: colour.as_str(), targets: config.app.colour(colour).addresses.iter().map(url).collect() };
    let site = Target::of_our_own(format!("{}{path}", doors::live(&config.proxy)));
    let live = Subject { name: "live", targets: vec![site] };
    vec![colour(Colour::Blue), colour(Colour::Green), live]
}

/// A colour does as its worst instance does.
async fn look(probe: &HttpProbe, subject: &Subject) -> Seen {
    let mut probed: Result<Observation, String> = Err("there is no address".to_owned());
    for one in join_all(subject.targets.iter().map(|target| probe.probe(target))).await {
        probed = match (one, probed) {
            (Probed::Unable(why), _) => Err(why),
            (Probed::Observed(one), Ok(before)) if worse(one.showing, before.showing) == before.showing => Ok(before),
            (Probed::Observed(one), _) => Ok(one),
        };
    }
    Seen { name: subject.name, probed }
}

fn of_seen(seen: &Seen) -> Exit {
    match &seen.probed {
        Ok(observation) => match observation.showing {
            Showing::Good => Exit::Done,
            Showing::Slow => Exit::Poorly,
            Showing::Bad | Showing::Exited => Exit::Failed,
        },
        Err(_) => Exit::Failed,
    }
}

fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Done => 0,
        Exit::Poorly => 1,
        _ => 2,
    }
}

fn show(operator: &Operator, seen: &[Seen], log: &mut Log) {
    let paint = Paint::of_stdout();
    for Seen { name, probed } in seen {
        match probed {
            Ok(observation) => {
                let words = day_log::words(name, observation);
                log.append(observation, &words);
                if !operator.json {
                    let line = day_log::line(observation.at, &words);
                    screen::line(match observation.showing {
                        Showing::Good => paint.good(line),
                        Showing::Slow => paint.poor(line),
                        Showing::Bad | Showing::Exited => paint.bad(line),
                    });
                }
            }
            Err(why) => screen::note(format!("{name} could not be probed, for a reason of this host's: {why}")),
        }
    }
}

fn document(seen: &Seen) -> serde_json::Value {
    let health = match of_seen(seen) {
        Exit::Done => "working",
        Exit::Poorly => "doing poorly",
        _ => "not working",
    };
    match &seen.probed {
        Ok(Observation { at, status, latency_ms, reason, .. }) => {
            json!({ "name": seen.name, "health": health, "at": at, "status": status, "latency_ms": latency_ms, "reason": reason })
        }
        Err(why) => json!({ "name": seen.name, "health": null, "at": null, "status": null, "latency_ms": null, "reason": why }),
    }
}

/// The day's file. Its trouble is told once; the screen goes on.
struct Log {
    directory: PathBuf,
    file: Option<DayLog>,
    failed: bool,
}

impl Log {
    fn open(operator: &Operator, settings: &LogSettings) -> Self {
        let directory = match &settings.directory {
            Some(directory) => operator.options.state.join(directory),
            None => PathBuf::from(LogSettings::DEFAULT_DIRECTORY),
        };
        let mut log = Self { directory, file: None, failed: false };
        match DayLog::open(&log.directory, settings.keep) {
            Ok(file) => log.file = Some(file),
            Err(error) => log.tell(&error),
        }
        log
    }

    fn append(&mut self, observation: &Observation, words: &str) {
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.append(observation.at, words)) {
            self.tell(&error);
        }
    }

    fn tell(&mut self, error: &std::io::Error) {
        if !self.failed {
            screen::note(format!(
                "error: the log in {0} cannot be written: {error}. Make it yours (sudo install -d -o $USER {0}) or set [log] directory",
                self.directory.display()
            ));
        }
        self.failed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moment::Moment;

    fn seen(showing: Showing) -> Seen {
        let probed = Ok(Observation { at: Moment::from_millis(0), showing, status: Some(200), latency_ms: 1, reason: None });
        Seen { name: "blue", probed }
    }

    #[test]
    fn the_worst_that_was_seen_decides() {
        let exits = [Showing::Good, Showing::Slow, Showing::Bad].map(|showing| of_seen(&seen(showing)));
        assert_eq!(exits, [Exit::Done, Exit::Poorly, Exit::Failed]);
        assert!(rank(Exit::Done) < rank(Exit::Poorly) && rank(Exit::Poorly) < rank(Exit::Failed));
        assert_eq!(of_seen(&Seen { name: "blue", probed: Err("too many open files".into()) }), Exit::Failed);
    }

    #[test]
    fn blue_green_and_the_live_site_are_looked_at() {
        let config = Config::parse("[runtime]\ncommand = \"x\"\n").unwrap().config;
        let names: Vec<&str> = subjects(&config).iter().map(|subject| subject.name).collect();
        assert_eq!(names, ["blue", "green", "live"]);
    }
}
