//! One process: started or found again, watched, stopped.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::command::Spec;
use super::output;
use super::record::{ProcessId, Record};
use crate::clock;
use crate::domain::moment::Moment;

/// How processes are started, and where that is written down.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// What is put before the command so that it runs in a session of its own: `allswell session --`.
    pub prefix: Vec<String>,
    /// The folder of records.
    pub records: PathBuf,
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to start.
    #[error("the command is empty")]
    Empty,
    /// Its log cannot be opened.
    #[error("its log {0} cannot be opened: {1}")]
    Log(PathBuf, io::Error),
    /// As the operating system says.
    #[error("it cannot be started: {0}")]
    Spawn(io::Error),
    /// It was started and stopped again: without a record, nobody would find it later.
    #[error("its record cannot be written: {0}")]
    Record(io::Error),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It is gone; only its parent could know how.
    Unknown,
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }
}

/// Follows a name: `blue-1 ended by signal 9`.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
            Self::Unknown => f.write_str("ended"),
        }
    }
}

/// A process that runs, as far as we know.
#[derive(Debug)]
pub struct Running {
    record: Record,
    /// None where another `up` started it: then we see that it is gone, and not how.
    child: Option<Child>,
    group: Option<Pid>,
}

impl Running {
    /// Starts a process in a session of its own, its output to its log, and writes its record.
    ///
    /// # Errors
    /// Says what could not be done.
    pub fn start(spec: &Spec, launcher: &Launcher) -> Result<Self, StartError> {
        let mut words = launcher.prefix.iter().chain(&spec.argv);
        let program = words.next().filter(|_| !spec.argv.is_empty()).ok_or(StartError::Empty)?;
        let log = output::open(&spec.log).map_err(|error| StartError::Log(spec.log.clone(), error))?;
        let errors = log.try_clone().map_err(|error| StartError::Log(spec.log.clone(), error))?;
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null()).stdout(log).stderr(errors);
        command.envs(spec.environment.iter().chain(&spec.secrets).map(|(name, value)| (name, value)));
        let mut child = command.spawn().map_err(StartError::Spawn)?;
        // Not waited for yet, so its entry is there even if it has ended; then its start time does not matter.
        let process = ProcessId::of(child.id()).unwrap_or(ProcessId { pid: child.id(), started: 0, boot: String::new() });
        let record = Record::new(spec, process, clock::now());
        if let Err(error) = record.write(&launcher.records) {
            // Nothing else to do about a child that may have ended already.
            let _ = child.kill();
            let _ = child.wait();
            return Err(StartError::Record(error));
        }
        let group = Some(Pid::from_child(&child));
        Ok(Self { record, child: Some(child), group })
    }

    /// Takes over what another `up` has started, where it still runs.
    #[must_use]
    pub fn adopt(record: Record) -> Option<Self> {
        let group = i32::try_from(record.process.pid).ok().and_then(Pid::from_raw);
        record.process.is_alive().then_some(Self { record, child: None, group })
    }

    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.record.process.pid
    }

    /// When it was started.
    #[must_use]
    pub fn since(&self) -> Moment {
        self.record.since
    }

    /// How it ended, once it has. What it has left behind in its process group is ended with it: that would hold its port.
    pub fn ended(&mut self) -> Option<Ending> {
        let ending = match &mut self.child {
            Some(child) => child.try_wait().map_or(Some(Ending::Unknown), |status| status.map(Ending::from)),
            None if self.record.process.is_alive() => None,
            None => Some(Ending::Unknown),
        };
        if ending.is_some() {
            self.signal_group(Signal::KILL);
        }
        ending
    }

    /// Asks it and its process group to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it and its process group.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends a signal to the process alone, and to none that it has started.
    pub fn tell(&self, signal: Signal) {
        // It may have ended: nothing to signal.
        let _ = self.group.map(|pid| kill_process(pid, signal));
    }

    /// In its first milliseconds a process is not yet the leader of a group: then it is asked alone.
    fn signal(&self, signal: Signal) {
        if !self.signal_group(signal) {
            // It has ended: nothing to signal.
            let _ = self.group.map(|pid| kill_process(pid, signal));
        }
    }

    fn signal_group(&self, signal: Signal) -> bool {
        self.group.is_some_and(|group| kill_process_group(group, signal).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn launcher(&self) -> Launcher {
            Launcher { prefix: vec!["setsid".into()], records: self.0.path().to_owned() }
        }

        fn spec(&self, script: &str) -> Spec {
            Spec {
                name: "blue-1".into(),
                argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
                environment: vec![("PORT".into(), "3001".into())],
                secrets: vec![("KEY".into(), "secret".into())],
                log: self.0.path().join("blue-1.log"),
            }
        }
    }

    async fn end(running: &mut Running) -> Ending {
        let waiting = async {
            loop {
                if let Some(ending) = running.ended() {
                    return ending;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap()
    }

    async fn says(folder: &Folder, word: &str) {
        let waiting = async {
            while !output::last_lines(&folder.spec("").log, 9).iter().any(|line| line == word) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
    }

    #[tokio::test]
    async fn a_process_gets_its_environment_and_its_output_goes_to_its_log() {
        let folder = Folder::new();
        let mut running = Running::start(&folder.spec("echo $PORT $KEY; echo bad >&2; exit 3"), &folder.launcher()).unwrap();
        assert_eq!(end(&mut running).await, Ending::Code(3));
        assert_eq!(output::last_lines(&folder.spec("").log, 3), ["3001 secret", "bad"]);
    }

    #[tokio::test]
    async fn a_process_is_stopped_with_all_that_it_started() {
        let folder = Folder::new();
        let mut running = Running::start(&folder.spec("sleep 1000 & echo $!; trap '' TERM; echo ready; wait"), &folder.launcher()).unwrap();
        says(&folder, "ready").await;
        let grandchild: u32 = output::last_lines(&folder.spec("").log, 2)[0].parse().unwrap();
        let grandchild = ProcessId::of(grandchild).unwrap();
        running.kill();
        assert_eq!(end(&mut running).await, Ending::Signal(9));
        let gone = async {
            while grandchild.is_alive() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    }

    #[tokio::test]
    async fn what_still_runs_is_found_again_by_its_record() {
        let folder = Folder::new();
        let mut first = Running::start(&folder.spec("echo ready; exec sleep 1000"), &folder.launcher()).unwrap();
        says(&folder, "ready").await;
        let [record] = &Record::all(folder.0.path())[..] else { panic!("one record") };
        let mut found = Running::adopt(record.clone()).unwrap();
        assert_eq!((found.pid(), found.ended()), (first.pid(), None));
        found.terminate();
        assert_eq!(end(&mut first).await, Ending::Signal(15));
        assert_eq!(found.ended(), Some(Ending::Unknown));
        assert!(Running::adopt(record.clone()).is_none());
    }

    #[test]
    fn an_empty_command_is_refused() {
        let folder = Folder::new();
        let spec = Spec { argv: Vec::new(), ..folder.spec("") };
        assert!(matches!(Running::start(&spec, &folder.launcher()), Err(StartError::Empty)));
    }
}
