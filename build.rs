//! Where an executable comes from, as `--version` says it. `ALLSWELL_REVISION` names the commit where there is no git to ask (a container's
//! build), `SOURCE_DATE_EPOCH` the time where builds are to be the same. A debug build asks for neither: each commit would compile everything
//! anew.
//!
//! `allswell` itself stands at a fixed address (decision 0102), and has the C library in it where it can (0115). An executable that has it resolves
//! names by itself (0104), and one that has not needs nothing but that library (0106).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

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
            without_plugins("bins");
        } else {
            // What unwinds the stack after a panic, which is a library of its own otherwise.
            println!("cargo::rustc-link-lib=gcc_eh");
            // Tests set the clock of a debug build by a library of theirs.
            if !is_debug && has_archive() {
                println!("cargo::rustc-link-arg-bin=allswell=-L{}", archives().expect("OUT_DIR takes files").display());
                println!("cargo::rustc-link-arg-bin=allswell=-static");
                without_plugins("bin=allswell");
            }
        }
        println!("cargo::rustc-link-arg-bin=allswell=-no-pie");
    }
}

/// What `/etc/nsswitch.conf` names besides `files` and `dns` would be loaded, with the C library of the system or of the image: beside its own,
/// of another version, that is a crash (SIGFPE). Nothing is loaded: in place of what would, a folder of that name is asked for, and not found.
fn without_plugins(of: &str) {
    println!("cargo::rustc-link-arg-{of}=-Wl,--wrap=__libc_dlopen_mode");
    println!("cargo::rustc-link-arg-{of}=-Wl,--defsym=__wrap___libc_dlopen_mode=opendir");
}

/// Whether the C library is there as an archive too.
fn has_archive() -> bool {
    let linker = set("RUSTC_LINKER").unwrap_or_else(|| "cc".to_owned());
    // What is not found is printed as it was asked for.
    let found = Command::new(linker).arg("-print-file-name=libc.a").output();
    found.is_ok_and(|found| Path::new(String::from_utf8_lossy(&found.stdout).trim()).is_absolute())
}

/// A folder in which the linker finds the archives of the C library where rustc has it look for the shared ones.
fn archives() -> io::Result<PathBuf> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo's")).join("archives");
    fs::create_dir_all(&folder)?;
    for name in ["m", "dl", "pthread", "rt", "util"] {
        fs::write(folder.join(format!("lib{name}.so")), format!("INPUT(-l:lib{name}.a)\n"))?;
    }
    for name in ["c", "gcc_s"] {
        fs::write(folder.join(format!("lib{name}.so")), "GROUP(-l:libc.a -l:libgcc_eh.a -l:libgcc.a)\n")?;
    }
    Ok(folder)
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
