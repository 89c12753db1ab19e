//! The unit files and what belongs to them, as the tools that read them see them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use allswell::config::Config;
use tempfile::TempDir;

const PARTS: [&str; 3] = ["proxy", "prober", "watcher"];
/// Whoever keeps all of them on one host.
const UP: &str = "up";
/// The proxy, apps, heartbeats, prober and watcher end one after the other, each within the same grace.
const STAGES: u32 = 5;

/// Above this the score that docs/security.md tells would be wrong.
const EXPOSURE: f64 = 1.5;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn unit_of(name: &str) -> String {
    std::fs::read_to_string(deploy().join(format!("systemd/allswell-{name}.service"))).unwrap()
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}. tests/all.sh installs what is needed"))
}

fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The units as an operator installs them, with the executables that the tests run; that of `up` comes last.
fn installed() -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let beside = Path::new(env!("CARGO_BIN_EXE_allswell")).parent().unwrap().display().to_string();
    let write = |name: &str| {
        let unit = unit_of(name);
        let words = if name == UP { format!("allswell {name}") } else { format!("allswell-{name}") };
        assert!(unit.contains(&format!("ExecStart=/usr/local/bin/{words}\n")), "{unit}");
        let path = folder.path().join(format!("allswell-{name}.service"));
        std::fs::write(&path, unit.replace("/usr/local/bin", &beside)).unwrap();
        path
    };
    let units = PARTS.into_iter().chain([UP]).map(write).collect();
    (folder, units)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let (_folder, units) = installed();
    let verified = run(Command::new("systemd-analyze").arg("verify").args(&units));
    assert_eq!((verified.status.code(), words(&verified).as_str()), (Some(0), ""));
}

#[test]
fn a_unit_with_a_key_that_does_not_exist_is_found() {
    let (_folder, units) = installed();
    let unit = std::fs::read_to_string(&units[0]).unwrap();
    std::fs::write(&units[0], unit.replace("LockPersonality=", "LockPersonalty=")).unwrap();
    let verified = run(Command::new("systemd-analyze").arg("verify").arg(&units[0]));
    assert!(words(&verified).contains("LockPersonalty"), "{}", words(&verified));
}

#[test]
fn the_units_are_hardened_as_the_page_says() {
    let (_folder, units) = installed();
    let page = std::fs::read_to_string(deploy().parent().unwrap().join("docs/security.md")).unwrap();
    // In the unit of `up` the apps run: it is confined only as far as they can be.
    for unit in &units[..PARTS.len()] {
        let part = unit.file_stem().unwrap().to_str().unwrap();
        let scored = run(Command::new("systemd-analyze").args(["security", "--offline=true", "--no-pager"]).arg(unit));
        let told = words(&scored);
        let line = told.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{told}"));
        let score = line.split_whitespace().find_map(|word| word.parse::<f64>().ok()).unwrap();
        assert!(score <= EXPOSURE, "{line}");
        assert!(page.contains(&format!("| `{part}` | {score:.1} |")), "docs/security.md does not tell {line}");
    }
}

#[test]
fn every_unit_waits_for_its_part_and_watches_it() {
    for part in PARTS {
        let unit = unit_of(part);
        for line in [
            "Type=notify",
            "WatchdogSec=60s",
            "Restart=always",
            "StartLimitIntervalSec=0",
            "StateDirectory=allswell",
            "LogsDirectory=allswell",
        ] {
            assert!(unit.lines().any(|has| has == line), "{part} lacks {line}");
        }
        assert!(unit.contains(": /var/log/allswell"), "{part} does not say where a log can be written");
        let has_sockets = unit.contains("RuntimeDirectory=allswell\n") && unit.contains("ALLSWELL_RUNTIME=/run/allswell\n");
        assert_eq!(has_sockets, part != "watcher", "{part}");
    }
}

/// What `up` has started is in its unit: a manager that ended all of that with it would take the site and whoever tells.
#[test]
fn the_unit_of_up_spares_what_outlives_it_and_gives_an_orderly_end_its_time() {
    let unit = unit_of(UP);
    for line in ["KillMode=process", "Restart=always", "StartLimitIntervalSec=0", "OOMPolicy=continue", "StateDirectory=allswell"] {
        assert!(unit.lines().any(|has| has == line), "it lacks {line}");
    }
    for gone in ["RuntimeDirectory=", "PrivateTmp="] {
        assert!(!unit.lines().any(|has| has.starts_with(gone)), "{gone} ends with the unit, and is taken from those that go on");
    }
    let config = Config::parse("[runtime]\ncommand = \"true\"\n").unwrap().config;
    let longest = config.switch.drain + config.runtime.stop_grace * STAGES;
    let given = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")?.strip_suffix('s')?.parse::<u64>().ok());
    let given = given.map(Duration::from_secs).expect("seconds");
    assert!(given > longest, "{given:?} for an end that may take {longest:?}");
}

#[test]
fn the_log_is_rotated_and_the_days_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let day = folder.path().join("2026-11-23.log");
    for path in [&log, &day] {
        std::fs::write(path, "a line\n").unwrap();
    }
    let text = std::fs::read_to_string(deploy().join("logrotate/allswell")).unwrap();
    let ours = text.replace("/var/log/allswell", &folder.path().display().to_string());
    let ours: String = ours.lines().filter(|line| !line.trim().starts_with("su ")).map(|line| format!("{line}\n")).collect();
    let config = folder.path().join("logrotate.conf");
    std::fs::write(&config, ours).unwrap();
    let state = folder.path().join("state");
    let rotated = run(Command::new("/usr/sbin/logrotate").arg("--force").arg("--state").arg(&state).arg(&config));
    assert!(rotated.status.success(), "{}", words(&rotated));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "", "what is open is emptied, not moved");
    assert_eq!(std::fs::read_to_string(&day).unwrap(), "a line\n", "{}", words(&rotated));
    let kept = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("access.log-"));
    assert_eq!(kept.count(), 1);
}
