//! Stories about: shell completions and man pages, by the shells and the reader themselves.

use std::process::Command;

use crate::harness::{Host, Tmux, allswell};

async fn script(host: &Host, shell: &str) -> String {
    let ran = allswell(host, &["completions", shell]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    std::fs::write(host.path(shell), &ran.out).expect("a file");
    host.path(shell).to_str().expect("words").to_owned()
}

fn said_by(shell: &str, words: &[&str]) -> String {
    let ran = Command::new(shell).args(words).output().unwrap_or_else(|error| panic!("{shell}: {error}: tests/all.sh installs it"));
    assert!(ran.status.success() && ran.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("words")
}

#[tokio::test]
async fn bash_completes_commands_options_and_colours() {
    let host = Host::new();
    let script = script(&host, "bash").await;
    let complete = |words: &[&str]| {
        let last = words.len() - 1;
        let line = format!(
            "source {script}; COMP_WORDS=({}); COMP_CWORD={last}; _allswell allswell \"{}\" \"{}\"; echo \"${{COMPREPLY[*]}}\"",
            words.join(" "),
            words[last],
            words[last - 1]
        );
        said_by("bash", &["--norc", "--noprofile", "-c", &line])
    };
    assert_eq!(complete(&["allswell", "stat"]).trim(), "status");
    assert_eq!(complete(&["allswell", "status", "--wa"]).trim(), "--watch");
    assert_eq!(complete(&["allswell", "hold", "o"]).trim(), "on off");
    assert_eq!(complete(&["allswell", "switch", "g"]).trim(), "green");
}

#[tokio::test]
async fn fish_completes_commands_and_options() {
    let host = Host::new();
    let script = script(&host, "fish").await;
    let complete = |line: &str| said_by("fish", &["--no-config", "-c", &format!("source {script}; complete -C '{line}'")]);
    assert!(complete("allswell stat").starts_with("status\t"), "{}", complete("allswell stat"));
    assert!(complete("allswell status --wa").starts_with("--watch\t"));
}

#[tokio::test]
async fn zsh_completes_commands_and_options() {
    let host = Host::new();
    let script = script(&host, "zsh").await;
    std::fs::create_dir(host.path("functions")).expect("a directory");
    std::fs::rename(&script, host.path("functions/_allswell")).expect("the script");
    let terminal = Tmux::start(&host, 120, 30, &[]);
    terminal.enter("exec zsh -f");
    let begin = format!("fpath=({} $fpath); autoload -U compinit; compinit -u -D; clear; echo ready", host.path("functions").display());
    terminal.enter(&begin);
    terminal.until("", "zsh is ready", |text| text.contains("\nready") || text.starts_with("ready")).await;
    for (typed, completed) in [("allswell stat", "allswell status "), ("--wa", "allswell status --watch")] {
        terminal.type_in(typed);
        terminal.press("Tab");
        terminal.until("", completed, |text| text.contains(completed.trim_end()) && !text.contains("command not found")).await;
    }
}

#[tokio::test]
async fn every_command_has_a_man_page_that_its_reader_finds_nothing_wrong_with() {
    let host = Host::new();
    let ran = allswell(&host, &["man", "man1"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let pages: Vec<String> = std::fs::read_dir(host.path("man1"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").path().to_str().expect("words").to_owned())
        .collect();
    let names = |name: &str| pages.iter().any(|page| page.ends_with(&format!("/{name}.1")));
    assert!(names("allswell") && names("allswell-status") && names("allswell-switch") && !names("allswell-session"), "{pages:?}");
    for page in &pages {
        let told = Command::new("mandoc").args(["-T", "lint", "-W", "warning", page]).output().expect("mandoc is installed: tests/all.sh");
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        // The generator's own blank lines around lists of words.
        let faults: Vec<&str> = told.lines().filter(|line| !line.contains("skipping paragraph macro")).collect();
        assert_eq!(faults, [""; 0]);
    }
    let text = said_by("mandoc", &["-T", "utf8", &format!("{}/allswell-status.1", host.path("man1").display())]);
    assert!(text.contains("allswell-status") && text.contains("--watch"), "{text}");
}
