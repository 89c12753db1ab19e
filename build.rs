//! Where an executable comes from, as `--version` says it. `ALLSWELL_REVISION` names the commit where there is no git to ask (a container's
//! build), `SOURCE_DATE_EPOCH` the time where builds are to be the same. A debug build asks for neither: each commit would compile everything
//! anew.
//!
//! `allswell` itself stands at a fixed address (decision 0102). An executable that has the C library in it resolves names by itself (0104), and one
//! that has not needs nothing but that library (0106).

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-env-changed=ALLSWELL_REVISION");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let named = set("ALLSWELL_REVISION").filter(|revision| revision != "unknown");
    let is_debug = set("PROFILE").is_some_and(|profile| profile == "debug");
    let commit = named.or_else(|| if is_debug { None } else { commit() });
    let time = set("SOURCE_DATE_EPOCH").or_else(|| if is_debug { None } else { now() });
    println!("cargo::rustc-env=ALLSWELL_COMMIT={}", commit.unwrap_or_default());
    println!("cargo::rustc-env=ALLSWELL_BUILT={}", time.unwrap_or_default());
    if is_for("OS", "linux") && is_for("ENV", "gnu") {
        if is_for("FEATURE", "crt-static") {
            println!("cargo::rustc-link-arg-bin=allswell=-static");
            without_plugins();
        } else {
            // What unwinds the stack after a panic, which is a library of its own otherwise.
            println!("cargo::rustc-link-lib=gcc_eh");
        }
        println!("cargo::rustc-link-arg-bin=allswell=-no-pie");
    }
}

/// What `/etc/nsswitch.conf` names besides `files` and `dns` would be loaded, with the C library of the system or of the image: beside its own,
/// of another version, that is a crash (SIGFPE). Nothing is loaded: in place of what would, a folder of that name is asked for, and not found.
fn without_plugins() {
    println!("cargo::rustc-link-arg-bins=-Wl,--wrap=__libc_dlopen_mode");
    println!("cargo::rustc-link-arg-bins=-Wl,--defsym=__wrap___libc_dlopen_mode=opendir");
}

fn is_for(what: &str, value: &str) -> bool {
    set(&format!("CARGO_CFG_TARGET_{what}")).is_some_and(|target| target.split(',').any(|one| one == value))
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The commit of our own repository, and whether what is compiled is that commit.
fn commit() -> Option<String> {
    for path in ["src", "bin", "build.rs", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    // Sources in somebody else's repository are not its commit.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|changes| !changes.is_empty());
    Some(if changed { format!("{commit}+changes") } else { commit })
}

fn git(words: &[&str]) -> Option<String> {
    let answer = Command::new("git").args(words).output().ok().filter(|answer| answer.status.success())?;
    String::from_utf8(answer.stdout).ok().map(|text| text.trim().to_owned())
}

#[allow(clippy::disallowed_methods, reason = "clock.rs is not compiled yet")]
fn now() -> Option<String> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs().to_string())
}
