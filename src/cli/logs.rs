//! `allswell logs`: what a colour's instances say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::screen;
use super::tail::Tail;
use crate::domain::colour::Colour;

/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What a colour's instances have said
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// blue or green
    colour: Colour,
    /// Go on with what they say, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only the last lines of each instance. Default: all that is kept
    #[arg(long, short = 'n', value_name = "COUNT")]
    lines: Option<usize>,
}

/// Prints it, each line after its instance where there are several.
///
/// # Errors
/// Exit code 1 where the output cannot be read; 8 where nothing has ever run here.
pub async fn run(operator: &Operator, args: &LogsArgs) -> Outcome {
    let folder = operator.state()?.instances();
    let mut tails: BTreeMap<PathBuf, Tail> = BTreeMap::new();
    let mut first = true;
    loop {
        let known = of_colour(&folder, args.colour)?;
        let several = known.len() > 1;
        for path in known {
            let is_new = !tails.contains_key(&path);
            let tail = tails.entry(path.clone()).or_insert_with(|| Tail::new(&path));
            let mut lines = if is_new { kept_before(&path) } else { Vec::new() };
            lines.extend(tail.lines().map_err(|error| unreadable(&path, &error))?);
            if !args.follow {
                lines.extend(tail.last());
            }
            let shown = if first { &lines[lines.len().saturating_sub(args.lines.unwrap_or(usize::MAX))..] } else { &lines[..] };
            if print(operator, &path, shown, several).is_err() {
                return Ok(Exit::Done);
            }
        }
        if first && tails.is_empty() && !args.follow {
            return Err(Exit::Failed.because(format!("{} has said nothing: there is no {0}-N.log in {}", args.colour, folder.display())));
        }
        if !args.follow {
            return Ok(Exit::Done);
        }
        first = false;
        tokio::time::sleep(LOOK).await;
    }
}

/// What was rotated away last.
fn kept_before(path: &Path) -> Vec<String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    Tail::new(Path::new(&name)).lines().unwrap_or_default()
}

fn of_colour(folder: &Path, colour: Colour) -> Result<Vec<PathBuf>, Trouble> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| is_of(path, colour)).collect();
    paths.sort();
    Ok(paths)
}

fn is_of(path: &Path, colour: Colour) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let number = name.strip_prefix(colour.as_str()).and_then(|rest| rest.strip_prefix('-')).and_then(|rest| rest.strip_suffix(".log"));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn print(operator: &Operator, path: &Path, lines: &[String], several: bool) -> std::io::Result<()> {
    let instance = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    for text in lines {
        if operator.json {
            screen::try_line(json!({ "instance": instance, "line": text }))?;
        } else if several {
            screen::try_line(format!("{instance} | {text}"))?;
        } else {
            screen::try_line(text)?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Trouble {
    Exit::Failed.because(format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_colours_own_output_is_its_output() {
        for (name, ours) in
            [("blue-1.log", true), ("blue-12.log", true), ("green-1.log", false), ("blue-1.log.1", false), ("blue-.log", false)]
        {
            assert_eq!(is_of(Path::new(name), Colour::Blue), ours, "{name}");
        }
    }
}
