//! The runbook names what exists: every kind of incident has its section, every command that it tells to type can be typed.

use std::collections::BTreeSet;
use std::process::Command;

use allswell::domain::role::Role;

use super::expressions::regex;
use super::rules::read;

/// A check of every role.
const CHECKS: [&str; 15] = [
    "blue",
    "heartbeat-blue",
    "proxy",
    "preview",
    "site",
    "prober",
    "watcher",
    "up",
    "instances-blue",
    "nodes",
    "engine",
    "channel-ops",
    "config",
    "group-1",
    "backup",
];

#[test]
fn every_kind_of_incident_has_its_section_of_the_runbook() {
    let runbook = read("docs/runbook.md");
    let roles: BTreeSet<&str> = CHECKS.iter().map(|check| Role::of(check).as_str()).collect();
    assert_eq!(roles.len(), CHECKS.len(), "a check of each role");
    // Incidents that no check stands for.
    for kind in roles.into_iter().chain(["signatures", "blind", "clock"]) {
        assert!(runbook.contains(&format!("\n## Incident: {kind}\n")), "docs/runbook.md says nothing of incidents of {kind}");
    }
}

#[test]
fn every_command_of_the_runbook_can_be_typed() {
    let runbook = read("docs/runbook.md");
    let commands: BTreeSet<String> = regex(r"`allswell ([a-z-]+)").captures_iter(&runbook).map(|found| found[1].to_owned()).collect();
    assert!(commands.len() > 8, "they are found at all: {commands:?}");
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_allswell")).args([&command, "--help"]).output().unwrap();
        assert!(output.status.success(), "there is no allswell {command}");
    }
}

#[test]
fn every_link_within_the_runbook_leads_somewhere() {
    let runbook = read("docs/runbook.md");
    let anchor = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace([':'], "").replace(' ', "-");
    let anchors: BTreeSet<String> = runbook.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    for link in regex(r"\]\(#([\w-]+)\)").captures_iter(&runbook) {
        assert!(anchors.contains(&link[1]), "#{} is nowhere", &link[1]);
    }
}
