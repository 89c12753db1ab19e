//! The fences: layers, cycles, lengths, `mod.rs`, and what must be documented.
//! Every rule has a counter-example that must fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

/// Lines of a file, tests included.
const LONGEST_FILE: usize = 450;
/// Lines of a function, from its signature to its closing brace.
const LONGEST_FUNCTION: usize = 60;

/// One source file: its module path (`proxy::control`) and its text.
#[derive(Debug, Clone)]
struct Source {
    module: String,
    path: PathBuf,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let module = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        Self { module, path: path.into(), text: text.to_owned() }
    }

    fn room(&self) -> &str {
        self.module.split("::").next().unwrap_or_default()
    }

    fn is_mod(&self) -> bool {
        self.path.ends_with("mod.rs")
    }

    /// Everything but the unit tests, which may reach anywhere.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// The paths within the crate that the code names, as written from the root: `proxy::control::ProxyState`.
    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let parts: Vec<&str> = self.module.split("::").collect();
        for found in regex(r"\b(crate|(?:super::)*super)((?:::\w+)+)(::\{[^;]*?\})?").captures_iter(self.code()) {
            let ups = found[1].matches("super").count();
            // `super` of a file is its folder; `super` of a folder's mod.rs is the folder above.
            let Some(kept) = (if ups == 0 { Some(0) } else { parts.len().checked_sub(ups) }) else { continue };
            let base: Vec<&str> = if ups == 0 { Vec::new() } else { parts[..kept].to_vec() };
            let stem = base.into_iter().chain(found[2].split("::").filter(|part| !part.is_empty())).collect::<Vec<_>>().join("::");
            match found.get(3) {
                None => drop(names.insert(stem)),
                Some(group) => {
                    for part in group.as_str().trim_start_matches("::{").split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
                        names.insert(format!("{stem}::{}", part.trim_matches(':')));
                    }
                }
            }
        }
        names
    }
}

fn sources_under(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(Source::new(path.to_str().expect("an ordinary name"), &read(&path)));
            }
        }
    }
    assert!(!found.is_empty(), "no sources under {folder}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a file of the project")
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern")
}

fn sources() -> Vec<Source> {
    sources_under("src")
}

/// The rooms in the order of `lib.rs`, and those under its heading `// Adapters`.
fn rooms(lib: &str) -> (Vec<String>, Vec<String>) {
    let (mut order, mut adapters, mut heading) = (Vec::new(), Vec::new(), "");
    for line in lib.lines() {
        if let Some(words) = line.strip_prefix("// ") {
            heading = words;
        }
        if let Some(room) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            order.push(room.to_owned());
            if heading.starts_with("Adapters") {
                adapters.push(room.to_owned());
            }
        }
    }
    (order, adapters)
}

fn layer_faults(lib: &str, sources: &[Source]) -> Vec<String> {
    let (order, adapters) = rooms(lib);
    let rank = |room: &str| order.iter().position(|known| known == room);
    let mut faults = Vec::new();
    for source in sources {
        let Some(own) = rank(source.room()) else { continue };
        for name in source.names() {
            let room = name.split("::").next().unwrap_or_default();
            let Some(used) = rank(room) else { continue };
            let among_adapters = room != source.room() && adapters.iter().any(|a| a == room) && adapters.iter().any(|a| a == source.room());
            if used > own || among_adapters {
                faults.push(format!("{} uses {name}", source.path.display()));
            }
        }
    }
    faults
}

/// Crates that a pure domain may use.
const DOMAIN_MAY_USE: [&str; 10] = ["std", "serde", "serde_json", "chrono", "jiff", "croner", "uuid", "thiserror", "super", "crate"];

fn purity_faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let uses = regex(r"(?m)^use (\w+)");
    let impure = regex(r"std::(fs|net|process|thread|env|io)\b|\basync (fn|move)|tracing::|::now\(\)|println!");
    for source in sources.iter().filter(|source| source.room() == "domain") {
        let code = source.code();
        faults.extend(
            uses.captures_iter(code)
                .filter(|found| !DOMAIN_MAY_USE.contains(&&found[1]))
                .map(|found| format!("{} uses {}", source.path.display(), &found[1])),
        );
        faults.extend(impure.find_iter(code).map(|found| format!("{} has {}", source.path.display(), found.as_str())));
    }
    faults
}

