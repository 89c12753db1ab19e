//! A real Prometheus with the config and the rules that ship, and its time made short.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use allswell::clock;
use serde_json::Value;

use super::expressions::regex;
use super::rules::read;
use crate::harness::system::reqwest_client;
use crate::harness::{Host, Process, eventually, within};

/// Every duration of the rules is so many times shorter: a minute is a second.
const FACTOR: u32 = 60;

/// However busy the machine: half an hour of the rules is half a minute here.
const PATIENCE: Duration = Duration::from_secs(90);

/// It ends when dropped.
pub(super) struct Prometheus {
    address: String,
    started: f64,
    quiet_at: Mutex<f64>,
    seen: Mutex<BTreeSet<String>>,
    _process: Process,
}

/// A rule file in which every `for:` and every range is [`FACTOR`] times shorter, and nothing else is different.
pub(super) fn shortened(text: &str) -> String {
    let duration = regex(r"(for: |\[)(\d+)(s|m|h)");
    let shorter = duration.replace_all(text, |found: &regex_lite::Captures<'_>| {
        let seconds =
            found[2].parse::<u32>().unwrap() * [("s", 1), ("m", 60), ("h", 3_600)].iter().find(|unit| unit.0 == &found[3]).unwrap().1;
        format!("{}{}ms", &found[1], seconds * 1_000 / FACTOR)
    });
    shorter.into_owned()
}

impl Prometheus {
    /// Starts it in the host's directory; `places` says what stands where in the shipped config, `more` is appended to that.
    pub(super) async fn start(host: &Host, places: &[(&str, String)], more: &str) -> Self {
        for name in ["recording.yml", "alerting.yml"] {
            std::fs::write(host.path(name), shortened(&read(&format!("deploy/prometheus/{name}")))).unwrap();
        }
        let mut config = read("deploy/prometheus/prometheus.yml").replace("_interval: 15s", "_interval: 1s");
        for (shipped, here) in places {
            assert!(config.contains(shipped), "the shipped config has no {shipped}");
            config = config.replace(shipped, here);
        }
        std::fs::write(host.path("prometheus.yml"), format!("{config}{more}")).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", host.path("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", host.path("prometheus").display()));
        command.arg(format!("--web.listen-address={}", host.at(9090)));
        // By this it says for how long an alert that it does not repeat counts: four times as long.
        command.arg("--rules.alert.resend-delay=1s");
        let started = seconds();
        let process = Process::start(&mut command, &host.path("prometheus.log"));
        let prometheus = Self { address: host.at(9090), started, quiet_at: Mutex::new(started), seen: Mutex::default(), _process: process };
        within(Duration::from_secs(60), "Prometheus is ready", || async { prometheus.ask("query", &[("query", "vector(1)")]).await }).await;
        prometheus
    }

    /// The answer of `/api/v1/...`; none where it does not answer, or says that the question is wrong.
    async fn ask(&self, what: &str, query: &[(&str, &str)]) -> Option<Value> {
        let mut url = reqwest::Url::parse(&format!("http://{}/api/v1/{what}", self.address)).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        let answer: Value = reqwest_client().get(url).send().await.ok()?.json().await.ok()?;
        assert_ne!(answer["errorType"], "bad_data", "{query:?}: {answer}");
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// The one value that an expression has now; none where it has none.
    pub(super) async fn value(&self, expression: &str) -> Option<f64> {
        let data = self.ask("query", &[("query", expression)]).await?;
        let series = data["result"].as_array()?;
        assert!(series.len() < 2, "{expression} is more than one: {data}");
        series.first()?["value"][1].as_str()?.parse().ok()
    }

    /// Waits until an expression has this value.
    pub(super) async fn shows(&self, expression: &str, wanted: f64) {
        let what = format!("{expression} is {wanted}");
        eventually(&what, || async { self.value(expression).await.filter(|value| (value - wanted).abs() < 0.001) }).await;
    }

    /// How many series an expression had at any time since the start, with a value.
    pub(super) async fn series(&self, expression: &str) -> usize {
        let (from, to) = (self.started.to_string(), seconds().to_string());
        let query = [("query", expression), ("start", &from), ("end", &to), ("step", "1s")];
        let data = eventually("it answers", || self.ask("query_range", &query)).await;
        let has_value = |series: &&Value| {
            series["values"].as_array().is_some_and(|values| values.iter().any(|value| value[1].as_str().is_some_and(|text| text != "NaN")))
        };
        data["result"].as_array().map_or(0, |series| series.iter().filter(has_value).count())
    }

    /// The names of the alerts that fire now.
    async fn firing(&self) -> Option<BTreeSet<String>> {
        let data = self.ask("alerts", &[]).await?;
        let firing = data["alerts"].as_array()?.iter().filter(|alert| alert["state"] == "firing");
        Some(firing.filter_map(|alert| alert["labels"]["alertname"].as_str().map(str::to_owned)).collect())
    }

    /// Waits until each of these fires, or has since it was quiet.
    pub(super) async fn fire(&self, names: &[&str]) {
        for name in names {
            let has = || async { self.ask("query", &[("query", &self.ever_fired(name))]).await?["result"].get(0).map(|_| ()) };
            within(PATIENCE, &format!("{name} fires"), has).await;
            self.seen.lock().expect("no test panics here").insert((*name).to_owned());
        }
    }

    /// That it has fired since it was quiet.
    fn ever_fired(&self, name: &str) -> String {
        let quiet_for = (seconds() - *self.quiet_at.lock().expect("no test panics here")).max(1.0);
        format!("max_over_time(ALERTS{{alertname=\"{name}\", alertstate=\"firing\"}}[{quiet_for:.0}s])")
    }

    /// Those that were waited for, and fired. That each has resolved is the quiet after it.
    pub(super) fn seen(&self) -> BTreeSet<String> {
        let mut seen = self.seen.lock().expect("no test panics here").clone();
        // Without it there is no quiet.
        seen.insert("Watchdog".to_owned());
        seen
    }

    /// Waits until none of these fires any more.
    pub(super) async fn resolve(&self, names: &[&str]) {
        for name in names {
            within(PATIENCE, &format!("{name} is resolved"), || async { (!self.firing().await?.contains(*name)).then_some(()) }).await;
        }
    }

    /// Waits until nothing but the Watchdog fires.
    pub(super) async fn is_quiet(&self) {
        let quiet = BTreeSet::from(["Watchdog".to_owned()]);
        within(PATIENCE, "nothing but the Watchdog fires", || async { (self.firing().await? == quiet).then_some(()) }).await;
        *self.quiet_at.lock().expect("no test panics here") = seconds();
    }
}

fn seconds() -> f64 {
    clock::now().as_seconds()
}

#[test]
fn nothing_but_durations_is_made_shorter() {
    let rule = "expr: increase(a[15m]) > 30\nfor: 10m\nsummary: for 10m it was\n";
    assert_eq!(shortened(rule), "expr: increase(a[15000ms]) > 30\nfor: 10000ms\nsummary: for 10m it was\n");
}
