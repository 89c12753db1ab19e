//! A real PostgreSQL server from Debian's package, with a data directory of its own, as an unprivileged user; it ends with the test.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::own_clock;
use super::wait::within;

/// Whom the server runs as where the tests are root, which it refuses.
const USER: &str = "postgres";

/// How far the clock of a server that has its own is ahead of the system's, as that library reads it.
const CLOCK: &str = "clock";

/// A server that answers on a Unix socket in its own directory.
pub(crate) struct Postgres {
    folder: TempDir,
    server: Mutex<Child>,
}

impl Postgres {
    /// One that the running stories share; the last one ends it.
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: tokio::sync::Mutex<Weak<Postgres>> = tokio::sync::Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&server);
        server
    }

    /// One of the story's own, to be stopped by it.
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory")).await
    }

    /// One with a clock of its own, which [`set_clock`](Self::set_clock) sets.
    pub(crate) async fn with_clock() -> Self {
        assert!(Path::new(own_clock::LIBRARY).exists(), "{} is missing: install faketime, as tests/all.sh does", own_clock::LIBRARY);
        let folder = tempfile::tempdir().expect("a temporary directory");
        own_clock::set(&folder.path().join(CLOCK), 0);
        Self::start_in(folder).await
    }

    async fn start_in(folder: TempDir) -> Self {
        if getuid().is_root() {
            chown(folder.path(), Some(id_of(USER, "-u")), Some(id_of(USER, "-g"))).expect("root may");
        }
        let data = folder.path().join("data");
        let made = program("initdb")
            .arg("-D")
            .arg(&data)
            .args(["-A", "trust", "-U", "allswell", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output();
        let made = made.expect("initdb of Debian's package postgresql");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = Mutex::new(run(folder.path()));
        let server = Self { folder, server };
        server.answers().await;
        server
    }

    /// The URL of a new database on it.
    pub(crate) async fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("story_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.expect("it answers");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("a database");
        self.url(&name)
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// Whether nothing can be written to it, as to a standby: from now on, and in open sessions too.
    pub(crate) async fn set_read_only(&self, is_read_only: bool) {
        let mut connection = PgConnection::connect(&self.url("postgres")).await.expect("it answers");
        for statement in [format!("ALTER SYSTEM SET default_transaction_read_only = {is_read_only}"), "SELECT pg_reload_conf()".to_owned()]
        {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.expect("it does it");
        }
    }

    /// Sets its clock: from now on it is so many seconds ahead of the system's.
    pub(crate) fn set_clock(&self, ahead_seconds: i64) {
        own_clock::set(&self.folder.path().join(CLOCK), ahead_seconds);
    }

    /// Runs one of its tools: `pg_dump`, `pg_restore`. Files are in the server's own directory.
    pub(crate) fn tool(&self, name: &str, words: &[&str]) {
        let ran = program(name).current_dir(self.folder.path()).args(words).output().expect("a tool of Debian's package postgresql");
        assert!(ran.status.success(), "{name} {words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://allswell@localhost/{database}?host={}", self.folder.path().display())
    }

    async fn answers(&self) {
        within(Duration::from_secs(30), "PostgreSQL answers", || async { PgConnection::connect(&self.url("postgres")).await.ok() }).await;
    }

    /// Stands still, or goes on: the server and everything that works for it.
    pub(crate) fn signal_all(&self, signal: Signal) {
        let main = self.pid();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).expect("it runs");
        for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([main]) {
            // A worker may just have ended.
            let _ = kill_process(Pid::from_raw(child).expect("a process id"), signal);
        }
    }

    /// Ends at once, as after a power cut.
    pub(crate) fn stop(&self) {
        let mut server = self.server.lock().expect("not poisoned");
        let _ = kill_process(Pid::from_child(&server), Signal::QUIT);
        server.wait().expect("a child of ours");
    }

    /// Runs again on the same data.
    pub(crate) async fn again(&self) {
        *self.server.lock().expect("not poisoned") = run(self.folder.path());
        self.answers().await;
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.server.lock().expect("not poisoned").id()).expect("a process id")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut server = self.server.lock().expect("not poisoned");
        // It may have been stopped already.
        let _ = kill_process(Pid::from_child(&server), Signal::CONT);
        let _ = kill_process(Pid::from_child(&server), Signal::QUIT);
        let _ = server.wait();
    }
}

fn run(folder: &Path) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log file");
    let errors = log.try_clone().expect("the same file");
    let mut server = if folder.join(CLOCK).exists() {
        let mut server = program("env");
        server.arg(format!("LD_PRELOAD={}", own_clock::LIBRARY)).arg(format!("FAKETIME_TIMESTAMP_FILE={}", folder.join(CLOCK).display()));
        server.args(["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"]).arg(of_the_server("postgres"));
        server
    } else {
        program("postgres")
    };
    server.arg("-D").arg(folder.join("data")).arg("-k").arg(folder).args(["-c", "listen_addresses="]);
    server.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("postgres of Debian's package postgresql")
}

/// A program of the newest installed version.
fn of_the_server(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("Debian's package postgresql is installed");
    let found = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name))).filter(|path| path.exists());
    found.max().expect("a server")
}

/// One of those, or of the system's, run without privileges.
fn program(name: &str) -> Command {
    let path = if name == "env" { PathBuf::from("/usr/bin/env") } else { of_the_server(name) };
    let mut command = if getuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir("/");
    command
}

fn id_of(user: &str, which: &str) -> u32 {
    let output = Command::new("id").arg(which).arg(user).output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("the package makes this user")
}
