//! Stories about: a name that stands for several addresses, and for others a moment later.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind};
use allswell::domain::colour::Colour;
use allswell::files;
use allswell::release::Remote;
use rustix::process::Signal;

use crate::harness::system::reqwest_client;
use crate::harness::{App, Beats, Crowd, Dns, Host, Marks, Moody, Process, eventually, within};

/// Blue is wherever `shop-blue` is; everything else is on the host's own address.
struct Front {
    host: Host,
    dns: Dns,
    proxy: Option<Process>,
}

impl Front {
    /// Nothing runs yet; `more` is the rest of the config.
    async fn prepare(proxy: &str, more: &str) -> Self {
        let host = Host::new();
        let dns = Dns::start(&host).await;
        let at = |port| host.at(port);
        let config = format!(
            "[app]\nname = \"shop\"\nheartbeats = false\n[app.blue]\naddress = \"shop-blue:3000\"\n[app.green]\naddress = \"{}\"\n\
             [runtime]\ncommand = \"true\"\n[proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\n{proxy}\n{more}\n",
            at(3002),
            at(8000),
            at(8080),
            at(7702),
        );
        std::fs::write(host.path("allswell.toml"), config).unwrap();
        files::make_private_dir(&host.path("state")).unwrap();
        Self { host, dns, proxy: None }
    }

    fn append(&self, lines: &str) {
        let path = self.host.path("allswell.toml");
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + lines).unwrap();
    }

    /// With a proxy that answers.
    async fn start(blue: &[&Host], proxy: &str) -> Self {
        let mut front = Self::prepare(proxy, "").await;
        front.dns.set("shop-blue", blue);
        front.start_proxy().await;
        front
    }

    async fn start_proxy(&mut self) {
        self.proxy = Some(self.run(env!("CARGO_BIN_EXE_allswell-proxy"), "proxy.log"));
        eventually("the proxy answers", || async { reqwest_client().get(self.url(7702, "/healthz")).send().await.ok() }).await;
    }

    fn run(&self, executable: &str, log: &str) -> Process {
        let mut command = self.dns.command(executable);
        command.arg("--config").arg(self.host.path("allswell.toml")).arg("--state").arg(self.host.path("state"));
        Process::start(&mut command, &self.host.path(log))
    }

    fn url(&self, port: u16, path: &str) -> String {
        format!("http://{}{path}", self.host.at(port))
    }

    /// The status of the live site.
    async fn live(&self) -> u16 {
        reqwest_client().get(self.url(8000, "/healthz")).send().await.unwrap().status().as_u16()
    }

    /// A metric of the proxy's about blue.
    async fn metric(&self, name: &str) -> Option<u64> {
        let text = reqwest_client().get(self.url(7702, "/metrics")).send().await.ok()?.text().await.ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{colour=\"blue\"}} ")).map(str::to_owned))?;
        value.parse().ok()
    }

    async fn is_at(&self, count: u64) {
        eventually("the addresses are known", || async { (self.metric("allswell_proxy_addresses").await == Some(count)).then_some(()) })
            .await;
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.host.path("proxy.log")).unwrap()
    }
}

fn three_hosts() -> [Host; 3] {
    [Host::new(), Host::new(), Host::new()]
}

