//! Stories about: a prober or a proxy that is killed at a phase of a switch, or stopped there for longer than its lease.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use allswell::domain::colour::Colour::{self, Blue, Green};
use allswell::domain::switch::Phase;
use allswell::files;
use allswell::release::{Remote, SwitchEnd, SwitchOrder};
use futures_util::future::join_all;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::harness::{Cluster, Host, Process, Visitors, eventually};

/// Its limits are wide: fifteen clusters may begin at once, and who is slow is not what these stories are about.
const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"9s\"\ntimeout = \"10s\"\nfall = 2\n";
const SWITCH: &str = "passes = 2\nwithin = \"20s\"\ndrain = \"1s\"\nobserve = \"300ms\"";
/// A switch that waits here stands at this phase.
const MOMENTS: [(&str, Phase); 5] = [
    ("before gate", Phase::Intended),
    ("before shift", Phase::Gated),
    ("before verify", Phase::Shifted),
    ("before drain", Phase::Verified),
    ("before observe", Phase::Drained),
];

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    Prober,
    Proxy,
    Both,
}

/// A cluster whose switches stop at a moment until they are let go.
struct Held {
    cluster: Cluster,
    at: PathBuf,
    /// A pipe that who waits there reads a line of.
    go: File,
}

impl Held {
    async fn at(moment: &str) -> Self {
        let host = Host::new();
        let (at, path) = (host.path("at"), host.path("go"));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // Open to be read as well, nobody who opens it waits.
        let go = File::options().read(true).write(true).open(&path).unwrap();
        let script = format!("touch {}; read -r line < {}", at.display(), path.display());
        let hook = format!("[[switch.hook]]\nat = \"{moment}\"\ncommand = \"sh -c '{script}'\"\ntimeout = \"2m\"\n");
        Self { cluster: Cluster::on(host, &[7700], SWITCH, &format!("{PROBE}{hook}")).await, at, go }
    }

    async fn is_there(&self) {
        eventually("the switch stands at the moment", || async { self.at.exists().then_some(()) }).await;
    }

    /// Whoever waits there by now, and whoever will: a switch that is taken up again runs its hook anew.
    fn let_go(&self) {
        (&self.go).write_all(&[b'\n'; 16]).unwrap();
    }
}

async fn killed_at((moment, phase): (&str, Phase), killed: Killed) {
    let mut held = Held::at(moment).await;
    let visitors = Visitors::to(&held.cluster.host.at(8000), 2);
    let _switch = held.cluster.switch(Green, None);
    held.is_there().await;
    assert_eq!(held.cluster.last().await.phase, phase);
    if killed != Killed::Proxy {
        held.cluster.kill_prober().await;
    }
    if killed != Killed::Prober {
        held.cluster.kill_proxy().await;
        held.cluster.start_proxy();
        visitors.are_served_again().await;
    }
    held.let_go();
    if killed != Killed::Proxy {
        held.cluster.start_prober();
    }
    let is_before_the_shift = matches!(phase, Phase::Intended | Phase::Gated);
    let wanted = if is_before_the_shift && killed != Killed::Proxy { (Phase::Interrupted, Blue) } else { (Phase::Done, Green) };
    let entry = held.cluster.ended().await;
    let state = held.cluster.state().await;
    assert_eq!((entry.phase, state.live), (wanted.0, Some(wanted.1)), "{killed:?} {moment}: {:?}", entry.reason);
    assert_eq!(state.lease, None);
    visitors.are_served_by(wanted.1).await;
    assert_eq!(visitors.end().await.error_pages, [""; 0], "{killed:?} {moment}");
}

async fn killed_everywhere(killed: Killed) {
    join_all(MOMENTS.map(|moment| killed_at(moment, killed))).await;
}

#[tokio::test]
async fn a_prober_that_is_killed_at_any_phase_leaves_one_colour_live_and_finishes_or_ends_the_switch() {
    killed_everywhere(Killed::Prober).await;
}

#[tokio::test]
async fn a_proxy_that_is_killed_at_any_phase_comes_back_with_the_colour_that_it_had() {
    killed_everywhere(Killed::Proxy).await;
}

#[tokio::test]
async fn both_killed_at_any_phase_agree_when_they_are_back() {
    killed_everywhere(Killed::Both).await;
}

/// Whoever follows a switch here is patient.
fn remote(host: &Host, port: u16) -> Remote {
    let token = files::token(&host.path("state/prober.token")).unwrap();
    Remote::new(&host.at(port), token, Duration::from_secs(120))
}

async fn switch(remote: Remote, to: Colour, by: &str) -> Option<SwitchEnd> {
    let order = SwitchOrder { to, force: None, wait: true, by: by.into() };
    remote.switch(&order, |_| {}).await.ok()
}

/// A second prober on the same journal, elsewhere.
async fn another_prober(host: &Host) -> (Process, Remote) {
    let text = std::fs::read_to_string(host.path("allswell.toml")).unwrap();
    let hookless = text.split("[[switch.hook]]").next().unwrap();
    std::fs::write(host.path("other.toml"), hookless.replace(":7701", ":7711").replace(":7703", ":7713")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_allswell-prober"));
    command.arg("--config").arg(host.path("other.toml")).arg("--state").arg(host.path("state"));
    let process = Process::start(&mut command, &host.path("other.log"));
    let remote = remote(host, 7711);
    eventually("the other prober answers", || async { remote.state().await.ok().map(drop) }).await;
    (process, remote)
}

/// Stopped between gate and shift until another prober has switched there and back; what it says of its end, and what is live then.
async fn stopped_until_another_has_switched(has_its_lease_again: bool) -> (String, Option<Colour>) {
    let held = Held::at("before shift").await;
    let ordered = tokio::spawn(switch(remote(&held.cluster.host, 7701), Green, "ann@desk"));
    held.is_there().await;
    let entry = held.cluster.last().await;
    let journal = held.cluster.stopped_until_its_time_was_over(&entry).await;
    let (_other, other) = another_prober(&held.cluster.host).await;
    for to in [Green, Blue] {
        let switched = eventually("the other prober switches", || switch(other.clone(), to, "bob@other")).await;
        assert_eq!(switched.phase, Phase::Done);
    }
    let epoch = other.state().await.unwrap().epoch;
    if has_its_lease_again {
        journal.renew(entry.id, entry.started_at + Duration::from_secs(3_600)).await.unwrap();
    }
    held.let_go();
    held.cluster.prober.signal(Signal::CONT);
    let end = ordered.await.unwrap().expect("it is told how it ended");
    assert_eq!(end.phase, Phase::Interrupted, "as the journal has it since its lease ran out");
    let state = other.state().await.unwrap();
    assert_eq!(state.epoch, epoch, "the proxy has heard of no order since");
    (end.reason.unwrap_or_default(), state.live)
}

#[tokio::test]
async fn a_prober_that_was_stopped_for_longer_than_its_lease_finds_it_gone() {
    let (why, live) = stopped_until_another_has_switched(false).await;
    assert!(why.contains("its time was over before the shift"), "{why}");
    assert_eq!(live, Some(Blue));
}

#[tokio::test]
async fn and_where_it_believes_that_it_has_its_lease_the_proxy_refuses_its_epoch() {
    let (why, live) = stopped_until_another_has_switched(true).await;
    assert!(why.contains("the last one seen: somebody else has switched"), "{why}");
    assert_eq!(live, Some(Blue));
}
