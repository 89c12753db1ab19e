//! The dashboards of `grafana/`: what they name exists, and they are whole.

use std::collections::BTreeSet;

use serde_json::Value;

use super::expressions::{Known, regex};
use super::rules::{file, read};

/// Every dashboard, by the name of its file.
pub(super) fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(file("grafana/dashboards")).expect("the dashboards");
    let mut names: Vec<String> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), serde_json::from_str(&read(&format!("grafana/dashboards/{name}"))).unwrap())).collect()
}

/// One question of a dashboard to Prometheus, and what it makes of the answer's labels.
#[derive(Debug)]
pub(super) struct Query {
    /// Which dashboard and panel.
    pub(super) place: String,
    pub(super) expression: String,
    words: String,
}

/// Everything that a dashboard asks: by its panels, its annotations and its variables.
pub(super) fn queries(name: &str, board: &Value) -> Vec<Query> {
    let mut queries = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for panel in list(&board["panels"]) {
        for target in list(&panel["targets"]) {
            let place = format!("{name}: {}", text(&panel["title"]));
            queries.push(Query { place, expression: text(&target["expr"]), words: text(&target["legendFormat"]) });
        }
    }
    for annotation in list(&board["annotations"]["list"]) {
        let place = format!("{name}: annotation {}", text(&annotation["name"]));
        let tags = text(&annotation["tagKeys"]).split(',').map(|key| format!("{{{{{key}}}}}")).collect::<String>();
        queries.push(Query { place, expression: text(&annotation["expr"]), words: text(&annotation["titleFormat"]) + &tags });
    }
    for variable in list(&board["templating"]["list"]).iter().filter(|variable| variable["type"] == "query") {
        let asked = text(&variable["query"]["query"]);
        let found = regex(r"^label_values\((.*), (\w+)\)$").captures(&asked).unwrap_or_else(|| panic!("{asked}"));
        let place = format!("{name}: variable {}", text(&variable["name"]));
        queries.push(Query { place, expression: found[1].to_owned(), words: format!("{{{{{}}}}}", &found[2]) });
    }
    queries
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn every_question_of_every_dashboard_names_what_exists() {
    let known = Known::new();
    let (mut count, mut faults) = (0, Vec::new());
    for (name, board) in dashboards() {
        for query in queries(&name, &board) {
            let (found, labels) = known.check(&query.expression);
            faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", query.place)));
            let shown = regex(r"\{\{(\w+)\}\}");
            let shown = shown.captures_iter(&query.words).map(|label| label[1].to_owned()).filter(|label| !labels.contains(label));
            faults.extend(shown.map(|label| format!("{}: the answer has no label {label}", query.place)));
            count += 1;
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    assert!(count > 70, "they are found at all: {count}");
}

#[test]
fn no_question_pads_itself_with_zeros() {
    for (name, board) in dashboards() {
        for query in queries(&name, &board) {
            assert!(!query.expression.contains("or vector") && !query.expression.contains("or on"), "{}", query.place);
        }
    }
}

#[test]
fn every_dashboard_is_whole() {
    let mut uids = BTreeSet::new();
    for (name, board) in dashboards() {
        assert!(uids.insert(board["uid"].to_string()), "{name}: another has its uid");
        assert_eq!(format!("\"{}\"", name.trim_end_matches(".json")), board["uid"].to_string(), "a file is named by its uid");
        let titles: Vec<&str> = list(&board["annotations"]["list"]).iter().filter_map(|annotation| annotation["name"].as_str()).collect();
        assert_eq!(titles, ["Deploys", "Switches", "Incidents"], "{name}");
        assert!(list(&board["links"]).iter().any(|link| link["url"] == "${page}"), "{name} does not link to the status page");
        let defined: BTreeSet<&str> = list(&board["templating"]["list"]).iter().filter_map(|variable| variable["name"].as_str()).collect();
        for used in regex(r"\$\{?([a-z]\w*)").captures_iter(&board.to_string()) {
            assert!(defined.contains(&used[1]), "{name}: there is no variable {}", &used[1]);
        }
        every_panel_has_its_place(&name, &board);
    }
}

fn every_panel_has_its_place(name: &str, board: &Value) {
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in list(&board["panels"]) {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64()), "{name}: {title} has the number of another");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{name}: {title} does not fit");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{name}: {title} lies upon another");
        }
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().is_some_and(|words| words.len() > 10), "{name}: {title} says nothing of itself");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
        }
    }
}
