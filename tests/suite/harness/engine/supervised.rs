//! One dockerd under its supervisor, a shell that cleans up after it however we end.

use std::fmt::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use allswell::clock;
use rustix::process::{Pid, Signal, kill_process};

/// How long an engine may take to answer: another run's may have to end first.
const READY: Duration = Duration::from_secs(90);

/// A dockerd that ends with this process, even by SIGKILL.
pub(super) struct Supervised {
    run: PathBuf,
    supervisor: Child,
    /// Where its published ports are reached.
    pub(super) address: String,
    /// The first three numbers of every address on its wire.
    pub(super) net: String,
}

impl Supervised {
    /// Starts the engine of this number on this target directory's wire; number 1 makes the wire.
    pub(super) fn start(number: u8) -> Result<Self, String> {
        can_run()?;
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory").join("docker-engine");
        std::fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
        let name = name_of(&target);
        // A Unix socket's path is short, and a target directory's may not be.
        let base = PathBuf::from(format!("/run/allswell-{name}"));
        let run = base.join(number.to_string());
        let log = target.join(format!("supervisor-{number}.log"));
        let mut supervisor = spawn(&name, number, &run, &target.join(format!("data-{number}")), &log)?;
        let address = |net: &str| format!("{net}.{}", number + 1);
        let begun = clock::elapsed();
        loop {
            let said = || std::fs::read_to_string(run.join("log")).unwrap_or_default() + &std::fs::read_to_string(&log).unwrap_or_default();
            if let Ok(Some(status)) = supervisor.try_wait() {
                return Err(format!("its supervisor ended ({status}):\n{}", last_lines(&said())));
            }
            if run.join("ready").exists() && answers(&run) {
                let net = std::fs::read_to_string(base.join("net")).map_err(|error| error.to_string())?.trim().to_owned();
                return Ok(Self { run, supervisor, address: address(&net), net });
            }
            if clock::elapsed() - begun > READY {
                // It may be gone already.
                let _ = kill_process(Pid::from_child(&supervisor), Signal::TERM);
                return Err(format!("dockerd does not answer within {READY:?}:\n{}", last_lines(&said())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `unix://..`, for `DOCKER_HOST`.
    pub(super) fn host(&self) -> String {
        format!("unix://{}", self.run.join("docker.sock").display())
    }

    /// Stops dockerd, as a machine that goes down does, and waits until it is gone.
    pub(super) fn stop(&self) {
        self.tell(Signal::USR1);
        self.wait("dockerd ends", || !self.run.join("pid").exists());
    }

    /// Starts it again, and waits until it answers.
    pub(super) fn go_on(&self) {
        self.tell(Signal::USR2);
        self.wait("dockerd answers", || answers(&self.run));
    }

    fn tell(&self, order: Signal) {
        kill_process(Pid::from_child(&self.supervisor), order).expect("the supervisor is there");
    }

    fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let begun = clock::elapsed();
        while !is_so() {
            let log = std::fs::read_to_string(self.run.join("log")).unwrap_or_default();
            assert!(clock::elapsed() - begun < READY, "not within {READY:?}: {what}\n{}", last_lines(&log));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The shared engine is never dropped: its supervisor notices that the process ends.
impl Drop for Supervised {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to end.
        let _ = kill_process(Pid::from_child(&self.supervisor), Signal::TERM);
        let _ = self.supervisor.wait();
    }
}

/// What an engine cannot do without.
fn can_run() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("it needs root, for network namespaces and dockerd".to_owned());
    }
    let missing: Vec<_> = ["dockerd", "docker", "debootstrap", "ip", "nsenter", "setpriv", "flock"]
        .into_iter()
        .filter(|program| !std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|at| at.join(program).exists())))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("not on this machine: {} (tests/all.sh installs them)", missing.join(", "))) }
}

/// The supervisor gets SIGTERM when the thread that started it ends. That thread waits for it, and so ends with this process at the latest.
fn spawn(name: &str, number: u8, run: &Path, data: &Path, log: &Path) -> Result<Child, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/harness/engine/engine.sh");
    let output = std::fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "sh", script, name, &number.to_string()]).arg(run).arg(data);
    // A group of its own: Ctrl-C on a terminal ends us, and our end ends it.
    command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(errors);
    let (tell, told) = channel();
    std::thread::spawn(move || {
        // Whoever asked waits for the answer.
        let _ = tell.send(command.spawn());
        loop {
            std::thread::park();
        }
    });
    told.recv().map_err(|error| error.to_string())?.map_err(|error| format!("setpriv: {error}"))
}

fn answers(run: &Path) -> bool {
    let host = format!("unix://{}", run.join("docker.sock").display());
    let version = Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]).env("DOCKER_HOST", host).output();
    version.is_ok_and(|output| output.status.success())
}

/// `aw` and six digits that are this target directory's: two of them on one machine do not meet.
fn name_of(target: &Path) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(target.as_os_str().as_encoded_bytes());
    digest.iter().take(3).fold("aw".to_owned(), |mut name, byte| {
        write!(name, "{byte:02x}").expect("a string takes it");
        name
    })
}

fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
