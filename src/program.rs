//! A program of somebody else's, run to its end and no longer than its limit: its words, no shell, and what it said last.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpriority_process, kill_process_group, setpriority_pgrp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::domain::plain::one_line;

/// The priority of whoever asks for none.
const USUAL: i32 = 0;
/// The end of what it says is kept, in bytes.
const TAIL: usize = 8 * 1024;
/// What it says is kept up to here where all of it is wanted, in bytes.
const MOST: usize = 1024 * 1024;
/// How many of its last lines stand in a message.
const LINES: usize = 8;
/// What it has said is read for so long after its end, where something that it has started still has its output open.
const REST: Duration = Duration::from_millis(200);

/// Why a program did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There are no words.
    #[error("it names no program")]
    Nothing,
    /// It could not be started.
    #[error("{0} cannot be started: {1}")]
    Unstarted(String, io::Error),
    /// It did not end in time, and was ended with all that it had started.
    #[error("{0} did not end within {1:?}{2}")]
    Late(String, Duration, Said),
    /// It ended badly: how.
    #[error("{0} {1}{2}")]
    Failed(String, String, Said),
}

/// The last lines of a program, both of its outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said(Vec<String>);

impl Said {
    fn of(tail: &[u8]) -> Self {
        let text = String::from_utf8_lossy(tail);
        let said = text.lines().rev().map(str::trim_end).filter(|line| !line.is_empty());
        let mut lines: Vec<String> = said.map(|line| one_line(line).into_owned()).take(LINES).collect();
        lines.reverse();
        Self(lines)
    }

    /// The lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, line)| write!(f, "{}{line}", if at == 0 { ": " } else { "\n  " }))
    }
}

/// Runs it, with these variables beside our own. What it said, where it ended with exit code 0.
///
/// # Errors
/// Where it could not be started, did not end within `limit`, or ended otherwise.
pub async fn run(words: &[String], environment: &[(&str, String)], limit: Duration) -> Result<Said, ProgramError> {
    let (name, arguments) = words.split_first().ok_or(ProgramError::Nothing)?;
    let mut command = Command::new(name);
    command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(&mut command).map_err(|error| ProgramError::Unstarted(name.clone(), error))?;
    let mut tail = Vec::new();
    let ended = timeout(limit, running.finish(&[], &mut tail)).await;
    let (shown, said) = (words.join(" "), Said::of(&tail));
    match ended {
        Ok(Ok(status)) if status.success() => Ok(said),
        Ok(Ok(status)) => Err(ProgramError::Failed(shown, how(status), said)),
        Ok(Err(error)) => Err(ProgramError::Unstarted(shown, error)),
        Err(_) => Err(ProgramError::Late(shown, limit, said)),
    }
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => format!("was ended by signal {}", status.signal().unwrap_or_default()),
    }
}