/// The demo app, as a process that can be killed.
async fn instance(host: &Host) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
    command.args(["scroll", "--bind", &host.ip, "--port", "3000"]);
    let process = Process::start(&mut command, &host.path("app.log"));
    let url = format!("http://{}/healthz", host.at(3000));
    eventually("the app answers", || async { reqwest_client().get(&url).send().await.ok() }).await;
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_to_three_to_one_under_load_costs_no_request_and_who_vanishes_gets_none() {
    let hosts = three_hosts();
    let [first, second, third] = &hosts;
    let marks = Arc::new(Marks::new(Colour::Blue));
    let app = |host: &Host| App::start_at(host.at(3000), Colour::Blue, Arc::clone(&marks));
    let one = app(first).await;
    let front = Front::start(&[first], "resolve = \"200ms\"").await;
    let crowd = Crowd::start(&front.host.at(8000), &marks, 16, 0);
    let more = async |count: u64| {
        let wanted = crowd.answers() + count;
        eventually("the crowd goes on", || async { (crowd.answers() >= wanted).then_some(()) }).await;
    };
    more(200).await;
    for _ in 0..3 {
        // As with containers: the name stands for them before they listen.
        front.dns.set("shop-blue", &[first, second, third]);
        front.is_at(3).await;
        more(50).await;
        let (two, three) = (app(second).await, app(third).await);
        eventually("all three get their share", || async {
            let all = [&one, &two, &three].map(|app| app.seen.working());
            all.iter().all(|working| *working >= 3).then_some(())
        })
        .await;
        front.dns.set("shop-blue", &[first]);
        front.is_at(1).await;
        eventually("what was there is finished", || async { (two.seen.working() + three.seen.working() == 0).then_some(()) }).await;
        let before = [two.seen.arrivals(), three.seen.arrivals()];
        more(300).await;
        assert_eq!([two.seen.arrivals(), three.seen.arrivals()], before, "they had vanished");
        drop((two, three));
        within(Duration::from_secs(5), "their ports are free", || async {
            tokio::net::TcpListener::bind(second.at(3000)).await.ok().map(drop)?;
            tokio::net::TcpListener::bind(third.at(3000)).await.ok().map(drop)
        })
        .await;
    }
    let tally = crowd.end().await;
    assert_eq!((tally.failed, tally.closed), (Vec::<String>::new(), Vec::<String>::new()));
}

#[tokio::test]
async fn one_that_is_stopped_while_its_name_still_stands_for_it_costs_no_request() {
    let hosts = three_hosts();
    let mut apps = [instance(&hosts[0]).await, instance(&hosts[1]).await, instance(&hosts[2]).await];
    let front = Front::start(&[&hosts[0], &hosts[1], &hosts[2]], "").await;
    let thirty = async || {
        for _ in 0..30 {
            assert_eq!(front.live().await, 200);
        }
    };
    thirty().await;
    for app in &mut apps[..2] {
        app.signal(Signal::KILL);
        app.end(Duration::from_secs(10)).await;
        thirty().await;
    }
    assert_eq!(front.metric("allswell_proxy_addresses").await, Some(3));
}

#[tokio::test]
async fn replaced_elsewhere_it_is_found_by_the_first_request_that_finds_nobody() {
    let [old, new, _] = &three_hosts();
    let mut app = instance(old).await;
    let front = Front::start(&[old], "resolve = \"1h\"").await;
    assert_eq!(front.live().await, 200);
    app.signal(Signal::KILL);
    app.end(Duration::from_secs(10)).await;
    let _replacement = instance(new).await;
    front.dns.set("shop-blue", &[new]);
    assert_eq!(front.live().await, 200);
    assert_eq!(front.metric("allswell_proxy_addresses").await, Some(1));
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_any_more_stays_where_it_was_while_it_is_there_and_is_told_once() {
    let [place, ..] = &three_hosts();
    let mut app = instance(place).await;
    let front = Front::start(&[place], "resolve = \"100ms\"").await;
    let failed = async |so_far: u64| {
        eventually("lookups fail", || async {
            front.metric("allswell_proxy_lookups_failed_total").await.filter(|failed| *failed > so_far + 1)
        })
        .await
    };
    front.dns.forget("shop-blue");
    let unknown = failed(0).await;
    assert_eq!(front.live().await, 200);
    front.dns.set_silent(true);
    failed(unknown).await;
    assert_eq!(front.live().await, 200);
    let told = |log: &str| log.lines().filter(|line| line.contains("shop-blue does not resolve: ")).count();
    app.signal(Signal::KILL);
    app.end(Duration::from_secs(10)).await;
    // Its address is free, and may soon be another's.
    front.is_at(0).await;
    let _another = instance(place).await;
    assert_eq!(front.live().await, 503);
    assert_eq!(told(&front.log()), 1, "{}", front.log());
    front.dns.set_silent(false);
    front.dns.set("shop-blue", &[place]);
    eventually("it resolves again", || async { front.log().contains("it resolves again").then_some(()) }).await;
    assert_eq!(front.live().await, 200);
}

#[tokio::test]
async fn a_proxy_whose_names_do_not_resolve_starts_all_the_same_and_says_so_to_its_clients() {
    let mut front = Front::prepare("resolve = \"100ms\"", "").await;
    front.start_proxy().await;
    let answer = reqwest_client().get(front.url(8000, "/")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().trim()), (503, "503: blue has no address"));
    let [place, ..] = &three_hosts();
    let _app = instance(place).await;
    front.dns.set("shop-blue", &[place]);
    assert_eq!(front.live().await, 200, "the next request finds it");
}

