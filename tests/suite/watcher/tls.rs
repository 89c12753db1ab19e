//! The watcher's listener with a certificate, and HTTP/2.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::stage::KEY;
use crate::harness::{Host, Process, Webhook, allswell, eventually, self_signed};

const ID: &str = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";

struct Secure {
    host: Host,
    sink: Webhook,
    watcher: Process,
}

impl Secure {
    /// With a certificate that ends in so many days.
    async fn start(days: u32) -> Self {
        Self::with(days, "").await
    }

    /// With this line in `[watcher]` besides.
    async fn with(days: u32, line: &str) -> Self {
        let host = Host::new();
        let sink = Webhook::start(&host.at(9000), None).await;
        let at = host.at(7700);
        let config = format!(
            "[app]\nheartbeats = false\n[runtime]\ncommand = \"x\"\n[probe]\nevery = \"1h\"\n[prober]\nwatchers = [\"https://{at}\"]\n\
             [watcher]\nlisten = \"{at}\"\nbeat_key = \"{KEY}\"\ntls = {{ certificate = \"watcher.pem\", key = \"watcher.key\" }}\n{line}\n\
             [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\n[[check]]\nname = \"backup\"\nuuid = \"{ID}\"\nperiod = \"1h\"\n",
            sink.url()
        );
        fs::write(host.path("allswell.toml"), config).unwrap();
        fs::create_dir(host.path("state")).unwrap();
        certify(&host, days);
        let secure = Self { watcher: Process::start(&mut watcher(&host), &host.path("watcher.log")), host, sink };
        eventually("it answers by TLS", || async { (secure.curl(&[], "/healthz").await == "2 200 ok").then_some(()) }).await;
        secure
    }

    fn certificate(&self) -> PathBuf {
        self.host.path("state/watcher.pem")
    }

    /// Version, status and body of the answer.
    async fn curl(&self, words: &[&str], path: &str) -> String {
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["--silent", "--http2", "--max-time", "10", "--write-out", "%{stderr}%{http_version} %{http_code} ", "--cacert"]);
        let asked = curl.arg(self.certificate()).args(words).arg(format!("https://{}{path}", self.host.at(7700))).output().await;
        let asked = asked.expect("curl is installed");
        format!("{}{}", String::from_utf8_lossy(&asked.stderr), String::from_utf8_lossy(&asked.stdout)).trim().to_owned()
    }

    async fn told(&self, words: &str) {
        eventually(words, || async { self.sink.told().iter().any(|told| told == words).then_some(()) }).await;
    }
}

fn watcher(host: &Host) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
    command
}

fn certify(host: &Host, days: u32) {
    let at = host.at(7700);
    self_signed(&host.path("state/watcher"), &format!("IP:{}", at.rsplit_once(':').unwrap().0), days);
}

#[tokio::test]
async fn everything_is_served_by_tls_alone_and_both_versions_of_http_are_spoken() {
    let secure = Secure::start(90).await;
    let ping = format!("/ping/{ID}");
    assert_eq!(secure.curl(&[], &ping).await, "2 200 OK");
    assert_eq!(secure.curl(&["--data-binary", "words"], &ping).await, "2 200 OK");
    assert_eq!(secure.curl(&["--http1.1"], &ping).await, "1.1 200 OK");
    assert_eq!(secure.curl(&["-H", "host: evil.example"], &ping).await.split(' ').nth(1), Some("421"), "the same rules for both");
    let large = secure.host.path("large");
    fs::write(&large, vec![b'x'; 11 << 20]).unwrap();
    let large = format!("@{}", large.display());
    let refused = secure.curl(&["--http1.1", "--data-binary", &large], &ping).await;
    assert_eq!(refused.split(' ').nth(1), Some("413"), "{refused}");
    let head = format!("x-large: {}", "x".repeat(100_000));
    // By HTTP/2, Debian's curl takes an answer that comes before its question has ended for an error.
    for words in [["--data-binary", &large], ["-H", &head]] {
        let refused = secure.curl(&words, &ping).await;
        assert!(!refused.contains(" 200"), "{refused}");
    }
    assert_eq!(secure.curl(&[], &ping).await, "2 200 OK");
    let in_the_clear = allswell::net::client::http(Duration::from_secs(10)).unwrap();
    let insecure = in_the_clear.get(format!("http://{}{ping}", secure.host.at(7700))).send().await;
    assert!(insecure.is_err(), "nothing is said in the clear: {insecure:?}");
    // The command line and a container's health check find it.
    let shown = allswell(&secure.host, &["checks", "--state", "state"]).await;
    assert!(shown.out.contains(&format!("https://{}/ping/{ID}", secure.host.at(7700))), "{shown:?}");
    let probed = watcher(&secure.host).arg("probe").output().unwrap();
    assert!(probed.status.success(), "{probed:?}");
}