/// Which file uses which other file. What a `mod.rs` re-exports counts as used from the file it stands in.
fn uses(sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeMap<&str, &Source> = sources.iter().map(|source| (source.module.as_str(), source)).collect();
    let mut graph = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_mod()) {
        let mut used = BTreeSet::new();
        for name in source.names() {
            let parts: Vec<&str> = name.split("::").collect();
            let deepest = (1..=parts.len()).rev().map(|end| parts[..end].join("::")).find(|path| files.contains_key(path.as_str()));
            let Some(module) = deepest else { continue };
            let target = if files[module.as_str()].is_mod() {
                let item = parts.get(module.split("::").count()).copied().unwrap_or_default();
                re_exported(files[module.as_str()], item)
            } else {
                Some(module)
            };
            used.extend(target.filter(|target| *target != source.module));
        }
        graph.insert(source.module.clone(), used);
    }
    graph
}

fn re_exported(module: &Source, item: &str) -> Option<String> {
    let line = regex(r"(?s)pub(?:\(crate\))? use (\w+)::([^;]+);");
    let word = Regex::new(&format!(r"\b{item}\b")).ok().filter(|_| !item.is_empty())?;
    line.captures_iter(&module.text).find(|found| word.is_match(&found[2])).map(|found| format!("{}::{}", module.module, &found[1]))
}

fn cycle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        let mut path = Vec::new();
        if let Some(found) = walk(graph, start, &mut path, &mut done) {
            return Some(found);
        }
    }
    None
}

fn walk(graph: &BTreeMap<String, BTreeSet<String>>, at: &str, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<String> {
    if let Some(begin) = path.iter().position(|seen| seen == at) {
        return Some(format!("{} -> {at}", path[begin..].join(" -> ")));
    }
    if done.contains(at) {
        return None;
    }
    path.push(at.to_owned());
    for next in graph.get(at).into_iter().flatten() {
        if let Some(found) = walk(graph, next, path, done) {
            return Some(found);
        }
    }
    path.pop();
    done.insert(at.to_owned());
    None
}

fn length_faults(sources: &[Source]) -> Vec<String> {
    let signature = regex(r"^(\s*)(?:pub(?:\([a-z]+\))? )?(?:const )?(?:async )?fn (\w+)");
    let mut faults = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > LONGEST_FILE {
            faults.push(format!("{} has {} lines", source.path.display(), lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            let Some(found) = signature.captures(line) else { continue };
            let end = format!("{}}}", &found[1]);
            let length = lines[at..].iter().position(|line| *line == end).map_or(1, |end| end + 1);
            // A one-line function ends where the next begins.
            let next = lines[at + 1..].iter().position(|line| signature.is_match(line)).map_or(usize::MAX, |next| next + 1);
            if length > LONGEST_FUNCTION && length <= next {
                faults.push(format!("{}: {} has {length} lines", source.path.display(), &found[2]));
            }
        }
    }
    faults
}

fn declaring_faults(sources: &[Source]) -> Vec<String> {
    let declaring = regex(r"^(//.*|#!?\[.*\]|(pub(\(crate\))? )?mod \w+;|pub(\(crate\))? use [^;{]*;|\s*)$");
    let group = regex(r"(?s)pub(\(crate\))? use [^;]*\{[^;]*\};");
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.is_mod()) {
        let rest = group.replace_all(&source.text, "");
        faults.extend(rest.lines().filter(|line| !declaring.is_match(line)).map(|line| format!("{}: {line}", source.path.display())));
    }
    faults
}

/// `docs/metrics.md`, as the table says it.
fn metrics_page() -> String {
    let mut page = String::from(METRICS_HEAD);
    for (part, metrics) in allswell::telemetry::metrics::TABLE {
        page.push_str(&format!(
            "\n## {}{}\n\n| metric | kind | labels | meaning |\n|---|---|---|---|\n",
            &part[..1].to_uppercase(),
            &part[1..]
        ));
        for metric in *metrics {
            let labels = if metric.labels.is_empty() { "-".to_owned() } else { metric.labels.join(", ") };
            page.push_str(&format!("| `{}` | {} | {labels} | {} |\n", metric.name, metric.kind.as_str(), metric.help));
        }
    }
    page
}

const METRICS_HEAD: &str = "\
# Metrics

Made from the table in `src/telemetry/metrics.rs`; a test compares the two.

Proxy, prober and `up` answer `/metrics` on their health listener, the watcher on its own. The heartbeat has no listener: what it
knows goes into its beats, and is exported by the watcher. Names follow Prometheus' conventions: base units, `_total` for counters.
A histogram has `_bucket`, `_sum` and `_count`, in seconds. What can only grow is there from the start, at 0, wherever its labels are
known beforehand.

`deploy/prometheus/` scrapes them, with rules and alerts, each of which [runbook.md](runbook.md) explains; `grafana/` draws them.

| where | Prometheus and Grafana |
|---|---|
| Compose | `docker compose --profile metrics up -d` in `deploy/`: on 127.0.0.1, ports 9090 and 3000 |
| Swarm | `ALLSWELL_WATCHERS=URL docker stack deploy -c stack.yml -c stack.metrics.yml allswell` |
| elsewhere | `deploy/prometheus/*.yml` into `/etc/prometheus/`, with your addresses; `grafana/provisioning/` into `/etc/grafana/`, `grafana/dashboards/` into `/var/lib/allswell/dashboards/`, and `PROMETHEUS_URL` into Grafana's environment |

**By name, and how many**: `watcher.metric_checks` (1,000) checks at most have rows of their own, the parts' and the config's first,
then those that were made by a ping or through the API, by name; `allswell_checks_unnamed` says how many have none. All are counted in
`allswell_checks`, and all are told of when they fail: a row is for drawing.
";

/// Metrics of the table that nothing in the sources makes.
fn uncounted<'a>(sources: &[Source], table: impl Iterator<Item = &'a str>) -> Vec<String> {
    let made = regex(r#"\b(?:counter|gauge|histogram|rows)\(\s*"(\w+)""#);
    let made: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| made.captures_iter(&source.text))
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str())
        .collect();
    table.filter(|name| !made.contains(name)).map(|name| format!("{name} is never counted")).collect()
}

