//! One run of `allswell`, as an operator sees it.

use std::process::{Output, Stdio};

use tokio::process::Command;

use super::host::Host;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Everything on stdout.
    pub(crate) out: String,
    /// Everything on stderr.
    pub(crate) err: String,
}

impl Ran {
    /// The JSON document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// `allswell` with these words in the host's directory; nobody can be asked. Not started yet.
pub(crate) fn command(host: &Host, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
    command.args(words).current_dir(host.path("")).stdin(Stdio::null()).kill_on_drop(true);
    for name in ["ALLSWELL_CONFIG", "ALLSWELL_STATE"] {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end.
pub(crate) async fn allswell(host: &Host, words: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = command(host, words).output().await.expect("the executable starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("words");
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}