/// A prober that finds the proxy as `front-of-shop`, and that others find by names of its own.
struct Probed {
    front: Front,
    remote: Remote,
    beats: Beats,
    _prober: Process,
}

impl Probed {
    /// With blue at these hosts; ready when it has done a round.
    async fn start(blue: &[&Host]) -> Self {
        let watcher = Host::new();
        let more = format!(
            "[switch]\npasses = 3\n[probe]\nevery = \"1s\"\nslow = \"900ms\"\ntimeout = \"3s\"\nfall = 2\n\
             [prober]\nreach = \"prober-of-shop\"\nurl = \"http://prober-health:7703\"\nwatchers = [\"http://{}\", \"http://watcher-of-shop:7710\"]\n",
            watcher.at(7700)
        );
        let mut front = Front::prepare("reach = \"front-of-shop\"", &more).await;
        let at = |port| front.host.at(port);
        front.append(&format!("listen = \"{}\"\nhealth = \"{}\"\n[watcher]\nlisten = \"{}\"\n", at(7701), at(7703), at(7710)));
        let beats = Beats::start(watcher.at(7700)).await;
        front.dns.set("shop-blue", blue);
        front.dns.set("front-of-shop", &[&front.host]);
        front.start_proxy().await;
        let token = files::token(&front.host.path("state/prober.token")).unwrap();
        let remote = Remote::new(&front.host.at(7701), token, Duration::from_secs(15));
        let prober = front.run(env!("CARGO_BIN_EXE_allswell-prober"), "prober.log");
        eventually("a round is done", || async { beats.of("prober").pop() }).await;
        Self { front, remote, beats, _prober: prober }
    }

    /// The next beat of blue that is good, or bad for this reason.
    async fn blue(&self, reason: Option<&str>) {
        let before = self.beats.of("blue").len();
        let is_it = |beat: &Beat| match reason {
            None => beat.kind == BeatKind::Success,
            Some(reason) => beat.kind == BeatKind::Fail && beat.health.as_ref().and_then(|health| health.reason.as_deref()) == Some(reason),
        };
        eventually(&format!("blue is told: {reason:?}"), || async { self.beats.of("blue").into_iter().skip(before).find(is_it) }).await;
    }
}

