//! One file a day, one line an event, one append a line.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::OFlags;

use super::settings::LogSettings;
use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::gate::Observation;
use crate::domain::moment::Moment;
use crate::domain::plain::one_line;

/// Lines of a part that may wait for the disk; what comes after them is lost, and counted.
const WAITING: usize = 64;
/// That lines are lost is said once in so long while it lasts.
const SAY_EVERY: Duration = Duration::from_secs(60);

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
                match fs::remove_file(self.directory.join(&*name)) {
                    // Another part was faster.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }
}

/// The day's file of a part, where `[log]` asks for one: lines are written by a thread of their own, so that no probe waits for a disk. That lines
/// are lost is said at once, and again while it lasts.
#[derive(Debug)]
pub struct PartLog(Option<Inbox>);

/// Where lines are handed in.
#[derive(Debug)]
struct Inbox {
    writer: SyncSender<Entry>,
    lost: Arc<Lost>,
}

/// A line to be written.
#[derive(Debug)]
struct Entry {
    at: Moment,
    words: String,
}

/// The thread's side; it ends when the part does.
#[derive(Debug)]
struct Writer {
    keep: Duration,
    log: Option<DayLog>,
    lost: Arc<Lost>,
}

/// Lines that were lost.
#[derive(Debug)]
struct Lost {
    directory: PathBuf,
    unsaid: Mutex<Unsaid>,
}

/// How many of them nobody was told of yet, and when somebody was told last.
#[derive(Debug, Default)]
struct Unsaid {
    lines: u64,
    said_at: Option<Duration>,
}

impl PartLog {
    /// As `[log]` says. Touches nothing yet.
    #[must_use]
    pub fn new(settings: &LogSettings) -> Self {
        let Some(directory) = settings.directory.clone() else { return Self(None) };
        let lost = Arc::new(Lost { directory, unsaid: Mutex::default() });
        let mut thread = Writer { keep: settings.keep, log: None, lost: Arc::clone(&lost) };
        let (writer, entries) = sync_channel(WAITING);
        let started = std::thread::Builder::new().name("day-log".to_owned()).spawn(move || thread.follow(&entries));
        if let Err(error) = started {
            // Nobody takes a line then: each is lost, which is said as any loss is.
            tracing::error!(%error, "the thread of the day's file does not start");
        }
        Self(Some(Inbox { writer, lost }))
    }

    /// Has it written down what a probe of `name` showed. Waits for nothing.
    pub fn append(&self, name: &str, seen: &Observation) {
        let Some(Inbox { writer, lost }) = &self.0 else { return };
        let why = match writer.try_send(Entry { at: seen.at, words: words(name, seen) }) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "the disk does not keep up",
            Err(TrySendError::Disconnected(_)) => "its thread has ended",
        };
        lost.note(&Err(io::Error::other(why)));
    }
}

impl Writer {
    fn follow(&mut self, entries: &Receiver<Entry>) {
        while let Ok(entry) = entries.recv() {
            let written = self.write(&entry);
            self.lost.note(&written);
        }
    }

    /// A directory that somebody has removed is made anew.
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        if let Some(log) = &self.log {
            match log.append(entry.at, &entry.words) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                ended => return ended,
            }
        }
        self.log.insert(DayLog::open(&self.lost.directory, self.keep)?).append(entry.at, &entry.words)
    }
}

impl Lost {
    /// What became of a line; says how many are lost where that is due.
    fn note(&self, written: &io::Result<()>) {
        let due = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner).due(written.is_err(), clock::elapsed());
        let (Some(lines), directory) = (due, self.directory.display()) else { return };
        match written {
            Err(error) => tracing::error!(%directory, %error, lines, "the day's file cannot be written"),
            Ok(()) => tracing::warn!(%directory, lines, "the day's file is written again, without the lines of meanwhile"),
        }
    }
}

