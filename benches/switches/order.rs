//! One switch, as an operator or a program orders it, and when each of its phases was heard of.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use allswell::release::{Remote, SwitchOrder};
use rustix::process::setpriority_process;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::crowd::Shared;
use super::raw::Raw;
use super::row::Shift;

/// The highest priority.
const FIRST: i32 = -20;

/// Who orders it.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// `allswell switch`, a process for each, in this folder.
    Command(PathBuf),
    /// A program that goes on: the order alone.
    Remote(Remote),
}

/// When a switch that has ended well reached what, from the start of the command on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) gated: Duration,
    pub(crate) shifted: Duration,
    pub(crate) done: Duration,
    /// In elapsed time.
    pub(crate) acknowledged_at: Duration,
}

/// A thread with a runtime, until it is dropped.
struct Thread {
    runs: Handle,
    _ends: oneshot::Sender<()>,
}

impl Thread {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (runs, (ends, ended)) = (runtime.handle().clone(), oneshot::channel());
        thread::spawn(move || runtime.block_on(ended));
        Self { runs, _ends: ends }
    }
}

/// Who orders, who hears what a command says, and who looks: each on a thread of its own. On those of the crowd they would wait for it, and that wait
/// is no proxy's. Who hears and who looks come before everybody else, where they may: they are the watches that stop.
pub(crate) struct Operator {
    by: By,
    orders: Thread,
    hears: Thread,
    looks: Thread,
}

impl Operator {
    pub(crate) fn new(by: By) -> Self {
        let [orders, hears, looks] = [Thread::new(), Thread::new(), Thread::new()];
        for watch in [&hears, &looks] {
            watch.runs.spawn(async { setpriority_process(None, FIRST) });
        }
        Self { by, orders, hears, looks }
    }

    /// Switches, beside a visitor of this address.
    pub(crate) async fn switch(&self, address: String, crowd: Arc<Shared>, to: Colour) -> Shift {
        let (opens, opened) = oneshot::channel();
        let (by, looks) = (self.by.clone(), self.looks.runs.spawn(look(address, to, opened)));
        crowd.marks.order(to);
        let heard = Heard { gated: Some(opens), crowd };
        let hears = self.hears.runs.clone();
        let switched = self.orders.runs.spawn(async move { switch(&by, to, heard, hears).await });
        let times = switched.await.unwrap();
        let Seen { first_at, usual } = looks.await.unwrap();
        Shift { times, first_after: first_at.as_secs_f64() - times.acknowledged_at.as_secs_f64(), usual }
    }
}

/// Who hears of a switch's phases as whoever ordered it does.
struct Heard {
    /// Who looks for the new colour begins then.
    gated: Option<oneshot::Sender<()>>,
    crowd: Arc<Shared>,
}

impl Heard {
    fn gated(&mut self) -> Duration {
        let now = clock::elapsed();
        let _ = self.gated.take().map(|looks| looks.send(()));
        now
    }

    /// It is said that new requests go to the colour.
    fn shifted(&self) -> Duration {
        self.crowd.marks.acknowledge();
        clock::elapsed()
    }
}

async fn switch(by: &By, to: Colour, heard: Heard, hears: Handle) -> Times {
    match by {
        By::Command(folder) => by_command(folder, to, heard, hears).await,
        By::Remote(remote) => by_remote(remote, to, heard).await,
    }
}

async fn by_remote(remote: &Remote, to: Colour, mut heard: Heard) -> Times {
    let order = SwitchOrder { to, force: None, wait: true, by: "bench".to_owned() };
    let began = clock::elapsed();
    let (mut gated, mut shifted) = (None, None);
    let end = remote.switch(&order, |event| match event.phase {
        Phase::Gated => gated = Some(heard.gated()),
        Phase::Shifted => shifted = Some(heard.shifted()),
        _ => {}
    });
    let end = end.await.unwrap();
    assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
    let (gated, shifted) = gated.zip(shifted).unwrap();
    Times { gated: gated - began, shifted: shifted - began, done: clock::elapsed() - began, acknowledged_at: shifted }
}

/// What a visitor has seen of a switch.
struct Seen {
    /// When the colour first answered, in elapsed time.
    first_at: Duration,
    /// How long answers took at other times, which is what the first may be held against.
    usual: [Duration; 3],
}

/// Asks without a pause from the open gate on until the colour answers. One who asks before keeps a processor busy for which the command waits, and
/// that wait is no command's.
async fn look(address: String, colour: Colour, opened: oneshot::Receiver<()>) -> Seen {
    let mut opened = Some(opened);
    loop {
        let Ok(mut client) = Raw::connect(&address).await else { continue };
        if let Some(opened) = opened.take() {
            opened.await.unwrap();
        }
        while let Ok(answer) = client.ask("GET", "/who", &[], &[]).await {
            if answer.text() == colour.as_str() {
                return Seen { first_at: clock::elapsed(), usual: usual(&mut client).await };
            }
        }
    }
}

/// While the switch drains and observes.
async fn usual(client: &mut Raw) -> [Duration; 3] {
    let mut took = [Duration::ZERO; 3];
    for took in &mut took {
        sleep(Duration::from_millis(10)).await;
        let asked = clock::elapsed();
        client.ask("GET", "/who", &[], &[]).await.unwrap();
        *took = clock::elapsed() - asked;
    }
    took
}

/// Runs `allswell switch COLOUR --yes`; `hears` is where it is listened to.
async fn by_command(folder: &Path, to: Colour, heard: Heard, hears: Handle) -> Times {
    let began = clock::elapsed();
    let mut command = Command::new(folder.join("bin/allswell"));
    command.args(["switch", to.as_str(), "--yes", "--config", "allswell.toml", "--state", "state"]).current_dir(folder);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (gated, shifted, mut said) = hears.spawn(hear(child.stdout.take().unwrap(), heard)).await.unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    assert!(status.success(), "switch to {to}: {status}\n{said}\n{}", log());
    let (gated, shifted) = gated.zip(shifted).unwrap_or_else(|| panic!("no phases: {said}"));
    Times { gated: gated - began, shifted: shifted - began, done: clock::elapsed() - began, acknowledged_at: shifted }
}

/// When a command has said that the gate is open, and that the colour is live; and all that it has said.
async fn hear(said: ChildStdout, mut heard: Heard) -> (Option<Duration>, Option<Duration>, String) {
    let mut lines = BufReader::new(tokio::process::ChildStdout::from_std(said).unwrap()).lines();
    let (mut gated, mut shifted, mut said) = (None, None, String::new());
    while let Some(line) = lines.next_line().await.unwrap() {
        match line.split_whitespace().nth(1) {
            Some("gated") => gated = Some(heard.gated()),
            Some("shifted") => shifted = Some(heard.shifted()),
            Some(_) | None => {}
        }
        said.push_str(&line);
        said.push('\n');
    }
    (gated, shifted, said)
}