/// Orders that may be dated by one clock and written by another: decision 73.
fn undated(sources: &[Source]) -> Vec<String> {
    let dated = regex(r"dated\(\|now\|\s*[\w.]*\bmonitor\.\w+\(");
    let orders = regex(r"\bmonitor\.(?:acknowledge|quiet|resume|make|remove_made|config_is|certificate_is|say|claim|settle)\(");
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.module.contains("::tests")) {
        let rest = dated.replace_all(source.code(), "");
        faults.extend(orders.find_iter(&rest).map(|found| format!("{}: {}", source.path.display(), found.as_str())));
    }
    faults
}

/// The tests that a page names in its tables, and that do not exist.
fn unproven<'a>(page: &'a str, tests: &str) -> Vec<&'a str> {
    let named = regex(r"`([a-z]+(?:_[a-z0-9]+){3,})`");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let names = rows.flat_map(|row| named.captures_iter(row).filter_map(|found| found.get(1)).map(|name| name.as_str()));
    names.filter(|name| !tests.contains(&format!("fn {name}("))).collect()
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_module_uses_only_what_stands_above_it() {
    none(&layer_faults(&read("src/lib.rs"), &sources()));
}

#[test]
fn a_module_that_uses_what_stands_below_it_is_found() {
    let lib = "// The domain\npub mod domain;\n// Adapters: each alone\npub mod store;\npub mod notify;\n// Edges\npub mod http;\n";
    let upward = Source::new("src/store/sqlite.rs", "use crate::http::serve;\n");
    let sideways = Source::new("src/notify/slack.rs", "use crate::domain::colour::Colour;\nuse crate::store::Store;\n");
    let right = Source::new("src/http/page.rs", "use crate::{domain::colour, store::Store};\nuse super::error::ApiError;\n");
    assert_eq!(layer_faults(lib, &[upward, right]), ["src/store/sqlite.rs uses http::serve"]);
    assert_eq!(layer_faults(lib, &[sideways]), ["src/notify/slack.rs uses store::Store"]);
}

#[test]
fn the_domain_is_pure() {
    none(&purity_faults(&sources()));
}

#[test]
fn an_impure_domain_is_found() {
    for text in ["use tokio::net::TcpStream;\n", "fn read() { std::fs::read(\"x\"); }\n", "let now = Utc::now();\n"] {
        assert_eq!(purity_faults(&[Source::new("src/domain/x.rs", text)]).len(), 1, "{text}");
    }
}

#[test]
fn no_file_uses_another_that_uses_it() {
    if let Some(found) = cycle(&uses(&sources())) {
        panic!("a cycle: {found}");
    }
}

#[test]
fn a_cycle_is_found_also_through_a_re_export() {
    let one = Source::new("src/a/one.rs", "use super::two::Two;\n");
    let two = Source::new("src/a/two.rs", "use crate::a::One;\n");
    let room = Source::new("src/a/mod.rs", "mod one;\nmod two;\npub use one::{One, Other};\npub use two::Two;\n");
    assert!(cycle(&uses(&[one.clone(), room.clone(), two])).is_some());
    let two = Source::new("src/a/two.rs", "use crate::a::Elsewhere;\n");
    assert_eq!(cycle(&uses(&[one, room, two])), None);
}

