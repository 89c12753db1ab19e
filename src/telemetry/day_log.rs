//! One file a day, one line an event, one append a line.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::OFlags;

use super::settings::LogSettings;
use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::gate::Observation;
use crate::domain::moment::Moment;
use crate::domain::plain::one_line;

/// Appends to `DIRECTORY/YYYY-MM-DD.log` by the local day.
#[derive(Debug, Clone)]
pub struct DayLog {
    directory: PathBuf,
    keep: Duration,
    owner: Option<Owner>,
}

/// Who is to have what we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Where root acts for somebody by sudo, that somebody: what sudo once made can be written without it afterwards.
    fn behind_sudo() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let owner = Self { user: number("SUDO_UID")?, group: number("SUDO_GID")? };
        rustix::process::geteuid().is_root().then_some(owner)
    }
}

impl DayLog {
    /// Makes the directory if it is not there, with mode 0755; under sudo it belongs to whoever called that, as its files do.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(directory: &Path, keep: Duration) -> io::Result<Self> {
        let owner = Owner::behind_sudo();
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
        for path in missing.into_iter().rev() {
            make(path, owner)?;
        }
        // Says what is wrong where something else has the name.
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), keep, owner })
    }

    /// Appends `TIME words` as one write; at the first line of a day, removes files older than `keep`.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn append(&self, at: Moment, words: &str) -> io::Result<()> {
        let path = self.directory.join(clock::local(at).format("%Y-%m-%d.log").to_string());
        let line = format!("{}\n", line(at, words));
        match day_file().create_new(true).open(&path) {
            Ok(mut file) => {
                self.give(&file)?;
                file.write_all(line.as_bytes())?;
                self.remove_old(at)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => day_file().open(path)?.write_all(line.as_bytes()),
            Err(error) => Err(error),
        }
    }

    fn give(&self, file: &File) -> io::Result<()> {
        self.owner.map_or(Ok(()), |owner| fchown(file, Some(owner.user), Some(owner.group)))
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

/// The day's file of a part, where `[log]` asks for one. That it cannot be written is told once, until it can again.
#[derive(Debug)]
pub struct PartLog {
    directory: Option<PathBuf>,
    keep: Duration,
    is_broken: AtomicBool,
}

impl PartLog {
    /// As `[log]` says. Touches nothing yet.
    #[must_use]
    pub fn new(settings: &LogSettings) -> Self {
        Self { directory: settings.directory.clone(), keep: settings.keep, is_broken: AtomicBool::new(false) }
    }

    /// Writes down what a probe of `name` showed.
    pub fn append(&self, name: &str, seen: &Observation) {
        let Some(directory) = &self.directory else { return };
        match DayLog::open(directory, self.keep).and_then(|log| log.append(seen.at, &words(name, seen))) {
            Ok(()) => self.is_broken.store(false, Ordering::Relaxed),
            Err(error) if !self.is_broken.swap(true, Ordering::Relaxed) => {
                tracing::error!(directory = %directory.display(), %error, "the day's file cannot be written");
            }
            Err(_) => {}
        }
    }
}

/// A day's file, and never where a link leads: root may write in a directory of somebody else's.
fn day_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// A directory that all may read. Another part may make it at the same moment.
fn make(path: &Path, owner: Option<Owner>) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    owner.map_or(Ok(()), |owner| chown(path, Some(owner.user), Some(owner.group)))
}

/// `TIME words` in local time and on one line: `2026-11-23T03:00:00+02:00 blue working 200 12ms`.
#[must_use]
pub fn line(at: Moment, words: &str) -> String {
    format!("{} {}", clock::local(at).format("%Y-%m-%dT%H:%M:%S%:z"), one_line(words))
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