impl Unsaid {
    /// How many lines are lost that nobody was told of, where that is to be said now: the first at once, and then all of a minute together.
    fn due(&mut self, is_lost: bool, now: Duration) -> Option<u64> {
        self.lines += u64::from(is_lost);
        let is_due = self.lines > 0 && self.said_at.is_none_or(|at| now.saturating_sub(at) >= SAY_EVERY);
        is_due.then(|| {
            self.said_at = Some(now);
            std::mem::take(&mut self.lines)
        })
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
    use std::io::{BufRead, BufReader};
    use std::sync::mpsc::channel;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

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

    fn good(at: Moment) -> Observation {
        Observation { at, showing: Showing::Good, status: Some(200), latency_ms: 12, reason: None }
    }

    /// A pipe that nobody reads takes no line, as a disk that hangs.
    #[test]
    fn a_part_waits_for_no_disk_and_loses_the_lines_for_which_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let at = Moment::from_millis(0);
        let path = folder.path().join(clock::local(at).format("%Y-%m-%d.log").to_string());
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let log = PartLog::new(&LogSettings { directory: Some(folder.path().to_owned()), keep: Duration::from_secs(86_400) });
        let (done, was_done) = channel();
        let part = std::thread::spawn(move || {
            for _ in 0..2 * WAITING {
                log.append("blue", &good(at));
            }
            done.send(()).unwrap();
            log
        });
        was_done.recv_timeout(Duration::from_secs(30)).expect("it does not wait for the disk");
        let log = part.join().unwrap();
        let unsaid = log.0.as_ref().unwrap().lost.unsaid.lock().unwrap().lines;
        // The thread has one more in its hands, or not yet; the first loss was said at once.
        assert!((WAITING as u64 - 2..WAITING as u64).contains(&unsaid), "{unsaid}");
        let pipe = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let written = BufReader::new(pipe).lines().take(WAITING).filter(|line| line.as_ref().unwrap().ends_with(" blue working 200 12ms"));
        assert_eq!(written.count(), WAITING, "what has waited is written");
    }

    #[test]
    fn a_directory_that_was_removed_is_made_anew_and_no_line_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("days");
        let lost = Arc::new(Lost { directory: directory.clone(), unsaid: Mutex::default() });
        let mut writer = Writer { keep: Duration::from_secs(86_400), log: None, lost };
        let entry = Entry { at: Moment::from_millis(0), words: "blue working 200 12ms".to_owned() };
        for _ in 0..2 {
            writer.write(&entry).unwrap();
            assert_eq!(names(&directory).len(), 1);
            fs::remove_dir_all(&directory).unwrap();
        }
        fs::write(&directory, "in the way").unwrap();
        assert!(writer.write(&entry).is_err());
    }

    #[test]
    fn what_is_lost_is_said_at_once_and_then_once_in_a_minute() {
        let mut unsaid = Unsaid::default();
        let at = Duration::from_secs;
        assert_eq!(unsaid.due(false, at(0)), None);
        assert_eq!(unsaid.due(true, at(1)), Some(1));
        assert_eq!([unsaid.due(true, at(2)), unsaid.due(true, at(60)), unsaid.due(false, at(60))], [None; 3]);
        assert_eq!(unsaid.due(true, at(61)), Some(3), "it lasts");
        assert_eq!(unsaid.due(true, at(62)), None);
        assert_eq!(unsaid.due(false, at(130)), Some(1), "it is over");
        assert_eq!(unsaid.due(false, at(200)), None);
    }

    #[test]
    fn a_probe_is_told_in_one_line() {
        let at = Moment::from_millis(0);
        let mut seen = good(at);
        assert_eq!(words("blue", &seen), "blue working 200 12ms");
        seen = Observation { showing: Showing::Bad, status: None, reason: Some("connection\nrefused".into()), ..seen };
        assert_eq!(words("green", &seen), "green not working - 12ms connection\nrefused");
        let told = line(at, &words("green", &seen));
        assert!(told.ends_with(" green not working - 12ms connection refused"), "{told}");
    }
}
