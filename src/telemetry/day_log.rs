//! One file a day, one line an event, one append a line.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::gate::Observation;
use crate::domain::moment::Moment;

/// Appends to `DIRECTORY/YYYY-MM-DD.log` by the local day.
#[derive(Debug, Clone)]
pub struct DayLog {
    directory: PathBuf,
    keep: Duration,
}

impl DayLog {
    /// Makes the directory if it is not there.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(directory: &Path, keep: Duration) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), keep })
    }

    /// Appends `TIME words` as one write; at the first line of a day, removes files older than `keep`.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn append(&self, at: Moment, words: &str) -> io::Result<()> {
        let path = self.directory.join(clock::local(at).format("%Y-%m-%d.log").to_string());
        let is_new_day = !path.exists();
        let line = format!("{}\n", line(at, words));
        OpenOptions::new().append(true).create(true).open(path)?.write_all(line.as_bytes())?;
        if is_new_day { self.remove_old(at) } else { Ok(()) }
    }

    fn remove_old(&self, now: Moment) -> io::Result<()> {
        let oldest = clock::local(now - self.keep).format("%Y-%m-%d.log").to_string();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if is_day(&name) && *name < *oldest {
                fs::remove_file(self.directory.join(&*name))?;
            }
        }
        Ok(())
    }
}

/// `TIME words` in local time and on one line: `2026-11-23T03:00:00+02:00 blue working 200 12ms`.
#[must_use]
pub fn line(at: Moment, words: &str) -> String {
    format!("{} {}", clock::local(at).format("%Y-%m-%dT%H:%M:%S%:z"), words.replace(['\n', '\r'], " "))
}

/// What a probe of `name` showed: `blue working 200 12ms`, `green not working - 0ms connection refused`.
#[must_use]
pub fn words(name: &str, seen: &Observation) -> String {
    let health = match seen.showing {
        Showing::Good => "working",
        Showing::Slow => "doing poorly",
        Showing::Bad | Showing::Exited => "not working",
    };
    let (status, reason) = match (seen.status, &seen.reason) {
        (Some(status), _) => (status.to_string(), String::new()),
        (None, Some(reason)) => ("-".to_owned(), format!(" {reason}")),
        (None, None) => ("-".to_owned(), String::new()),
    };
    format!("{name} {health} {status} {}ms{reason}", seen.latency_ms)
}

/// Whether the name is one of ours: `2026-11-23.log`.
fn is_day(name: &str) -> bool {
    let shape: String = name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00.log"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn each_local_day_has_a_file_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let log = DayLog::open(folder.path(), Duration::from_secs(2 * 86_400)).unwrap();
        fs::write(folder.path().join("notes.log"), "mine").unwrap();
        let day = |number: i64| Moment::from_millis((number * 86_400 + 43_200) * 1_000);
        for number in 20_000..20_004 {
            log.append(day(number), "blue working 200 12ms").unwrap();
            log.append(day(number), "green\nworking").unwrap();
        }
        let kept = names(folder.path());
        assert_eq!(kept.len(), 4, "three days and a stranger's file: {kept:?}");
        let last = fs::read_to_string(folder.path().join(&kept[2])).unwrap();
        assert_eq!(last.lines().count(), 2, "{last}");
        assert!(last.lines().next().unwrap().ends_with(" blue working 200 12ms"));
    }

    #[test]
    fn a_probe_is_told_in_one_line() {
        let at = Moment::from_millis(0);
        let mut seen = Observation { at, showing: Showing::Good, status: Some(200), latency_ms: 12, reason: None };
        assert_eq!(words("blue", &seen), "blue working 200 12ms");
        seen = Observation { showing: Showing::Bad, status: None, reason: Some("connection\nrefused".into()), ..seen };
        assert_eq!(words("green", &seen), "green not working - 12ms connection\nrefused");
        let told = line(at, &words("green", &seen));
        assert!(told.ends_with(" green not working - 12ms connection refused"), "{told}");
    }
}