/// A program that runs, in a process group of its own. Dropped before its end, it is killed with all that it has started.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts it. Where we go before others it does not: it may be anything, and take long.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let running = command.process_group(0).kill_on_drop(true).spawn().map(Self)?;
        if getpriority_process(None).is_ok_and(|ours| ours < USUAL)
            && let Some(group) = running.group()
        {
            let _ = setpriority_pgrp(Some(group), USUAL);
        }
        Ok(running)
    }

    /// Its process group, until it was waited for: no other process can have that id before.
    fn group(&self) -> Option<Pid> {
        self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// How it ended. It hears `input`, where its standard input is ours; of what it says, where its outputs are ours, the end is kept in `tail`.
    /// What it leaves running behind keeps nobody waiting.
    ///
    /// # Errors
    /// Where the system does not tell how it ended.
    pub async fn finish(&mut self, input: &[u8], tail: &mut Vec<u8>) -> io::Result<ExitStatus> {
        let (stdin, out, err) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let talk = async {
            tokio::join!(feed(stdin, input), read(out, err, tail));
        };
        self.over(talk).await
    }

    /// The same, and all that it says is kept: on its standard output, and on the other one.
    ///
    /// # Errors
    /// As [`Running::finish`].
    pub async fn answer(&mut self, input: &[u8], said: &mut Vec<u8>, errors: &mut Vec<u8>) -> io::Result<ExitStatus> {
        let (stdin, out, err) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let talk = async {
            tokio::join!(feed(stdin, input), whole(out, said), whole(err, errors));
        };
        self.over(talk).await
    }

    /// How it ended, with what there is to be heard and said until then.
    async fn over(&mut self, talk: impl Future<Output = ()>) -> io::Result<ExitStatus> {
        tokio::pin!(talk);
        tokio::select! {
            ended = self.0.wait() => {
                // Over is over, whether or not all of it was read.
                let _ = timeout(REST, talk).await;
                ended
            }
            () = &mut talk => self.0.wait().await,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        // One that does not read all of it may be right all the same: how it ends says so.
        let _ = stdin.write_all(input).await;
    }
}

/// Keeps all that is said.
async fn whole(pipe: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    while said.len() < MOST && pipe.read_buf(said).await.is_ok_and(|length| length > 0) {}
}

/// Keeps the end of what is said, in the order in which it comes.
async fn read(out: Option<impl AsyncRead + Unpin>, err: Option<impl AsyncRead + Unpin>, tail: &mut Vec<u8>) {
    let (mut out, mut err) = (out, err);
    let (mut of_out, mut of_err) = ([0; 1_024], [0; 1_024]);
    while out.is_some() || err.is_some() {
        let (outlet, read) = tokio::select! {
            read = next(&mut out, &mut of_out) => (0, read),
            read = next(&mut err, &mut of_err) => (1, read),
        };
        match (outlet, read) {
            (0, 0) => out = None,
            (0, length) => tail.extend_from_slice(of_out.get(..length).unwrap_or_default()),
            (_, 0) => err = None,
            (_, length) => tail.extend_from_slice(of_err.get(..length).unwrap_or_default()),
        }
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
}

/// How much was read; 0 at its end. Never, where it has ended.
async fn next(pipe: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LIMIT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn a_good_end_gives_what_was_said_and_a_bad_one_says_how_and_the_last_lines() {
        let said = run(&shell("echo $WHO; echo two >&2"), &[("WHO", "green".to_owned())], LIMIT).await.unwrap();
        let mut lines = said.lines().to_vec();
        lines.sort();
        assert_eq!(lines, ["green", "two"]);
        let failed = run(&shell("for n in 1 2 3 4 5 6 7 8 9; do echo line $n; done; exit 3"), &[], LIMIT).await.unwrap_err().to_string();
        assert!(failed.contains("ended with exit code 3: line 2\n") && failed.ends_with("line 9"), "{failed}");
        let nowhere = run(&["/nowhere/x".to_owned()], &[], LIMIT).await.unwrap_err().to_string();
        assert!(nowhere.starts_with("/nowhere/x cannot be started"), "{nowhere}");
    }

    #[tokio::test]
    async fn at_its_limit_it_ends_with_all_that_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("echo working; sleep 600 & echo $! > {}; wait", pid.display());
        let late = run(&shell(&script), &[], Duration::from_millis(300)).await.unwrap_err();
        assert!(late.to_string().contains("did not end within 300ms: working"), "{late}");
        let child: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let deadline = clock::elapsed() + LIMIT;
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat"));
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(clock::elapsed() < deadline, "it still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn what_it_leaves_running_keeps_nobody_waiting() {
        run(&shell("sleep 8 & echo done"), &[], Duration::from_secs(4)).await.unwrap();
    }

    #[tokio::test]
    async fn it_does_not_go_before_others_where_we_do() {
        let mut command = Command::new("sh");
        command.args(["-c", "read word; nice"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Of this thread alone.
        rustix::process::setpriority_process(None, -5).expect("root may");
        let started = Running::start(&mut command);
        rustix::process::setpriority_process(None, 0).unwrap();
        let mut said = Vec::new();
        let ended = timeout(LIMIT, started.unwrap().finish(b"go\n", &mut said)).await.unwrap();
        assert!(ended.unwrap().success());
        assert_eq!(String::from_utf8(said).unwrap().trim(), "0");
    }

    #[tokio::test]
    async fn an_answer_is_whole_and_apart_from_what_is_said_besides_whatever_is_left_running() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 8 & read word; echo $word >&2; seq 1 9999"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running::start(&mut command).unwrap();
        let (mut said, mut errors) = (Vec::new(), Vec::new());
        let ended = timeout(Duration::from_secs(4), running.answer(b"heard\n", &mut said, &mut errors)).await.expect("it waits for nobody");
        assert!(ended.unwrap().success());
        let lines = String::from_utf8(said).unwrap();
        assert_eq!((lines.lines().count(), lines.lines().last(), errors.as_slice()), (9_999, Some("9999"), &b"heard\n"[..]));
    }
}
