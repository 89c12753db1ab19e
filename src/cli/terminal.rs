//! A terminal that is drawn on again and again: its size, its keys, and that it is left as it was found.

use std::io::{self, IsTerminal, Read, Write};

use rustix::process::{Signal as Number, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::screen::{Paint, shown};

/// Another screen, no cursor, no line that goes on in the next row; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l";
const LEAVE: &str = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
/// To the first place; to the end of a row; to the end of the screen.
const HOME: &str = "\u{1b}[H";
const REST_OF_ROW: &str = "\u{1b}[K";
const REST_OF_SCREEN: &str = "\u{1b}[J";

/// Where nobody says how wide it is: a pipe.
const USUAL: (usize, usize) = (80, 24);

/// Columns and rows of the terminal that stdout is.
#[must_use]
pub fn size() -> (usize, usize) {
    let found = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    found.map_or(USUAL, |size| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

/// How long a line may be where a person reads it; what is piped is never broken.
#[must_use]
pub fn room() -> usize {
    if io::stdout().is_terminal() { size().0 } else { usize::MAX }
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Somebody wants it to end: q, Ctrl-C, SIGTERM, or the terminal is gone.
    End,
    /// It has another size, or was away: all is to be drawn anew.
    Redraw,
}

/// A screen of our own for as long as this lives.
#[derive(Debug)]
pub struct Canvas {
    before: Option<Termios>,
    keys: Option<UnboundedReceiver<u8>>,
    ends: [Signal; 3],
    resized: Signal,
    suspended: Signal,
}

impl Canvas {
    /// Takes the terminal. None where stdout is none.
    ///
    /// # Errors
    /// Where the handlers of signals cannot be installed.
    pub fn take() -> io::Result<Option<Self>> {
        if !io::stdout().is_terminal() {
            return Ok(None);
        }
        let ends = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let (resized, suspended) = (signal(SignalKind::window_change())?, signal(SignalKind::from_raw(Number::TSTP.as_raw()))?);
        let before = io::stdin().is_terminal().then(|| tcgetattr(io::stdin()).ok()).flatten();
        let canvas = Self { keys: before.is_some().then(keys), before, ends, resized, suspended };
        canvas.enter();
        Ok(Some(canvas))
    }

    /// Until something happens.
    pub async fn happening(&mut self) -> Happening {
        let [interrupt, terminate, hang_up] = &mut self.ends;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Happening::End,
                _ = terminate.recv() => return Happening::End,
                _ = hang_up.recv() => return Happening::End,
                _ = self.resized.recv() => return Happening::Redraw,
                _ = self.suspended.recv() => break,
                key = typed(&mut self.keys) => match key {
                    Some(b'q' | b'Q') => return Happening::End,
                    Some(_) => {}
                    // Nobody types any more: signals are left.
                    None => self.keys = None,
                }
            }
        }
        self.leave();
        // Ctrl-Z: gone until the shell brings us back.
        let _ = kill_process(getpid(), Number::STOP);
        self.enter();
        Happening::Redraw
    }

    /// Draws these lines from the top, and `last` in the lowest row; what does not fit is counted in the row above that.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn draw(&self, lines: &[String], last: &str, paint: Paint) -> io::Result<()> {
        let (_, rows) = size();
        let mut frame = HOME.to_owned();
        for line in rowed(lines, rows.saturating_sub(1)) {
            frame.push_str(&format!("{}{REST_OF_ROW}\r\n", shown(&line, paint)));
        }
        frame.push_str(&format!("{REST_OF_SCREEN}\u{1b}[{rows};1H{}{REST_OF_ROW}", shown(last, paint)));
        let mut out = io::stdout().lock();
        out.write_all(frame.as_bytes())?;
        out.flush()
    }

    fn enter(&self) {
        if let Some(mut own) = self.before.clone() {
            own.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            own.special_codes[SpecialCodeIndex::VMIN] = 1;
            own.special_codes[SpecialCodeIndex::VTIME] = 0;
            // Where that is refused, keys wait for Enter.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &own);
        }
        say(ENTER);
    }

    fn leave(&self) {
        say(LEAVE);
        if let Some(before) = &self.before {
            // What was typed meanwhile was for us.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        self.leave();
    }
}

fn say(sequence: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(sequence.as_bytes()).and_then(|()| out.flush());
}

/// As many lines as there are rows.
fn rowed(lines: &[String], rows: usize) -> Vec<String> {
    if lines.len() <= rows {
        return lines.to_vec();
    }
    let kept = rows.saturating_sub(1);
    let mut rowed = lines[..kept].to_vec();
    rowed.push(format!("  … {} more lines: the terminal is too low for them", lines.len() - kept));
    rowed
}

/// What is typed. The thread that reads it ends with the process.
fn keys() -> UnboundedReceiver<u8> {
    let (key, keys) = unbounded_channel();
    std::thread::spawn(move || {
        for byte in io::stdin().lock().bytes() {
            let Ok(byte) = byte else { return };
            if key.send(byte).is_err() {
                return;
            }
        }
    });
    keys
}

/// The next key; never, where nobody can type.
async fn typed(keys: &mut Option<UnboundedReceiver<u8>>) -> Option<u8> {
    match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_what_fits_is_all_there() {
        let lines: Vec<String> = (0..5).map(|number| number.to_string()).collect();
        assert_eq!(rowed(&lines, 5), lines);
        let low = rowed(&lines, 3);
        assert_eq!(low[..2], lines[..2]);
        assert!(low.len() == 3 && low[2].contains("3 more lines"), "{low:?}");
    }
}
