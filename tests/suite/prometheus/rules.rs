//! The rules of `deploy/prometheus/`: what they name exists, each alert has its section and its test, and `promtool` takes them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::expressions::{Known, regex};

/// A file of the project.
pub(super) fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Its text.
pub(super) fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// One rule, as its file says it.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) is_alert: bool,
    pub(super) expression: String,
    /// The whole of it.
    text: String,
}

/// Every rule.
pub(super) fn rules() -> Vec<Rule> {
    ["recording", "alerting"].iter().flat_map(|name| in_file(&read(&format!("deploy/prometheus/{name}.yml")))).collect()
}

fn in_file(text: &str) -> Vec<Rule> {
    let rules = text.split("\n      - ").skip(1).filter_map(|text| {
        let (kind, rest) = text.split_once(": ")?;
        let (name, rest) = rest.split_once('\n')?;
        let written = rest.split_once("expr: ")?.1;
        // Either on its line, in quotes or not, or on the lines below, which stand further in.
        let expression = match written.strip_prefix("|\n") {
            Some(block) => block.lines().take_while(|line| line.starts_with("          ")).collect::<Vec<_>>().join("\n"),
            None => written.lines().next()?.trim_matches('\'').to_owned(),
        };
        Some(Rule { name: name.trim().to_owned(), is_alert: kind == "alert", expression, text: text.to_owned() })
    });
    rules.collect()
}

/// Runs `promtool`, which comes with Prometheus.
fn promtool(arguments: &[&str]) -> String {
    let output = Command::new("promtool").args(arguments).current_dir(file("deploy/prometheus")).output();
    let output = output.expect("promtool is there: tests/all.sh installs it");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

#[test]
fn every_rule_names_what_exists() {
    let known = Known::new();
    let faults: Vec<String> = rules().iter().flat_map(|rule| known.check(&rule.expression).0).collect();
    assert_eq!(faults, Vec::<String>::new());
    assert!(rules().len() > 30, "they are found at all: {}", rules().len());
}

#[test]
fn what_a_rule_records_has_the_labels_that_its_name_says() {
    for rule in rules().iter().filter(|rule| !rule.is_alert) {
        let level: Vec<&str> = rule.name.split(':').next().unwrap().split('_').collect();
        let grouped = format!("by ({}", level.join(", "));
        assert!(rule.expression.contains(&grouped), "{} does not say {grouped}", rule.name);
    }
}

#[test]
fn what_an_alert_says_of_its_labels_it_has() {
    let known = Known::new();
    for rule in rules().iter().filter(|rule| rule.is_alert) {
        let (_, labels) = known.check(&rule.expression);
        for label in regex(r"\$labels\.(\w+)").captures_iter(&rule.text) {
            assert!(labels.contains(&label[1]), "{} has no {}: {labels:?}", rule.name, &label[1]);
        }
    }
}

#[test]
fn every_alert_has_its_own_section_of_the_runbook() {
    let runbook = read("docs/runbook.md");
    let sections: BTreeSet<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    for rule in rules().iter().filter(|rule| rule.is_alert) {
        assert!(sections.contains(rule.name.as_str()), "docs/runbook.md says nothing of {}", rule.name);
        let link = format!("runbook_url: docs/runbook.md#{}\n", rule.name.to_lowercase());
        assert!(format!("{}\n", rule.text).contains(&link), "{} does not link to its section", rule.name);
    }
    let alerts: BTreeSet<String> = rules().into_iter().filter(|rule| rule.is_alert).map(|rule| rule.name).collect();
    let unknown = sections.iter().filter(|section| !section.starts_with("Incident: ") && !alerts.contains(**section));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&&str>::new(), "sections of alerts that do not exist");
}

#[test]
fn every_alert_has_a_test_in_which_it_is_quiet_fires_and_resolves() {
    let tests = read("deploy/prometheus/tests/alerting.yml");
    for rule in rules().iter().filter(|rule| rule.is_alert && rule.name != "Watchdog") {
        let quiet = tests.matches(&format!("alertname: {}, exp_alerts: []", rule.name)).count();
        let fires = tests.matches(&format!("alertname: {}\n        exp_alerts:\n", rule.name)).count();
        assert_eq!((quiet, fires), (2, 1), "{}: quiet before and after, and firing between", rule.name);
    }
}

#[test]
fn every_file_that_compose_and_stack_hand_on_is_there() {
    for (place, pattern) in [("compose.yml", r"- (\.\.?/(?:prometheus|grafana)[\w./-]*):"), ("stack.metrics.yml", r"file: (\S+) \}")] {
        let text = read(&format!("deploy/{place}"));
        let named: Vec<String> = regex(pattern).captures_iter(&text).map(|found| found[1].to_owned()).collect();
        assert!(named.len() > 4, "{place}: they are found at all: {named:?}");
        for path in named {
            assert!(file("deploy").join(&path).exists(), "{place} hands on {path}, which is not there");
        }
    }
    let boards = std::fs::read_dir(file("grafana/dashboards")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stack = read("deploy/stack.metrics.yml");
    assert_eq!(boards.filter(|board| !stack.contains(board.as_str())).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn promtool_takes_config_and_rules_and_their_tests_pass() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["check", "rules", "recording.yml", "alerting.yml"]);
    promtool(&["test", "rules", "tests/alerting.yml"]);
}
