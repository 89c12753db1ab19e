//! Stories about: `--json`, whose shapes stand in docs/json.md.

use std::collections::BTreeSet;

use allswell::cli::scroll::conduct::Conduct;
use serde_json::Value;

use super::progress::shop;
use super::shapes::Shapes;
use crate::harness::{Host, System, allswell};

/// What prints no document, and why.
const WITHOUT: [&str; 8] = ["up", "proxy", "prober", "watcher", "heartbeat", "scroll", "completions", "help"];
/// What prints the same as another.
const SAME: [(&str, &str); 4] = [("toggle", "switch"), ("rollback", "switch"), ("pause", "mute"), ("man", "init")];

/// Checks documents, and remembers which shapes it has seen.
struct Looker {
    shapes: Shapes,
    seen: BTreeSet<String>,
    faults: Vec<String>,
}

impl Looker {
    fn new() -> Self {
        Self { shapes: Shapes::of_page(), seen: BTreeSet::new(), faults: Vec::new() }
    }

    fn look(&mut self, shape: &str, document: &Value) {
        self.seen.insert(shape.to_owned());
        self.faults.extend(self.shapes.faults(shape, document));
    }

    /// Runs it, checks that stdout is one document of this shape, and hands it back.
    async fn run(&mut self, system: &System, shape: &str, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json", "--yes"]).collect();
        let ran = system.run(&words).await;
        let out = String::from_utf8(ran.stdout).expect("text");
        let document: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"));
        assert_eq!(shape == "error", ran.status.code() != Some(0) && document["error"].is_string(), "{words:?}: {out}");
        self.look(shape, &document);
        document
    }

    fn end(self, expected: &BTreeSet<&str>) {
        assert!(self.faults.is_empty(), "\n{}", self.faults.join("\n"));
        let seen: BTreeSet<&str> = self.seen.iter().map(String::as_str).collect();
        assert_eq!(seen, *expected);
    }
}

const MORE: &str = "beat_key = \"k\"\nchannels = [\"ops\"]\n[[channel]]\nname = \"ops\"\nkind = \"command\"\ncommand = \"true\"\n\
                    [[check]]\nname = \"backup\"\nperiod = \"1h\"\n[log]\ndirectory = \"day\"\n";

/// What succeeds or is refused on a system that does well, in this order.
const ORDERS: [(&str, &[&str]); 28] = [
    ("live", &["live"]),
    ("status", &["status"]),
    ("health", &["health"]),
    ("checks", &["checks"]),
    ("history", &["history"]),
    ("schedule", &["schedule", "0 3 * * *", "--tz", "Europe/Riga"]),
    ("validate", &["validate"]),
    ("snippet", &["snippet"]),
    ("test-channel", &["test-channel"]),
    ("reload", &["reload"]),
    ("deploy", &["deploy", "--version", "2", "--switch"]),
    ("switch", &["switch", "green"]),
    ("switch", &["toggle", "--no-wait"]),
    ("error", &["switch", "green"]),
    ("hold", &["hold", "on"]),
    ("status", &["status"]),
    ("hold", &["hold", "off"]),
    ("maintenance", &["maintenance", "on", "--message", "soon"]),
    ("maintenance", &["maintenance", "off"]),
    ("mute", &["mute", "backup", "--for", "1h"]),
    ("status", &["status"]),
    ("resume", &["resume", "backup"]),
    ("error", &["resume", "backup"]),
    ("mute", &["pause", "backup", "--for", "1h", "--note", "why"]),
    ("error", &["scale", "green", "3"]),
    ("error", &["ack"]),
    ("error", &["switch", "red"]),
    ("history", &["history"]),
];

#[tokio::test]
async fn every_document_has_the_shape_that_its_page_says() {
    let mut looker = Looker::new();
    let system = shop(MORE).await;
    for (shape, words) in ORDERS {
        looker.run(&system, shape, words).await;
    }
    in_trouble(&mut looker, &system).await;
    of_files(&mut looker, &system).await;
    looker.run(&system, "stop", &["stop"]).await;
    let shapes = Shapes::of_page();
    // That one needs a runtime that scales: runtimes::scales looks at it.
    let expected: BTreeSet<&str> = shapes.commands().into_iter().filter(|name| *name != "scale").collect();
    looker.end(&expected);
}

async fn in_trouble(looker: &mut Looker, system: &System) {
    system.conduct("blue", Conduct::Fail).await;
    let is_of_blue = |incident: &Value| incident["check"] == "blue";
    let told = |overview: &Value| overview["notices"].as_array().is_some_and(|notices| !notices.is_empty());
    let open = |overview: &Value| overview["incidents"].as_array().is_some_and(|open| open.iter().any(is_of_blue));
    system.until("the incident is told", |overview| open(overview) && told(overview)).await;
    looker.run(system, "ack", &["ack", "blue", "--note", "mine"]).await;
    let status = looker.run(system, "status", &["status"]).await;
    let incidents = status["watcher"]["incidents"].as_array().expect("incidents");
    assert!(incidents.iter().any(|incident| is_of_blue(incident) && incident["acknowledged"]["by"].is_string()), "{status:#}");
    let place = system.host.path("");
    let demo = allswell(&system.host, &["demo", "recover", "blue", "--json", "--state", place.to_str().expect("words")]).await;
    looker.look("demo", &demo.json());
    for line in String::from_utf8(system.run(&["logs", "blue", "--json"]).await.stdout).expect("text").lines() {
        looker.look("logs", &serde_json::from_str(line).expect("one document a line"));
    }
}

async fn of_files(looker: &mut Looker, system: &System) {
    let path = |name: &str| system.host.path(name).to_str().expect("words").to_owned();
    looker.run(system, "backup", &["backup", &path("copy.db")]).await;
    looker.run(system, "error", &["backup", &path("copy.db")]).await;
    looker.run(system, "init", &["man", &path("man")]).await;
    let config = std::fs::read_to_string(path("allswell.toml")).expect("the config");
    std::fs::remove_file(path("allswell.toml")).expect("the config");
    looker.run(system, "init", &["init"]).await;
    looker.run(system, "error", &["init"]).await;
    std::fs::write(path("allswell.toml"), "[app]\nnmae = \"x\"\n").expect("a config");
    let findings = looker.run(system, "validate", &["validate"]).await;
    assert!(findings["errors"].as_array().is_some_and(|errors| errors.iter().any(|error| error["line"] == 2)), "{findings:#}");
    looker.run(system, "error", &["status"]).await;
    std::fs::write(path("allswell.toml"), config).expect("the config");
}

#[tokio::test]
async fn every_command_has_a_shape_or_a_reason_to_have_none() {
    let help = allswell(&Host::new(), &["--help"]).await.out;
    let block = help.split_once("Commands:\n").expect("commands").1.split("\n\n").next().expect("a block");
    let commands = block.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: BTreeSet<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 25, "{commands:?}");
    let shapes = Shapes::of_page();
    let documented = shapes.commands();
    for command in commands {
        let same = SAME.iter().find(|(name, _)| *name == command).map_or(command, |(_, same)| same);
        assert!(WITHOUT.contains(&command) || documented.contains(same), "docs/json.md says nothing of allswell {command}");
    }
}