#[test]
fn files_and_functions_are_short() {
    none(&length_faults(&[sources(), sources_under("tests"), sources_under("bin")].concat()));
}

#[test]
fn a_long_file_and_a_long_function_are_found() {
    let long_function = format!("fn long() {{\n{}}}\nfn short() {{}}\n", "    step();\n".repeat(LONGEST_FUNCTION));
    assert_eq!(length_faults(&[Source::new("src/x.rs", &long_function)]), ["src/x.rs: long has 62 lines"]);
    assert_eq!(length_faults(&[Source::new("src/x.rs", &"\n".repeat(LONGEST_FILE + 1))]).len(), 1);
    assert_eq!(length_faults(&[Source::new("src/x.rs", &"\n".repeat(LONGEST_FILE))]).len(), 0);
}

#[test]
fn a_mod_file_only_declares() {
    none(&declaring_faults(&sources()));
}

#[test]
fn a_mod_file_that_does_more_is_found() {
    let fine = Source::new("src/a/mod.rs", "//! Room.\n\npub mod x;\nmod y;\npub use y::{\n    A, B,\n};\n");
    assert_eq!(declaring_faults(&[fine]).len(), 0);
    assert_eq!(declaring_faults(&[Source::new("src/a/mod.rs", "mod x;\nfn more() {}\n")]).len(), 1);
}

/// `ALLSWELL_WRITE_DOCS=1 cargo test --test tidy` writes it anew.
#[test]
fn the_page_of_metrics_is_made_from_their_table() {
    let page = metrics_page();
    if std::env::var_os("ALLSWELL_WRITE_DOCS").is_some() {
        fs::write("docs/metrics.md", &page).expect("a page that can be written");
    }
    assert!(read("docs/metrics.md") == page, "docs/metrics.md is not what the table says: ALLSWELL_WRITE_DOCS=1 cargo test --test tidy");
}

#[test]
fn every_metric_is_counted_somewhere() {
    none(&uncounted(&sources(), allswell::telemetry::metrics::all().map(|row| row.name)));
}

#[test]
fn a_metric_that_nothing_counts_is_found() {
    let source = Source::new("src/x.rs", "metric(\"allswell_b\", &[], \"b\");\nmetrics::counter(\"allswell_a_total\").inc();\n");
    assert_eq!(uncounted(&[source], ["allswell_a_total", "allswell_b"].into_iter()), ["allswell_b is never counted"]);
}

#[test]
fn nobody_writes_a_moment_while_the_clock_is_set() {
    none(&undated(&sources()));
}

#[test]
fn who_writes_a_moment_while_the_clock_is_set_is_found() {
    let text = "a.monitor.dated(|now| a.monitor.quiet(order, now));\nlet now = a.monitor.now();\na.monitor.make(name, &made, now);\n";
    assert_eq!(undated(&[Source::new("src/http/x.rs", text)]), ["src/http/x.rs: monitor.make("]);
}

#[test]
fn every_row_of_the_failures_has_a_test() {
    let page = read("docs/failures.md");
    let tests: String = sources_under("tests/suite").into_iter().map(|source| source.text).collect();
    assert_eq!(unproven(&page, &tests), Vec::<&str>::new());
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let unproven_rows: Vec<&str> = rows.filter(|row| !row.trim_end_matches("` |").contains('`') || !row.ends_with("` |")).collect();
    assert_eq!(unproven_rows, Vec::<&str>::new());
}

#[test]
fn every_row_of_the_truth_has_a_test() {
    let page = read("docs/truth.md");
    let tests: String = [sources_under("src"), sources_under("tests/suite")].concat().into_iter().map(|source| source.text).collect();
    assert_eq!(unproven(&page, &tests), Vec::<&str>::new());
    let rows = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    assert_eq!(rows.filter(|row| !row.ends_with("` |")).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_row_whose_test_does_not_exist_is_found() {
    assert_eq!(unproven("| x | `a_test_that_is_there`, `a_test_that_is_not` |\n", "fn a_test_that_is_there() {}"), ["a_test_that_is_not"]);
}

#[test]
fn the_thin_mains_are_thin() {
    for source in sources_under(Path::new("bin").to_str().unwrap()) {
        assert!(source.text.lines().count() <= 50, "{} has more than 50 lines", source.path.display());
    }
}
