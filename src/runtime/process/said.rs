//! What a colour's processes have said: their files, once or as they grow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tail::Tail;
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;
use crate::runtime::release::Each;

/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Tells `each` the lines of a colour's instances in this folder, and with `follow` goes on for ever.
///
/// # Errors
/// Where they cannot be read, and where there is nothing to follow and nothing to read.
pub(super) async fn said(folder: &Path, colour: Colour, count: Option<usize>, follow: bool, each: Each<'_>) -> Result<(), RuntimeError> {
    let mut tails: BTreeMap<PathBuf, Tail> = BTreeMap::new();
    let mut first = true;
    loop {
        for path in of_colour(folder, colour)? {
            let is_new = !tails.contains_key(&path);
            let tail = tails.entry(path.clone()).or_insert_with(|| Tail::new(&path));
            let mut lines = if is_new { kept_before(&path) } else { Vec::new() };
            lines.extend(tail.lines().map_err(|error| unreadable(&path, &error))?);
            if !follow {
                lines.extend(tail.last());
            }
            let hidden = count.filter(|_| first).map_or(0, |count| lines.len().saturating_sub(count));
            let instance = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            lines.iter().skip(hidden).for_each(|line| each(&instance, line));
        }
        if tails.is_empty() && !follow {
            return Err(RuntimeError::Refused(format!("{colour} has said nothing: there is no {colour}-N.log in {}", folder.display())));
        }
        if !follow {
            return Ok(());
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

fn of_colour(folder: &Path, colour: Colour) -> Result<Vec<PathBuf>, RuntimeError> {
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

fn unreadable(path: &Path, error: &std::io::Error) -> RuntimeError {
    RuntimeError::Refused(format!("{} cannot be read: {error}", path.display()))
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
