//! A whole system under Prometheus: `allswell up` with every part, another proxy with a certificate, two channels, and four checks.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::server::Prometheus;
use crate::harness::system::{config, demo_command, reqwest_client};
use crate::harness::{Host, Process, System, Webhook, eventually};

/// The address of each check of our own.
const CHECKS: [(&str, &str); 4] = [
    ("backup", "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"),
    ("report", "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea279"),
    ("queue", "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea27a"),
    ("import", "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea27b"),
];

/// Everything, running.
pub(super) struct Place {
    pub(super) system: System,
    pub(super) prometheus: Prometheus,
    /// A channel that can be made to refuse.
    pub(super) ops: Webhook,
    /// Another proxy, with TLS.
    front: Front,
}

/// A proxy on a host of its own.
struct Front {
    host: Host,
    process: Process,
}

impl Front {
    fn start() -> Self {
        let host = Host::new();
        certificate(&host.path(""), 90);
        let process = Self::launch(&host);
        Self { host, process }
    }

    fn launch(host: &Host) -> Process {
        let file = |name: &str| host.path(name).display().to_string();
        let text = format!(
            "[runtime]\ncommand = \"true\"\n[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n\
             [proxy]\nlive = \"{}\"\nidle = \"{}\"\nhealth = \"{}\"\nlive_tls = {{ certificate = \"{}\", key = \"{}\" }}\n",
            host.at(3001),
            host.at(3002),
            host.at(8443),
            host.at(8080),
            host.at(7702),
            file("shop.pem"),
            file("shop.key"),
        );
        std::fs::write(host.path("allswell.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-proxy"));
        command.arg("--config").arg(host.path("allswell.toml")).arg("--state").arg(host.path("state"));
        Process::start(&mut command, &host.path("proxy.log"))
    }
}

impl Place {
    /// Starts all of it; ready when nothing but the Watchdog fires.
    pub(super) async fn start() -> Self {
        let host = Host::new();
        let (ops, spare) = (Webhook::start(&host.at(9001), None).await, Webhook::start(&host.at(9002), None).await);
        let mut more = format!("[up]\nhealth = \"{}\"\n", host.at(7704));
        // The watcher's own listener is in the clear, as Prometheus asks it; the public view's has a certificate.
        certificate(&host.path(""), 90);
        let file = |name: &str| host.path(name).display().to_string();
        let (pem, key) = (file("shop.pem"), file("shop.key"));
        more += &format!(
            "[public]\nchecks = [\"backup\"]\nlisten = \"{}\"\ntls = {{ certificate = \"{pem}\", key = \"{key}\" }}\n",
            host.at(7780)
        );
        for (name, channel) in [("ops", &ops), ("spare", &spare)] {
            more += &format!("[[channel]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{}\"\n", channel.url());
        }
        for (name, uuid) in CHECKS {
            more += &format!("[[check]]\nname = \"{name}\"\nuuid = \"{uuid}\"\nperiod = \"1h\"\ngrace = \"1h\"\n");
        }
        // Slow answers take 3 s here: they are slow, and no failure.
        let text = config(&host, &command(&host), &more).replace("timeout = \"500ms\"", "timeout = \"4s\"");
        let system = System::start(host, &text).await;
        let front = Front::start();
        let at = |port| system.host.at(port);
        let prometheus = Prometheus::start(
            &system.host,
            &[
                ("# - targets: [host:7704]\n      #  ", format!("- targets: [{}]\n       ", at(7704))),
                ("proxy:7702", at(7702)),
                ("prober:7703", at(7703)),
                ("watcher:7700", at(7700)),
                (
                    "# Where alerts go.",
                    format!("      - targets: [{}]\n        labels: {{ app: front, part: proxy }}\n#", front.host.at(7702)),
                ),
            ],
            "",
        )
        .await;
        let place = Self { system, prometheus, ops, front };
        place.all(None).await;
        place.prometheus.shows("count(up == 1)", 5.0).await;
        place.prometheus.is_quiet().await;
        place
    }

    /// Every check of our own succeeds, or fails for this reason.
    pub(super) async fn all(&self, fails: Option<&'static str>) {
        for (_, uuid) in CHECKS {
            let end = if fails.is_some() { "/fail" } else { "" };
            let url = format!("http://{}/ping/{uuid}{end}", self.system.host.at(7700));
            let pinged =
                || async { reqwest_client().post(&url).body(fails.unwrap_or_default()).send().await.ok()?.error_for_status().ok() };
            eventually("the ping is stored", pinged).await;
        }
    }

    /// A beat that nobody has signed.
    pub(super) async fn unsigned(&self) {
        let url = format!("http://{}/v1/beat", self.system.host.at(7700));
        let refused = reqwest_client().post(url).body("{}").send().await.map(|answer| answer.status().as_u16());
        assert_eq!(refused.ok(), Some(401));
    }

    /// The other proxy and the public view have a certificate for so many days from now on.
    pub(super) fn certificate(&self, days: u32) {
        certificate(&self.system.host.path(""), days);
        certificate(&self.front.host.path(""), days);
    }

    /// The other proxy starts anew, and finds this in place of its state: none is its own.
    pub(super) async fn front_finds(&mut self, state: Option<&str>) {
        self.front.process.signal(Signal::KILL);
        self.front.process.end(Duration::from_secs(10)).await;
        let kept = self.front.host.path("state/proxy.json");
        match state {
            Some(text) => std::fs::write(&kept, text).unwrap(),
            None => std::fs::remove_file(&kept).unwrap(),
        }
        self.front.process = Front::launch(&self.front.host);
    }

    /// Runs a command of the operator's, which must end with this code; says what it said.
    pub(super) async fn run(&self, arguments: &[&str], code: i32) -> String {
        let output = self.system.run(arguments).await;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }
}

/// The demo app; in version `bad` something that never listens.
fn command(host: &Host) -> String {
    let scroll = format!("exec {} --control {}", demo_command(host), host.path("demo-{colour}.sock").display());
    format!(r#"sh -c "case x{{version}} in xbad) exec sleep 600;; *) {scroll};; esac""#)
}

fn certificate(folder: &Path, days: u32) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", &days.to_string(), "-keyout"])
        .arg(folder.join("shop.key"))
        .arg("-out")
        .arg(folder.join("shop.pem"))
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{made:?}");
}