/// Whatever the config says of where people find it: they come by what the listener speaks.
#[tokio::test]
async fn a_sign_in_is_bound_to_https_where_the_listener_speaks_nothing_else() {
    let secure = Secure::with(90, "url = \"http://status.example\"").await;
    let token = fs::read_to_string(secure.host.path("state/watcher.token")).unwrap();
    let (origin, form) = (format!("origin: https://{}", secure.host.at(7700)), format!("name=ann&token={}", token.trim()));
    let entered = secure.curl(&["--include", "--header", &origin, "--data", &form], "/sign-in").await;
    let cookie = entered.lines().find(|line| line.starts_with("set-cookie: ")).unwrap_or_else(|| panic!("no cookie: {entered}"));
    assert!(cookie.starts_with("set-cookie: __Host-allswell=") && cookie.trim().ends_with("; Secure"), "{cookie}");
    let plain = origin.replace("https", "http");
    let refused = secure.curl(&["--header", &plain, "--data", &form], "/sign-in").await;
    assert_eq!(refused.split(' ').nth(1), Some("403"), "a page that came in the clear is not ours: {refused}");
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_an_incident_until_a_new_one_is_shown() {
    let secure = Secure::start(5).await;
    secure.told("check.down certificate-watcher").await;
    let reason = secure.sink.taken()[0].body["data"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("ends in 4 days"), "{reason}");
    let good = fs::read(secure.certificate()).unwrap();
    fs::write(secure.certificate(), "no certificate").unwrap();
    let told = |words: &'static str| {
        let log = secure.host.path("watcher.log");
        eventually(words, move || {
            let is_told = fs::read_to_string(&log).unwrap().contains(words);
            async move { is_told.then_some(()) }
        })
    };
    told("the old one is still shown").await;
    fs::write(secure.certificate(), good).unwrap();
    assert_eq!(secure.curl(&[], "/healthz").await, "2 200 ok", "which is the old one");
    certify(&secure.host, 90);
    secure.told("check.resolved certificate-watcher").await;
    assert_eq!(secure.curl(&[], "/healthz").await, "2 200 ok", "the new one is shown");
}

#[tokio::test]
async fn a_listener_that_a_reload_leaves_in_the_clear_counts_down_no_certificate() {
    const DAYS: &str = "allswell_watcher_certificate_days";
    let secure = Secure::start(5).await;
    eventually("it counts down", || async { secure.curl(&[], "/metrics").await.contains(DAYS).then_some(()) }).await;
    let config = secure.host.path("allswell.toml");
    let text = fs::read_to_string(&config).unwrap();
    let clear = text.replace("tls = { certificate = \"watcher.pem\", key = \"watcher.key\" }\n", "").replace("https://", "http://");
    fs::write(&config, clear).unwrap();
    secure.watcher.signal(Signal::HUP);
    let client = allswell::net::client::http(Duration::from_secs(10)).unwrap();
    let url = format!("http://{}/metrics", secure.host.at(7700));
    eventually("it answers in the clear, and counts down nothing", || async {
        let shown = client.get(&url).send().await.ok()?.text().await.ok()?;
        (shown.contains("allswell_build_info") && !shown.contains(DAYS)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn in_the_clear_http_2_is_spoken_with_whoever_begins_it() {
    let stage = super::stage::Stage::new("").await;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--http2-prior-knowledge", "--max-time", "10", "--write-out", "%{http_version} %{http_code}"]);
    let asked = curl.arg(format!("http://{}/healthz", stage.host.at(7700))).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "ok\n2 200");
}
