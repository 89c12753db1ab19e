//! HTTPS, HTTP/2, the redirect, and sockets that systemd has opened.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use allswell::domain::colour::Colour;
use reqwest::{Client, Version};

use super::front::Front;
use crate::harness::{Host, Process, eventually, self_signed};

/// A certificate for `shop.example`, and its key.
pub(super) fn certificate(folder: &Path, days: u32) {
    self_signed(&folder.join("shop"), "DNS:shop.example", days);
}

/// Lines of `[proxy]` for it.
pub(super) fn tls_lines(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    format!("live_tls = {{ certificate = \"{}\", key = \"{}\" }}", file("shop.pem"), file("shop.key"))
}

/// Knows the certificate, and finds the shop at this address.
fn client(folder: &Path, address: &str, http2: bool) -> Client {
    let pem = std::fs::read(folder.join("shop.pem")).unwrap();
    let builder = Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .resolve("shop.example", address.parse().unwrap())
        .redirect(reqwest::redirect::Policy::none());
    let builder = if http2 { builder } else { builder.http1_only() };
    builder.build().unwrap()
}

#[tokio::test]
async fn visitors_come_by_https_and_a_new_certificate_is_shown_without_a_restart() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 5);
    let front = Front::start(&tls_lines(folder.path())).await;
    let _blue = front.app(Colour::Blue).await;
    let url = format!("https://shop.example:{}/headers", front.live().rsplit_once(':').unwrap().1);
    let old = client(folder.path(), &front.live(), false);
    let answer = old.get(&url).send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_11);
    let seen = answer.text().await.unwrap();
    assert!(seen.contains("x-forwarded-proto: https") && seen.contains("host: shop.example"), "{seen}");
    let warning = front.control.warning().await.unwrap().expect("it ends soon");
    assert!(warning.contains("ends in 4 days"), "{warning}");
    // A bad one is not shown, and told of.
    let good = std::fs::read(folder.path().join("shop.pem")).unwrap();
    std::fs::write(folder.path().join("shop.pem"), "no certificate").unwrap();
    eventually("the bad one is told of", || async {
        front.control.warning().await.ok().flatten().filter(|warning| warning.contains("the old one is still shown"))
    })
    .await;
    std::fs::write(folder.path().join("shop.pem"), good).unwrap();
    assert!(client(folder.path(), &front.live(), false).get(&url).send().await.unwrap().status().is_success());
    certificate(folder.path(), 90);
    let new = client(folder.path(), &front.live(), false);
    eventually("the new one is shown", || async { new.get(&url).send().await.ok() }).await;
    assert_eq!(front.control.warning().await.unwrap(), None);
}

