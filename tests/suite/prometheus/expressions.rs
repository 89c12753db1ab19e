//! The names in an expression of PromQL, and whether they exist.

use std::collections::{BTreeMap, BTreeSet};

use allswell::telemetry::metrics::{Kind, all};
use regex_lite::Regex;

use super::rules::{Rule, rules};

/// What a scrape config or Prometheus itself adds to every series.
const ADDED: [&str; 4] = ["app", "part", "job", "instance"];
/// Words of the language that look like names.
const WORDS: [&str; 13] =
    ["by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset", "inf", "nan"];

/// Every series that there can be, with its labels.
pub(super) struct Known(BTreeMap<String, BTreeSet<String>>);

impl Known {
    /// The metrics of the table, what the rules record, and what Prometheus makes.
    pub(super) fn new() -> Self {
        let labels = |own: &[&str]| own.iter().chain(&ADDED).map(|label| (*label).to_owned()).collect::<BTreeSet<_>>();
        let mut known =
            BTreeMap::from([("up".to_owned(), labels(&[])), ("ALERTS".to_owned(), labels(&["alertname", "alertstate", "severity"]))]);
        for metric in all() {
            if metric.kind == Kind::Histogram {
                for suffix in ["sum", "count"] {
                    known.insert(format!("{}_{suffix}", metric.name), labels(metric.labels));
                }
                known.insert(format!("{}_bucket", metric.name), labels(&[metric.labels, &["le"]].concat()));
            } else {
                known.insert(metric.name.to_owned(), labels(metric.labels));
            }
        }
        for rule in rules() {
            if let Rule { name, is_alert: false, .. } = rule {
                let level = name.split(':').next().unwrap_or_default();
                known.insert(name.clone(), level.split('_').map(str::to_owned).collect());
            }
        }
        Self(known)
    }

    /// What an expression names that does not exist; and the labels that its answer can have.
    pub(super) fn check(&self, expression: &str) -> (Vec<String>, BTreeSet<String>) {
        let named = Named::of(expression);
        let (mut faults, mut labels) = (Vec::new(), BTreeSet::new());
        for (metric, matchers) in &named.series {
            let Some(known) = self.0.get(metric) else {
                faults.push(format!("there is no metric {metric}: {expression}"));
                continue;
            };
            faults.extend(matchers.difference(known).map(|label| format!("{metric} has no label {label}: {expression}")));
            labels.extend(known.iter().cloned());
        }
        faults.extend(named.grouping.difference(&labels).map(|label| format!("nothing has the label {label}: {expression}")));
        (faults, if named.grouping.is_empty() { labels } else { named.grouping })
    }
}

/// The names in one expression.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    /// Every metric, with the labels that are matched.
    series: Vec<(String, BTreeSet<String>)>,
    /// The labels of `by`, `on` and their like.
    grouping: BTreeSet<String>,
}

impl Named {
    fn of(expression: &str) -> Self {
        let strings = regex(r#""[^"]*""#).replace_all(expression, "\"\"").into_owned();
        let bare = regex(r"\[[^\]]*\]").replace_all(&strings, "").into_owned();
        let mut named = Self::default();
        let groups = regex(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)");
        for group in groups.captures_iter(&bare) {
            named.grouping.extend(words(&group[1]));
        }
        named.grouping.remove("le");
        let rest = groups.replace_all(&bare, "");
        for found in regex(r"([A-Za-z_:][\w:]*)\s*(\(|\{[^}]*\})?").captures_iter(&rest) {
            let follows = found.get(2).map_or("", |follows| follows.as_str());
            if follows == "(" || WORDS.contains(&found[1].to_lowercase().as_str()) {
                continue;
            }
            let matched = regex(r"(\w+)\s*(?:=~|!~|!=|=)").captures_iter(follows).map(|label| label[1].to_owned()).collect();
            named.series.push((found[1].to_owned(), matched));
        }
        named
    }
}

fn words(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty())
}

pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

#[test]
fn no_metric_has_a_label_that_a_scrape_gives() {
    // Prometheus would call it exported_LABEL. The part is the same, whoever says it.
    let taken = all().filter(|metric| metric.name != "allswell_build_info" && metric.labels.iter().any(|label| ADDED.contains(label)));
    assert_eq!(taken.map(|metric| metric.name).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_names_in_an_expression_are_found() {
    let named =
        Named::of(r#"sum by (app, le) (rate(a_bucket{app="{x}", le!="y"}[5m])) / on (app) max(b) > bool 3 and time() - c:d:e offset 5m"#);
    let series = |name: &str, labels: &[&str]| (name.to_owned(), labels.iter().map(|label| (*label).to_owned()).collect());
    assert_eq!(named.grouping, BTreeSet::from(["app".to_owned()]));
    assert_eq!(named.series[..3], [series("a_bucket", &["app", "le"]), series("b", &[]), series("c:d:e", &[])]);
}

#[test]
fn a_metric_and_a_label_that_do_not_exist_are_found() {
    let known = Known::new();
    let faults = |expression| known.check(expression).0.len();
    assert_eq!(faults(r#"sum by (colour) (allswell_live{app="shop"})"#), 0);
    assert_eq!(faults("allswell_lives"), 1);
    assert_eq!(faults(r#"allswell_live{color="blue"}"#), 1);
    assert_eq!(faults("sum by (color) (allswell_live)"), 1);
    assert_eq!(faults("allswell_commit_seconds"), 1, "a histogram has no series of its own name");
    assert_eq!(faults("rate(allswell_commit_seconds_bucket[5m])"), 0);
}
