//! `health`: three looks, one line each, on screen and in the day's file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use regex_lite::Regex;
use rustix::process::{Pid, Signal, getegid, geteuid, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::harness::{Host, Process, allswell, command, eventually, listen, self_signed, within};

/// Answers on `/healthz` with this status after this time.
async fn app(address: &str, status: u16, delay: Duration) {
    let listener = listen(address).await;
    let answer = move || async move {
        sleep(delay).await;
        StatusCode::from_u16(status).unwrap()
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/healthz", get(answer))).await });
}

fn with_config(log: &str) -> Host {
    let host = Host::new();
    let (blue, green, live) = (host.at(3001), host.at(3002), host.at(8000));
    let text = format!(
        "[runtime]\ncommand = \"x\"\n[app.blue]\naddress = \"{blue}\"\n[app.green]\naddress = \"{green}\"\n\
         [proxy]\nlive = \"{live}\"\n[log]\ndirectory = \"{}\"\n",
        host.path(log).display()
    );
    fs::write(host.path("allswell.toml"), text).unwrap();
    host
}

/// The lines of the one day's file in the directory.
fn logged(directory: &Path) -> Vec<String> {
    let files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect();
    let [file] = &files[..] else { panic!("one day has one file: {files:?}") };
    let name = Regex::new(r"^\d{4}-\d\d-\d\d\.log$").unwrap();
    assert!(name.is_match(file.file_name().to_str().unwrap()), "{file:?}");
    fs::read_to_string(file.path()).unwrap().lines().map(str::to_owned).collect()
}

const TIME: &str = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d";

fn assert_lines(lines: &[String], wanted: [&str; 3]) {
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, words) in lines.iter().zip(wanted) {
        let shape = Regex::new(&format!("{TIME} {words}$")).unwrap();
        assert!(shape.is_match(line), "{line} is not {words}");
    }
}

#[tokio::test]
async fn what_works_is_zero_and_each_look_is_one_line() {
    let host = with_config("log");
    for port in [3001, 3002, 8000] {
        app(&host.at(port), 200, Duration::ZERO).await;
    }
    let ran = allswell(&host, &["health"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let lines = logged(&host.path("log"));
    assert_lines(&lines, [r"blue working 200 \d+ms", r"green working 200 \d+ms", r"live working 200 \d+ms"]);
    assert_eq!(ran.out.lines().collect::<Vec<_>>(), lines, "the screen says the same");
}

#[tokio::test]
async fn a_live_site_that_speaks_tls_is_asked_by_tls() {
    let host = with_config("log");
    self_signed(&host.path("shop"), "DNS:shop.example", 5);
    let file = |name: &str| host.path(name).display().to_string();
    let more = format!(
        "idle = \"{}\"\nhealth = \"{}\"\nlive_tls = {{ certificate = \"{}\", key = \"{}\" }}\n[log]",
        host.at(8080),
        host.at(7702),
        file("shop.pem"),
        file("shop.key"),
    );
    let text = fs::read_to_string(host.path("allswell.toml")).unwrap();
    fs::write(host.path("allswell.toml"), text.replace("[log]", &more)).unwrap();
    for port in [3001, 3002] {
        app(&host.at(port), 200, Duration::ZERO).await;
    }
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_allswell-proxy"));
    let _proxy = Process::start(proxy.current_dir(host.path("")), &host.path("proxy.log"));
    eventually("the proxy listens", || async { TcpStream::connect(host.at(8000)).await.ok() }).await;
    let ran = allswell(&host, &["health"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert_lines(&logged(&host.path("log")), [r"blue working 200 \d+ms", r"green working 200 \d+ms", r"live working 200 \d+ms"]);
}

#[tokio::test]
async fn a_log_made_under_sudo_belongs_to_whoever_called_it_and_all_may_read_it() {
    let host = with_config("var/log");
    // Only root can give something away; anybody else keeps it.
    let (user, group) = if geteuid().is_root() { (4_321, 4_322) } else { (geteuid().as_raw(), getegid().as_raw()) };
    let sudo = |words| {
        let mut command = command(&host, words);
        command.env("SUDO_UID", user.to_string()).env("SUDO_GID", group.to_string());
        command
    };
    assert!(sudo(&["health"]).output().await.unwrap().stderr.is_empty());
    let file = fs::read_dir(host.path("var/log")).unwrap().next().unwrap().unwrap().path();
    for made in [host.path("var"), host.path("var/log"), file] {
        let about = fs::metadata(&made).unwrap();
        assert_eq!((about.uid(), about.gid()), (user, group), "{}", made.display());
        assert!(!about.is_dir() || about.mode() & 0o777 == 0o755, "{}", made.display());
    }
}

#[tokio::test]
async fn a_log_that_is_a_link_is_not_followed() {
    let host = with_config("log");
    let today = allswell::clock::local(allswell::clock::now()).format("%Y-%m-%d.log").to_string();
    fs::create_dir(host.path("log")).unwrap();
    fs::write(host.path("precious"), "mine\n").unwrap();
    std::os::unix::fs::symlink(host.path("precious"), host.path("log").join(today)).unwrap();
    let ran = allswell(&host, &["health"]).await;
    assert!(ran.code == 1 && ran.err.starts_with("error: the log in "), "{ran:?}");
    assert_eq!(fs::read_to_string(host.path("precious")).unwrap(), "mine\n");
}

#[tokio::test]
async fn a_slow_answer_is_nine_and_a_bad_one_is_one() {
    let host = with_config("log");
    app(&host.at(3001), 200, Duration::ZERO).await;
    app(&host.at(3002), 200, Duration::from_millis(2_100)).await;
    app(&host.at(8000), 200, Duration::ZERO).await;
    let ran = allswell(&host, &["health"]).await;
    assert_eq!(ran.code, 9, "{ran:?}");
    assert_lines(&logged(&host.path("log")), [r"blue working 200 \d+ms", r"green doing poorly 200 2\d\d\dms", r"live working 200 \d+ms"]);

    let host = with_config("log");
    app(&host.at(3001), 503, Duration::ZERO).await;
    app(&host.at(8000), 200, Duration::ZERO).await;
    let ran = allswell(&host, &["health"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    let wanted = [r"blue not working 503 \d+ms", r"green not working - \d+ms connection refused", r"live working 200 \d+ms"];
    assert_lines(&logged(&host.path("log")), wanted);
    let document = allswell(&host, &["health", "--json"]).await.json();
    assert_eq!(document[0]["health"], "not working", "{document}");
    assert_eq!(document[2]["status"], 200, "{document}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_one_error_and_the_screen_goes_on() {
    let host = with_config("file/log");
    fs::write(host.path("file"), "not a directory").unwrap();
    for port in [3001, 3002, 8000] {
        app(&host.at(port), 200, Duration::ZERO).await;
    }
    let mut child = command(&host, &["health", "--every", "50ms"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..9 {
        let line = tokio::time::timeout(Duration::from_secs(30), screen.next_line()).await.expect("the screen goes on").unwrap().unwrap();
        assert!(line.contains(" working 200 "), "{line}");
    }
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let ended = within(Duration::from_secs(10), "Ctrl-C ends it", || {
        let ended = child.try_wait().unwrap();
        async move { ended }
    })
    .await;
    assert_eq!(ended.code(), Some(1), "all works, and the log does not");
    let mut told = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut child.stderr.take().unwrap(), &mut told).await.unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("error: the log in ") && told.contains("[log] directory"), "{told}");
}
