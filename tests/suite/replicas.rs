//! Stories about replicas: several heartbeats of one colour are several instances of one check, each of which is missed by name.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use allswell::domain::colour::Colour::{self, Blue, Green};
use allswell::release::{Act, DeployEnd, DeployOrder};
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::system::{reqwest_client, status};
use crate::harness::{Cluster, Host, Process, Webhook, eventually, within};

/// Period, grace and two seconds, with a beat every second.
const BOUND: Duration = Duration::from_secs(1 + 2 + 2);

/// A cluster with a watcher that expects a heartbeat beside each instance of either colour.
struct Site {
    cluster: Cluster,
    sink: Webhook,
    beating: BTreeMap<String, Process>,
    _watcher: Process,
}

impl Site {
    /// Blue is live and has three instances, green has one; all is well.
    async fn start() -> Self {
        let probe = "[probe]\nevery = \"1s\"\nslow = \"4s\"\ntimeout = \"5s\"\n";
        let cluster = Cluster::on(Host::new(), &[7700], "", probe).await;
        let host = &cluster.host;
        let sink = Webhook::start(&host.at(9000), None).await;
        let config = std::fs::read_to_string(host.path("allswell.toml")).expect("the cluster's config");
        let channel = format!("[[channel]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\n", sink.url());
        let watcher =
            format!("{config}[watcher]\nlisten = \"{}\"\n{channel}", host.at(7700)).replace("heartbeats = false", "heartbeats = true");
        std::fs::write(host.path("watcher.toml"), watcher).expect("a config");
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
        command.arg("--config").arg(host.path("watcher.toml")).arg("--state").arg(host.path("state"));
        let watcher = Process::start(&mut command, &host.path("watcher.log"));
        let mut site = Self { cluster, sink, beating: BTreeMap::new(), _watcher: watcher };
        for name in ["blue-1", "blue-2", "blue-3", "green-1"] {
            site.beat(name);
        }
        site.order(Act::Scale, Blue, Some(3), true).await;
        site.until("three of blue and one of green are well", |overview| {
            counted(overview, Blue) == (3, 3) && counted(overview, Green) == (1, 1)
        })
        .await;
        site.until("both colours are up", |overview| status(overview, "blue") == "up" && status(overview, "green") == "up").await;
        site
    }

    /// Starts a heartbeat: `blue-1` is that of an instance of blue.
    fn beat(&mut self, name: &str) {
        let colour = name.split('-').next().expect("a colour");
        let host = &self.cluster.host;
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-heartbeat"));
        command.env_clear().env("PATH", "/usr/bin:/bin").arg("--beat-key-file").arg(host.path("state/beat.key"));
        command.args(["--watchers", &format!("http://{}", host.at(7700)), "--check", &format!("heartbeat-{colour}")]);
        command.args(["--colour", colour, "--instance", name, "--every", "1s", "--no-health"]);
        self.beating.insert(name.to_owned(), Process::start(&mut command, &host.path(&format!("{name}.log"))));
    }

    /// Ends an instance: by SIGKILL it says nothing, by SIGTERM it says bye.
    async fn end(&mut self, name: &str, signal: Signal) {
        let mut heartbeat = self.beating.remove(name).expect("it beats");
        heartbeat.signal(signal);
        heartbeat.end(BOUND).await;
    }

    /// An order from beginning to end, as the command line gives it.
    async fn order(&self, act: Act, colour: Colour, instances: Option<u32>, ok: bool) {
        let lease = self.begin(act, colour, instances).await;
        self.cluster.remote.end_deploy(&lease, &DeployEnd { ok, reason: None, output: None }).await.expect("it ends");
    }

    async fn begin(&self, act: Act, colour: Colour, instances: Option<u32>) -> allswell::release::DeployLease {
        let order = DeployOrder { act, colour, version: None, instances, by: "ann@desk".into(), timeout_ms: 60_000, live: None };
        self.cluster.remote.begin_deploy(&order).await.expect("the lease")
    }

    async fn overview(&self) -> Option<Value> {
        let url = format!("http://{}/v1/overview", self.cluster.host.at(7700));
        reqwest_client().get(url).send().await.ok()?.json().await.ok()
    }

    async fn until(&self, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || async { self.overview().await.filter(|overview| shows(overview)) }).await
    }

    /// Waits until the sink has heard this; says the data of it.
    async fn told(&self, words: &str, limit: Duration) -> Value {
        let what = format!("{words}; told: {:?}", self.sink.told());
        within(limit, &what, || async {
            let place = self.sink.told().iter().position(|told| told == words)?;
            Some(self.sink.taken()[place].body["data"].clone())
        })
        .await
    }

    /// Everything that was told, but for `up`, which nobody plays here.
    fn alarms(&self) -> Vec<String> {
        self.sink.told().into_iter().filter(|told| !told.ends_with(" up")).collect()
    }
}

/// How many instances of a colour are well, and how many are expected.
fn counted(overview: &Value, colour: Colour) -> (u64, u64) {
    let instances = &check(overview, &format!("heartbeat-{colour}"))["instances"];
    (instances["well"].as_u64().unwrap_or(0), instances["expected"].as_u64().unwrap_or(0))
}

