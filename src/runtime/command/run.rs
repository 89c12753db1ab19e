//! Runs one of the user's commands: in a process group of its own, line by line, no longer than its limit.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::call::Call;

/// From the request to end until the end without one.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// How often is looked whether a process group is gone.
const LOOK: Duration = Duration::from_millis(20);
/// What a command has said is read for so long after its end, where something that it has started still has its output open.
const REST: Duration = Duration::from_millis(200);
/// A longer line is told in pieces, in bytes.
const LONGEST: usize = 4 * 1024;

/// Where a line was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlet {
    /// What the command is for.
    Output,
    /// What it says besides.
    Errors,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself.
    Ended(ExitStatus),
    /// By us, at its limit.
    Late,
}

/// A command that runs. Whoever stops waiting for it leaves it here, to be ended before the next one is run; dropped, it is ended at once.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    group: Option<Pid>,
    lines: Receiver<(Outlet, String)>,
    _readers: JoinSet<()>,
}

/// Runs it to its end, and tells each line; `started` is called when it runs.
///
/// # Errors
/// Where it cannot be started; then `slot` is empty.
pub(super) async fn run(
    slot: &mut Option<Running>,
    call: &Call,
    started: impl FnOnce(),
    mut each: impl FnMut(Outlet, &str),
) -> io::Result<Ending> {
    let running = slot.insert(Running::start(call)?);
    started();
    let ended = match call.limit {
        Some(limit) => timeout(limit, running.follow(&mut each)).await.ok(),
        None => Some(running.follow(&mut each).await),
    };
    let ending = match ended {
        Some(ended) => Ending::Ended(ended?),
        None => {
            running.end(&mut each).await;
            Ending::Late
        }
    };
    *slot = None;
    Ok(ending)
}

impl Running {
    fn start(call: &Call) -> io::Result<Self> {
        let mut command = Command::new(call.program());
        command.args(call.words.iter().skip(1));
        for (name, value) in &call.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // A group of its own: Ctrl-C is for us to answer, and at the limit whatever it has started ends with it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let (sender, lines) = channel(64);
        let mut readers = JoinSet::new();
        if let Some(output) = child.stdout.take() {
            readers.spawn(read(output, Outlet::Output, sender.clone()));
        }
        if let Some(errors) = child.stderr.take() {
            readers.spawn(read(errors, Outlet::Errors, sender));
        }
        Ok(Self { child, group, lines, _readers: readers })
    }

    /// Until it has ended. What it leaves running behind keeps nobody waiting.
    async fn follow(&mut self, each: &mut impl FnMut(Outlet, &str)) -> io::Result<ExitStatus> {
        let Self { child, lines, .. } = self;
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                Some((outlet, line)) = lines.recv() => each(outlet, &line),
            }
        };
        // Over is over, whether or not all of it was read.
        let _ = timeout(REST, tell_all(lines, each)).await;
        ended
    }

    /// Asks it and all that it has started to end, and ends what has not after a while.
    pub(super) async fn end(&mut self, each: &mut impl FnMut(Outlet, &str)) {
        let Self { child, group, lines, .. } = self;
        let Some(group) = *group else { return };
        signal(group, Signal::TERM);
        // One that was stopped, say for asking a terminal, hears nothing else.
        signal(group, Signal::CONT);
        let ending = async {
            let _ = timeout(GRACE, gone(child, group)).await;
            signal(group, Signal::KILL);
            let _ = timeout(GRACE, child.wait()).await;
        };
        tokio::pin!(ending);
        loop {
            tokio::select! {
                () = &mut ending => break,
                Some((outlet, line)) = lines.recv() => each(outlet, &line),
            }
        }
        let _ = timeout(REST, tell_all(lines, each)).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let still_runs = matches!(self.child.try_wait(), Ok(None));
        if let Some(group) = self.group.filter(|_| still_runs) {
            signal(group, Signal::KILL);
        }
    }
}

/// Until the command and all in its group have ended.
async fn gone(child: &mut Child, group: Pid) {
    // Waited for, so that it does not stay in its group as a dead one.
    let _ = child.wait().await;
    while test_kill_process_group(group).is_ok() {
        sleep(LOOK).await;
    }
}

fn signal(group: Pid, signal: Signal) {
    // It may have ended: nothing to signal.
    let _ = kill_process_group(group, signal);
}

async fn tell_all(lines: &mut Receiver<(Outlet, String)>, each: &mut impl FnMut(Outlet, &str)) {
    while let Some((outlet, line)) = lines.recv().await {
        each(outlet, &line);
    }
}

/// Reads until the end, or until nobody listens any more.
async fn read(pipe: impl AsyncRead + Unpin, outlet: Outlet, sender: Sender<(Outlet, String)>) {
    let mut reader = BufReader::with_capacity(LONGEST, pipe);
    let mut line = Vec::new();
    loop {
        let piece = match reader.fill_buf().await {
            Ok([]) | Err(_) => break,
            Ok(piece) => piece,
        };
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(piece.len(), |end| end + 1);
        line.extend_from_slice(piece.get(..end.unwrap_or(taken)).unwrap_or_default());
        reader.consume(taken);
        if end.is_none() && line.len() < LONGEST {
            continue;
        }
        if sender.send((outlet, text(&std::mem::take(&mut line)))).await.is_err() {
            return;
        }
    }
    if !line.is_empty() {
        // Nobody listens any more: then nobody misses it.
        let _ = sender.send((outlet, text(&line))).await;
    }
}

/// A line without its end; of one that was drawn over by carriage returns, what stands there last.
fn text(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\r');
    text.rsplit('\r').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
