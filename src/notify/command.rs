//! A command of the user's own: the notice as JSON on its standard input and, in short, in its environment. Its exit code is the answer.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use super::further::{Further, Sending};
use super::message::{Message, cut};
use super::receipt::{ChannelError, Receipt, SendError};
use super::webhook::payload;
use crate::domain::notice::Notice;
use crate::domain::plain::{bare, one_line};
use crate::program::Running;

/// EX_TEMPFAIL of sysexits.h, as sendmail and procmail use it: try again later.
const TRY_AGAIN: i32 = 75;
/// Of the last line that it says so many characters are told.
const LINE: usize = 200;

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

    /// Dropped before its end, which is what the channel's timeout does, it is killed with all that it has started.
    fn start(&self, notice: &Notice) -> io::Result<Running> {
        let (program, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).envs(environment(notice)).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        Running::start(&mut command)
    }
}

impl Further for Command {
    fn send<'a>(&'a self, notice: &'a Notice) -> Sending<'a> {
        Box::pin(async move {
            let mut running = self.start(notice).map_err(|error| unstarted(&error))?;
            let (input, mut tail) = (payload(notice).to_string(), Vec::new());
            let status = running.finish(input.as_bytes(), &mut tail).await.map_err(|error| SendError::retry(error.to_string()))?;
            judge(status, &last_line(&tail))
        })
    }
}

fn last_line(tail: &[u8]) -> String {
    let said = String::from_utf8_lossy(tail);
    let last = said.lines().rev().map(|line| bare(line, usize::MAX)).find(|line| !line.is_empty()).unwrap_or_default();
    cut(&last, LINE)
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
