//! A real terminal: tmux, with a server of its own that ends with the test.

use std::process::{Command, Output};
use std::time::Duration;

use super::host::Host;
use super::wait::within;

/// Prints what the pane shows; a line that went on in the next row is one line.
const SHOWN: [&str; 3] = ["capture-pane", "-p", "-J"];

/// One pane with a shell in it.
pub(crate) struct Tmux {
    socket: std::path::PathBuf,
    captures: std::path::PathBuf,
}

impl Tmux {
    /// So many columns and rows, with these variables.
    pub(crate) fn start(host: &Host, columns: u16, rows: u16, variables: &[(&str, &str)]) -> Self {
        let captures = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("captures");
        std::fs::create_dir_all(&captures).expect("a directory");
        let terminal = Self { socket: host.path(&format!("tmux-{columns}")), captures };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut words = vec!["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows];
        let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        variables.iter().for_each(|variable| words.extend(["-e", variable]));
        // A shell that has nothing of anybody's in it.
        words.extend(["env", "PS1=$ ", "ENV=", "LC_ALL=C.UTF-8", "sh"]);
        terminal.tmux(&words);
        terminal
    }

    /// Types a line.
    pub(crate) fn enter(&self, line: &str) {
        self.type_in(line);
        self.press("Enter");
    }

    /// Types it, and no more.
    pub(crate) fn type_in(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses a key, by tmux' name for it.
    pub(crate) fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Makes it wider, or narrower.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// What it shows; a line that went on in the next row is one line.
    pub(crate) fn shows(&self) -> String {
        self.tmux(&SHOWN).lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// What it shows, a row a line, with its colours as sequences.
    pub(crate) fn coloured(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// A fact about the pane: `alternate_on`, `cursor_flag`, `history_size`.
    pub(crate) fn fact(&self, name: &str) -> String {
        self.tmux(&["display-message", "-p", &format!("#{{{name}}}")]).trim().to_owned()
    }

    /// Waits until it shows this, and keeps what it shows then under `name`, for people to look at.
    pub(crate) async fn until(&self, name: &str, what: &str, shows: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        let found = within(Duration::from_secs(60), what, || {
            last = self.shows();
            let found = Some(last.clone()).filter(|text| shows(text));
            async move { found }
        });
        let text = found.await;
        if !name.is_empty() {
            std::fs::write(self.captures.join(format!("{name}.txt")), &text).expect("a file");
            std::fs::write(self.captures.join(format!("{name}.ansi")), self.coloured()).expect("a file");
        }
        text
    }

    fn tmux(&self, words: &[&str]) -> String {
        let answer = self.asked(words);
        assert!(answer.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&answer.stderr));
        String::from_utf8(answer.stdout).expect("words")
    }

    fn asked(&self, words: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        let answer = command.arg("-u").arg("-S").arg(&self.socket).args(words).env("TERM", "xterm-256color").output();
        answer.expect("tmux is installed: tests/all.sh does that")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // It may have ended by itself, and whoever panics twice takes the other stories along, whose processes live on.
            let shown = self.asked(&SHOWN);
            eprintln!("--- the terminal shows\n{}{}", String::from_utf8_lossy(&shown.stdout), String::from_utf8_lossy(&shown.stderr));
        }
        // Its server, by its own socket: nobody else's.
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}
