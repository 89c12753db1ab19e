//! A command of the user's own: the notice as JSON on its standard input and, in short, in its environment. Its exit code is the answer.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::timeout;

use super::further::{Further, Sending};
use super::message::{Message, cut};
use super::receipt::{ChannelError, Receipt, SendError};
use super::webhook::payload;
use crate::domain::notice::Notice;
use crate::domain::plain::{bare, one_line};

/// EX_TEMPFAIL of sysexits.h, as sendmail and procmail use it: try again later.
const TRY_AGAIN: i32 = 75;
/// The end of what it says is kept, in bytes, and of its last line so many characters.
const TAIL: usize = 4_096;
const LINE: usize = 200;
/// What it has said is read for so long after its end, where something that it has started still has its output open.
const REST: Duration = Duration::from_millis(200);

/// A program and its arguments.
pub(super) struct Command {
    words: Vec<String>,
}

impl Command {
    pub(super) fn new(channel: &str, words: &[String]) -> Result<Self, ChannelError> {
        if words.is_empty() {
            return Err(ChannelError::Setting(channel.to_owned(), "its command has no words: which program is to be run?".to_owned()));
        }
        Ok(Self { words: words.to_vec() })
    }

    /// A process group of its own: at the end of the time, all that it has started ends with it.
    fn spawn(&self, notice: &Notice) -> io::Result<Running> {
        let (program, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).envs(environment(notice)).process_group(0).kill_on_drop(true);
        Ok(Running(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?))
    }
}

impl Further for Command {
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let mut running = self.spawn(notice).map_err(|error| unstarted(&error))?;
            let (status, said) = running.finish(payload(notice).to_string()).await.map_err(|error| SendError::retry(error.to_string()))?;
            judge(status, &said)
        })
    }
}

/// A program that runs. Dropped before its end, which is what the channel's timeout does, it is killed with its process group.
struct Running(Child);

impl Running {
    /// How it ended, and the last line that it said. What it leaves running behind keeps nobody waiting.
    async fn finish(&mut self, input: String) -> io::Result<(ExitStatus, String)> {
        let (stdin, stderr) = (self.0.stdin.take(), self.0.stderr.take());
        let mut tail = Vec::new();
        let ended = {
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // One that does not read all of it may be right all the same: its exit code says so.
                    let _ = stdin.write_all(input.as_bytes()).await;
                }
            };
            let talk = async { tokio::join!(feed, read(stderr, &mut tail)) };
            tokio::pin!(talk);
            let ended = tokio::select! {
                ended = self.0.wait() => Some(ended),
                _ = &mut talk => None,
            };
            match ended {
                Some(ended) => {
                    let _ = timeout(REST, talk).await;
                    ended
                }
                None => self.0.wait().await,
            }
        };
        let said = String::from_utf8_lossy(&tail);
        let last = said.lines().rev().map(|line| bare(line, usize::MAX)).find(|line| !line.is_empty()).unwrap_or_default();
        Ok((ended?, cut(&last, LINE)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has an id only until it was waited for: no other process can have it yet.
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Keeps the end of what is said.
async fn read(stderr: Option<impl AsyncRead + Unpin>, tail: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut chunk = [0; 1_024];
    while let Ok(length) = stderr.read(&mut chunk).await {
        if length == 0 {
            break;
        }
        tail.extend_from_slice(&chunk[..length]);
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
}

fn judge(status: ExitStatus, said: &str) -> Result<Receipt, SendError> {
    let why = |how: String| if said.is_empty() { how } else { format!("{how}: {said}") };
    match status.code() {
        Some(0) => Ok(Receipt("exit code 0".to_owned())),
        Some(TRY_AGAIN) => Err(SendError::retry(why("exit code 75".to_owned()))),
        Some(code) => Err(SendError::permanent(why(format!("exit code {code}")))),
        None => Err(SendError::retry(why(format!("ended by signal {}", status.signal().unwrap_or_default())))),
    }
}

/// One that is not there, or may not be run, is so at the next attempt too; want of processes or memory passes.
fn unstarted(error: &io::Error) -> SendError {
    let why = format!("cannot be started: {error}");
    let is_permanent = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
    if is_permanent { SendError::permanent(why) } else { SendError::retry(why) }
}

/// What a short script needs. Without control characters: one of them could not stand here, and others move a terminal's cursor.
fn environment(notice: &Notice) -> Vec<(&'static str, String)> {
    let (subject, message) = (&notice.subject, Message::of(notice));
    let word = |colour: Option<_>| colour.map(|colour: crate::domain::colour::Colour| colour.to_string()).unwrap_or_default();
    vec![
        ("ALLSWELL_KEY", one_line(&notice.key).into_owned()),
        ("ALLSWELL_TYPE", notice.kind.to_string()),
        ("ALLSWELL_INCIDENT", one_line(&subject.incident).into_owned()),
        ("ALLSWELL_APP", one_line(&subject.app).into_owned()),
        ("ALLSWELL_CHECK", one_line(&subject.check).into_owned()),
        ("ALLSWELL_STATUS", subject.status.to_string()),
        ("ALLSWELL_SEVERITY", subject.severity.to_string()),
        ("ALLSWELL_COLOUR", word(subject.colour)),
        ("ALLSWELL_LIVE", word(subject.live)),
        ("ALLSWELL_HEADLINE", message.headline),
        ("ALLSWELL_REASON", message.reason),
        ("ALLSWELL_URL", one_line(message.url.as_deref().unwrap_or_default()).into_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    #[test]
    fn the_environment_has_the_notice_in_short_and_no_control_characters() {
        let mut about = notice();
        about.subject.app = "sh\0op".into();
        about.reason = "a\0b\u{1b}[2Jc".into();
        let given = environment(&about);
        let value = |name: &str| given.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        for (name, expected) in [
            ("ALLSWELL_KEY", "blue-1795410000000/check.down/ops"),
            ("ALLSWELL_TYPE", "check.down"),
            ("ALLSWELL_INCIDENT", "blue-1795410000000"),
            ("ALLSWELL_APP", "sh␀op"),
            ("ALLSWELL_CHECK", "blue"),
            ("ALLSWELL_STATUS", "down"),
            ("ALLSWELL_SEVERITY", "critical"),
            ("ALLSWELL_COLOUR", "blue"),
            ("ALLSWELL_LIVE", "blue"),
            ("ALLSWELL_HEADLINE", "sh␀op: blue (live) is not working"),
            ("ALLSWELL_REASON", "a␀b␛[2Jc"),
            ("ALLSWELL_URL", "http://127.0.0.1:7700/"),
        ] {
            assert_eq!(value(name), expected, "{name}");
        }
        assert_eq!(given.len(), 12);
    }

    #[test]
    fn the_exit_code_is_the_answer() {
        let judged = |code: i32, said: &str| judge(ExitStatus::from_raw(code << 8), said);
        assert_eq!(judged(0, "said"), Ok(Receipt("exit code 0".into())));
        assert_eq!(judged(75, "later"), Err(SendError::retry("exit code 75: later")));
        assert_eq!(judged(1, ""), Err(SendError::permanent("exit code 1")));
        assert_eq!(judge(ExitStatus::from_raw(9), ""), Err(SendError::retry("ended by signal 9")));
    }
}
