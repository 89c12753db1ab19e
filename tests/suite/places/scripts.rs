//! The scripts, as a shell reads them and as somebody does who does not mean it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn scripts() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(deploy("")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "sh")).collect()
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a script with these words, and with this said to its questions.
fn run(name: &str, arguments: &[&str], says: &str) -> Output {
    let mut command = Command::new(deploy(name));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Nothing here may reach an engine that runs.
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
    // Who asks nothing has closed it already.
    let _ = child.stdin.take().unwrap().write_all(says.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn shellcheck_finds_nothing_wrong_with_the_scripts() {
    let scripts = scripts();
    assert!(scripts.len() >= 3, "{scripts:?}");
    let checked = Command::new("shellcheck").arg("--enable=all").arg("--exclude=SC2250,SC2310,SC2312").args(&scripts).output();
    let checked = checked.unwrap_or_else(|error| panic!("shellcheck: {error}. tests/all.sh installs it"));
    assert!(checked.status.success(), "{}", words(&checked));
}

#[test]
fn every_script_says_how_it_is_used_and_refuses_what_it_does_not_know() {
    for path in scripts() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let helped = run(name, &["--help"], "");
        assert!(helped.status.success() && words(&helped).contains(&format!("Usage: {name}")), "{}", words(&helped));
        let refused = run(name, &["--bogus"], "");
        assert_eq!(refused.status.code(), Some(2), "{name}: {}", words(&refused));
        assert!(words(&refused).contains("--bogus"), "{name}: {}", words(&refused));
    }
}

#[test]
fn the_installation_says_what_it_would_do_and_does_nothing_when_it_is_only_asked() {
    let usual = ["--dry-run", "--reinstall"].as_slice();
    for (arguments, source) in
        [(usual, "download.docker.com"), (&["--dry-run", "--reinstall", "--from-distribution"], "from the packages of")]
    {
        let said = run("install-docker.sh", arguments, "");
        assert!(said.status.success(), "{}", words(&said));
        assert!(words(&said).contains(source) && words(&said).contains("nothing was done"), "{}", words(&said));
    }
}

#[test]
fn the_tearing_down_says_so_where_no_engine_answers() {
    for what in ["--compose", "--stack"] {
        let asked = run("teardown.sh", &[what], "y\n");
        assert_eq!(asked.status.code(), Some(8), "{}", words(&asked));
        assert!(words(&asked).contains("nothing was removed"), "{}", words(&asked));
    }
}

#[test]
fn the_tearing_down_of_a_swarm_refuses_what_it_would_not_do() {
    let refused = run("teardown.sh", &["--swarm", "machine.invalid", "--volumes", "--yes"], "");
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("--volumes does not go with --swarm"), "{}", words(&refused));
}