#[tokio::test]
async fn the_worst_of_all_that_a_name_stands_for_speaks_and_is_named() {
    let hosts = three_hosts();
    let app = |host: &Host| Moody::start(host.at(3000), "blue");
    let (_one, mut two, three) = (app(&hosts[0]).await, app(&hosts[1]).await, app(&hosts[2]).await);
    let probed = Probed::start(&[&hosts[0], &hosts[1], &hosts[2]]).await;
    let blue = async |at: &Host, what: &str| probed.blue(Some(&format!("{}: {what}", at.at(3000)))).await;
    probed.blue(None).await;
    three.set_failing(true);
    blue(&hosts[2], "answered 500").await;
    three.set_failing(false);
    probed.blue(None).await;
    two.kill().await;
    blue(&hosts[1], "connection refused").await;
    // Whoever the name no longer stands for is nobody's fault.
    probed.front.dns.set("shop-blue", &[&hosts[0], &hosts[2]]);
    probed.blue(None).await;
    probed.front.dns.forget("shop-blue");
    probed.blue(Some("shop-blue does not resolve: Name or service not known")).await;
    probed.front.dns.set("shop-blue", &[&hosts[0]]);
    probed.blue(None).await;
}

#[tokio::test]
async fn new_instances_pass_their_gate_beside_the_old_and_count_for_no_colour() {
    let hosts = three_hosts();
    let app = |host: &Host, port| Moody::start(host.at(port), "green");
    let (_old, one, _two) = (app(&hosts[0], 3000).await, app(&hosts[1], 3000).await, app(&hosts[2], 3000).await);
    let probed = Probed::start(&[&hosts[0]]).await;
    probed.front.dns.set("shop-green-2", &[&hosts[2]]);
    let gate = async |at: &[String], within| probed.remote.gate(Colour::Green, Duration::from_millis(within), at).await;
    let new = [hosts[1].at(3000), "shop-green-2:3000".to_owned()];
    one.set_failing(true);
    let shut = gate(&new, 1_500).await.unwrap();
    assert!(!shut.open);
    assert_eq!(shut.why, format!("{}: the last probe failed: answered 500", hosts[1].at(3000)));
    assert_eq!(shut.last.unwrap().reason, Some(format!("{}: answered 500", hosts[1].at(3000))));
    one.set_failing(false);
    let open = gate(&new, 20_000).await.unwrap();
    assert!(open.open, "{}", open.why);
    let shut = gate(&["shop-green-9:3000".to_owned()], 1_500).await.unwrap();
    assert_eq!(shut.why, "shop-green-9:3000: the last probe failed: shop-green-9 does not resolve: Name or service not known");
    let green = probed.remote.state().await.unwrap().targets.into_iter().find(|target| target.name == "green").unwrap();
    assert_eq!(green.passes_in_a_row, 0, "nobody is at green's own address");
}

#[tokio::test]
async fn in_containers_of_their_own_the_parts_find_each_other_by_name() {
    let [place, ..] = &three_hosts();
    let _app = instance(place).await;
    let probed = Probed::start(&[place]).await;
    let _watcher = probed.front.run(env!("CARGO_BIN_EXE_allswell-watcher"), "watcher.log");
    let passed = |name| {
        let probed = &probed;
        async move {
            let targets = probed.remote.state().await.ok()?.targets;
            targets.into_iter().find(|target| target.name == name).filter(|target| target.passes_in_a_row > 0).map(drop)
        }
    };
    eventually("the front door is found by the proxy's name", || passed("front door")).await;
    eventually("the watcher answers", || async { reqwest_client().get(probed.front.url(7710, "/healthz")).send().await.ok() }).await;
    let asked = async |port, host: &str| {
        let path = if port == 7701 { "/v1/state" } else { "/healthz" };
        let request = reqwest_client().get(probed.front.url(port, path)).header("host", host);
        request.send().await.unwrap().status().as_u16()
    };
    for (port, host) in
        [(7702, "front-of-shop:7702"), (7703, "prober-of-shop:7703"), (7703, "prober-health:7703"), (7710, "watcher-of-shop:7710")]
    {
        assert_eq!(asked(port, host).await, 200, "{host}");
    }
    assert_eq!(asked(7701, "prober-of-shop:7701").await, 401, "it is known, and its token is missing");
    for port in [7701, 7702, 7703, 7710] {
        assert_eq!(asked(port, "shop.example").await, 421);
    }
}