fn check<'a>(overview: &'a Value, name: &str) -> &'a Value {
    overview["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["name"] == name)).unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_replica_that_is_killed_is_missed_by_name_and_one_by_another_name_makes_it_whole() {
    let mut site = Site::start().await;
    site.end("blue-3", Signal::KILL).await;
    let told = site.told("check.poorly heartbeat-blue", BOUND).await;
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("2 of 3 instances are well; blue-3: no beat since ") && !reason.contains("blue-1"), "{reason}");
    assert_eq!((told["severity"].as_str(), told["live"].as_str()), (Some("warning"), Some("blue")), "{told}");
    let (_, page) = page(&site).await;
    assert!(page.contains("2 of 3 well") && page.contains("blue-3"), "{page}");
    site.beat("blue-4");
    site.told("check.resolved heartbeat-blue", BOUND).await;
    let overview = site.until("three are well", |overview| counted(overview, Blue) == (3, 3)).await;
    assert!(!check(&overview, "heartbeat-blue")["instances"].to_string().contains("blue-3"), "it is forgotten: {overview}");
    assert_eq!(site.alarms(), ["check.poorly heartbeat-blue", "check.resolved heartbeat-blue"]);
}

async fn page(site: &Site) -> (u16, String) {
    let answer = reqwest_client().get(format!("http://{}/", site.cluster.host.at(7700))).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a page"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bye_gives_the_reason_and_lowers_nothing_and_all_gone_is_critical() {
    let mut site = Site::start().await;
    site.end("blue-2", Signal::TERM).await;
    let told = site.told("check.poorly heartbeat-blue", BOUND).await;
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("blue-2: ") && reason.contains("it said bye: asked to end by SIGTERM"), "{reason}");
    for name in ["blue-1", "blue-3"] {
        site.end(name, Signal::KILL).await;
    }
    let told = site.told("check.down heartbeat-blue", BOUND).await;
    assert_eq!(told["severity"], "critical", "{told}");
    assert!(told["reason"].as_str().is_some_and(|reason| reason.starts_with("0 of 3 instances are well; ")), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_order_lowers_the_number_and_whoever_leaves_with_it_is_no_alarm() {
    let mut site = Site::start().await;
    let lease = site.begin(Act::Scale, Blue, Some(1)).await;
    for name in ["blue-2", "blue-3"] {
        site.end(name, Signal::TERM).await;
    }
    site.cluster.remote.end_deploy(&lease, &DeployEnd { ok: true, reason: None, output: None }).await.expect("it ends");
    site.until("two are forgotten", |overview| {
        check(overview, "heartbeat-blue")["instances"]["known"].as_array().is_some_and(|known| known.len() == 1)
    })
    .await;
    assert_eq!(site.alarms(), Vec::<String>::new());
    site.order(Act::Scale, Blue, Some(2), false).await;
    let state = site.cluster.state().await;
    assert_eq!(state.expected.map(|expected| expected.of(Blue)), Some(1), "an order that failed leaves the number as it was");
    site.order(Act::Scale, Blue, Some(2), true).await;
    let told = site.told("check.poorly heartbeat-blue", Duration::from_secs(40)).await;
    assert_eq!(told["reason"], "1 of 2 instances is well; 1 was never heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_colour_that_is_stopped_on_purpose_is_quiet_until_it_is_deployed_again() {
    let mut site = Site::start().await;
    let lease = site.begin(Act::Stop, Green, None).await;
    site.end("green-1", Signal::KILL).await;
    site.cluster.green.set_failing(true);
    site.cluster.remote.end_deploy(&lease, &DeployEnd { ok: true, reason: None, output: None }).await.expect("it ends");
    // Missed as soon as green would have been.
    site.end("blue-1", Signal::KILL).await;
    site.told("check.poorly heartbeat-blue", BOUND).await;
    let overview = site.overview().await.expect("an overview");
    for name in ["green", "heartbeat-green", "preview"] {
        assert_eq!(status(&overview, name), "stopped", "{overview}");
    }
    assert_eq!(site.alarms(), ["check.poorly heartbeat-blue"]);
    let shown = allswell(&site, &["status"]).await;
    assert!(shown.contains("■ stopped"), "{shown}");

    site.cluster.green.set_failing(false);
    site.beat("green-1");
    site.order(Act::Deploy, Green, None, true).await;
    site.until("green is up again", |overview| ["green", "heartbeat-green"].iter().all(|name| status(overview, name) == "up")).await;
    site.cluster.green.set_failing(true);
    site.told("check.down green", BOUND).await;
    let history = allswell(&site, &["history"]).await;
    assert!(history.contains("stop   green") && history.contains("instances 0"), "{history}");
}

async fn allswell(site: &Site, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
    command.args(arguments).arg("--config").arg(site.cluster.host.path("watcher.toml")).arg("--state").arg(site.cluster.host.path("state"));
    let output = tokio::task::spawn_blocking(move || command.output().expect("the command runs")).await.expect("it ends");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
