//! What is written down about a process, so that whoever comes next finds it again and mistakes no other for it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::command::Spec;
use crate::domain::moment::Moment;
use crate::files;

/// Which process: a process id alone is given to another in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: u32,
    /// When the kernel started it, in ticks since the machine did.
    pub started: u64,
    /// Which start of the machine.
    pub boot: String,
}

impl ProcessId {
    /// Of a process that runs now.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: start_ticks(pid)?, boot: boot() })
    }

    /// Whether exactly this process runs. One that has ended and was not waited for does not.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.is_of_this_boot() && start_ticks(self.pid) == Some(self.started)
    }

    /// Whether it was started since the machine was.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }
}

fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Field 22 of `/proc/PID/stat`; none where there is no such process, or only what is left of it.
fn start_ticks(pid: u32) -> Option<u64> {
    read_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The command's name stands in brackets and may have brackets and blanks of its own, so fields are counted from the last bracket.
fn read_stat(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") { None } else { fields.nth(18)?.parse().ok() }
}

/// `STATE/processes/NAME.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name of what runs.
    pub name: String,
    /// Which process it is.
    #[serde(flatten)]
    pub process: ProcessId,
    /// When it was started.
    pub since: Moment,
    /// Its command.
    pub argv: Vec<String>,
    /// What was added to its environment, without secrets.
    pub environment: Vec<(String, String)>,
}

impl Record {
    /// Of a process just started.
    #[must_use]
    pub fn new(spec: &Spec, process: ProcessId, since: Moment) -> Self {
        Self { name: spec.name.clone(), process, since, argv: spec.argv.clone(), environment: spec.environment.clone() }
    }

    /// Whether what runs is what is wanted.
    #[must_use]
    pub fn is_of(&self, spec: &Spec) -> bool {
        self.argv == spec.argv && self.environment == spec.environment
    }

    /// Writes it into the folder of records.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        files::replace(&path(folder, &self.name), &serde_json::to_vec_pretty(self)?)
    }

    /// Takes it out of the folder of records.
    pub fn remove(folder: &Path, name: &str) {
        // One that cannot be removed is of a process that has ended, and says so by its start time.
        let _ = std::fs::remove_file(path(folder, name));
    }

    /// Every record in the folder; what cannot be read is none.
    #[must_use]
    pub fn all(folder: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        let records = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        records.filter_map(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok()).collect()
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(argv: &[&str]) -> Spec {
        Spec {
            name: "blue-1".into(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            environment: vec![("PORT".into(), "1".into())],
            secrets: vec![("KEY".into(), "hunter2".into())],
            log: PathBuf::new(),
        }
    }

    #[test]
    fn the_start_time_is_found_behind_any_command_name() {
        let rest = "S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 1";
        for name in ["server", "a) b (c", ") Z 1"] {
            assert_eq!(read_stat(&format!("7 ({name}) {rest}")), Some(4711), "{name}");
        }
        assert_eq!(read_stat(&format!("7 (server) {}", rest.replacen('S', "Z", 1))), None);
        assert_eq!(read_stat(""), None);
    }

    #[test]
    fn a_process_id_that_was_given_to_another_is_not_the_same_process() {
        let own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { started: own.started + 1, ..own.clone() }.is_alive());
        assert!(!ProcessId { boot: "another".into(), ..own }.is_alive());
    }

    #[test]
    fn a_record_is_read_back_and_has_no_secret_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(&["server", "--port", "1"]);
        let record = Record::new(&spec, ProcessId::of(std::process::id()).unwrap(), Moment::from_millis(5));
        record.write(folder.path()).unwrap();
        assert_eq!(Record::all(folder.path()), std::slice::from_ref(&record));
        assert!(!std::fs::read_to_string(folder.path().join("blue-1.json")).unwrap().contains("hunter2"));
        Record::remove(folder.path(), "blue-1");
        assert_eq!(Record::all(folder.path()), []);
    }

    #[test]
    fn another_command_or_environment_is_another_process() {
        let record = Record::new(&spec(&["server"]), ProcessId::of(std::process::id()).unwrap(), Moment::default());
        assert!(record.is_of(&spec(&["server"])));
        assert!(!record.is_of(&spec(&["server", "-v"])));
        let mut other = spec(&["server"]);
        other.environment.push(("ALLSWELL_VERSION".into(), "2".into()));
        assert!(!record.is_of(&other));
    }
}