#[tokio::test]
async fn http_2_is_agreed_on_and_shifts_cost_it_no_request() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let front = Front::start(&tls_lines(folder.path())).await;
    let (_blue, _green) = (front.app(Colour::Blue).await, front.app(Colour::Green).await);
    let url = |path: &str| format!("https://{}{path}", front.live());
    let asked = curl(folder.path(), &front, &["-H", "cookie: a=1", "-H", "cookie: b=2"], "/headers").await;
    assert!(asked.starts_with("2 200\n") && asked.contains("cookie: a=1; b=2") && asked.contains("host: shop.example"), "{asked}");
    let upload = curl(folder.path(), &front, &["--data-binary", "abc"], "/length").await;
    assert_eq!(upload, "2 200\n3 294");
    // Many at a time on one connection, over shifts.
    let load = Command::new("h2load")
        .args(["-n", "20000", "-c", "4", "-m", "16", &url("/work")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("h2load is installed");
    let mut load = Some(load);
    let mut epoch = 0;
    while load.as_mut().is_some_and(|load| load.try_wait().unwrap().is_none()) {
        epoch += 1;
        front.shift(if epoch % 2 == 1 { Colour::Green } else { Colour::Blue }, epoch).await;
    }
    let said = load.take().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("20000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
    assert!(epoch > 1, "it was shifted meanwhile");
}

/// What curl gets by HTTP/2: version, status, and the body.
async fn curl(folder: &Path, front: &Front, words: &[&str], path: &str) -> String {
    let port = front.live().rsplit_once(':').unwrap().1.to_owned();
    let asked = tokio::process::Command::new("curl")
        .args(["--silent", "--show-error", "--http2", "--max-time", "10", "--write-out", "%{stderr}%{http_version} %{http_code}\n"])
        .args(["--connect-to", &format!("shop.example:{port}:{}", front.live()), "--cacert"])
        .arg(folder.join("shop.pem"))
        .args(words)
        .arg(format!("https://shop.example:{port}{path}"))
        .output()
        .await
        .expect("curl is installed");
    format!("{}{}", String::from_utf8_lossy(&asked.stderr), String::from_utf8_lossy(&asked.stdout))
}

#[tokio::test]
async fn who_comes_by_http_is_sent_to_https() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let host = Host::new();
    let lines = format!("{}\nredirect = \"{}\"", tls_lines(folder.path()), host.at(8001));
    let front = Front::start_unready(host, &lines);
    front.is_up().await;
    let mut client = crate::harness::Raw::connect(&front.host.at(8001)).await.unwrap();
    let sent = client.ask("POST", "/a?b=%20", &["host: shop.example:80"], b"x").await.unwrap();
    let port = front.live().rsplit_once(':').unwrap().1.to_owned();
    assert_eq!((sent.status, sent.header("location")), (308, Some(format!("https://shop.example:{port}/a?b=%20"))));
}

#[tokio::test]
async fn sockets_that_systemd_has_opened_are_taken_by_their_names() {
    let host = Host::new();
    let socket: PathBuf = host.path("state/proxy.sock");
    let config = format!(
        "[runtime]\ncommand = \"true\"\n[app.blue]\naddress = \"{}\"\n[app.green]\naddress = \"{}\"\n\
         [proxy]\nlive = \"192.0.2.1:1\"\nidle = \"192.0.2.1:2\"\nhealth = \"{}\"\n",
        host.at(3001),
        host.at(3002),
        host.at(7702)
    );
    std::fs::write(host.path("allswell.toml"), config).unwrap();
    let mut command = Command::new("systemd-socket-activate");
    command
        .args(["--listen", &host.at(8080), "--listen", &host.at(8000), "--fdname", "idle:live", env!("CARGO_BIN_EXE_allswell-proxy")])
        .arg("--config")
        .arg(host.path("allswell.toml"))
        .arg("--state")
        .arg(host.path("state"));
    let _proxy = Process::start(&mut command, &host.path("proxy.log"));
    // The first client starts it.
    let address = host.at(8000);
    let answer = eventually("it is started, and answers", || async {
        crate::harness::Raw::connect(&address).await.ok()?.ask("GET", "/", &[], b"").await.ok()
    })
    .await;
    assert_eq!(answer.text(), "502: blue refuses connections\n");
    let preview = crate::harness::Raw::connect(&host.at(8080)).await.unwrap().ask("GET", "/", &[], b"").await.unwrap();
    assert_eq!(preview.text(), "502: green refuses connections\n");
    assert!(socket.exists());
}

#[tokio::test]
async fn who_has_not_agreed_on_tls_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let lines = format!("{}\nheader_read_timeout = \"5m\"", tls_lines(folder.path()));
    let mut front = Front::start_draining(&lines, "5m").await;
    let _silent = tokio::net::TcpStream::connect(front.live()).await.unwrap();
    let open = "allswell_proxy_connections_open{listener=\"live\"} 1\n";
    eventually("it is taken", || async { front.health("/metrics").await.1.contains(open).then_some(()) }).await;
    front.end_within(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn sockets_that_nobody_takes_are_told_of() {
    let host = Host::new();
    let proxy = format!("[proxy]\nlive = \"192.0.2.1:1\"\nidle = \"192.0.2.1:2\"\nhealth = \"{}\"\n", host.at(7702));
    std::fs::write(host.path("allswell.toml"), format!("[runtime]\ncommand = \"true\"\n{proxy}")).unwrap();
    let mut command = Command::new("systemd-socket-activate");
    command
        .args(["--listen", &host.at(8000), "--fdname", "shop.socket", env!("CARGO_BIN_EXE_allswell-proxy"), "--config"])
        .arg(host.path("allswell.toml"))
        .arg("--state")
        .arg(host.path("state"));
    let _proxy = Process::start(&mut command, &host.path("proxy.log"));
    eventually("it is started by a client, and says why it takes none", || async {
        // The listener may not be there yet, and a proxy that could not listen is gone.
        let _client = crate::harness::Raw::connect(&host.at(8000)).await;
        let said = std::fs::read_to_string(host.path("proxy.log")).ok()?;
        (said.contains("shop.socket") && said.contains("FileDescriptorName= with one of live, idle, and has one")).then_some(())
    })
    .await;
}
