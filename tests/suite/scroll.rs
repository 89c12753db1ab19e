//! Stories about: the demo app.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{Host, Process, eventually};

/// The demo app, on an address of its own.
struct Scroll {
    host: Host,
    process: Process,
}

impl Scroll {
    async fn start() -> Self {
        let host = Host::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.args(["scroll", "--bind", &host.ip, "--port", "3001", "--colour", "blue", "--version", "7"]);
        command.arg("--control").arg(host.path("demo-blue.sock"));
        let process = Process::start(&mut command, &host.path("scroll.log"));
        let scroll = Self { host, process };
        eventually("the demo app answers", || scroll.get("/healthz")).await;
        scroll
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let client = allswell::net::client::http(Duration::from_secs(2)).expect("a client");
        let answer = client.get(format!("http://{}{path}", self.host.at(3001))).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    async fn status(&self) -> Option<u16> {
        self.get("/healthz").await.map(|(status, _)| status)
    }

    async fn order(&self, conduct: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allswell"));
        command.args(["demo", conduct, "blue", "--state"]).arg(self.folder());
        tokio::task::spawn_blocking(move || command.output().expect("it runs")).await.expect("it ends")
    }

    fn folder(&self) -> PathBuf {
        self.host.path("")
    }

    async fn view(&self) -> Viewer {
        let (socket, _) = connect_async(format!("ws://{}/room", self.host.at(3001))).await.expect("a WebSocket");
        Viewer(socket)
    }
}

struct Viewer(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Viewer {
    async fn scroll(&mut self, at: f64) {
        self.0.send(Message::Text(format!("{{\"at\":{at}}}").into())).await.expect("it is sent");
    }

    /// The next message that tells something; the frame that ends it all.
    async fn hear(&mut self) -> Message {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.expect("a message in time");
            match next.expect("not the end").expect("a frame") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// Until everyone is told to be there.
    async fn is_told(&mut self, at: f64) -> Value {
        loop {
            let told: Value = serde_json::from_str(self.hear().await.to_text().expect("text")).expect("JSON");
            if told["at"] == at {
                return told;
            }
        }
    }
}

#[tokio::test]
async fn whoever_views_the_page_is_kept_in_step_and_a_newcomer_gets_the_last_position() {
    let app = Scroll::start().await;
    let (mut one, mut other) = (app.view().await, app.view().await);
    one.scroll(0.25).await;
    other.is_told(0.25).await;
    one.scroll(0.5).await;
    other.is_told(0.5).await;
    let told: Value = serde_json::from_str(app.view().await.hear().await.to_text().unwrap()).unwrap();
    assert_eq!(told["at"], 0.5);
    assert_eq!((&told["colour"], &told["version"]), (&"blue".into(), &"7".into()));
    other.scroll(0.75).await;
    one.is_told(0.75).await;
}

#[tokio::test]
async fn it_shows_its_colour_and_its_version_and_needs_nothing_from_elsewhere() {
    let app = Scroll::start().await;
    let (status, page) = app.get("/").await.unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("data-colour=\"blue\"") && page.contains(">7<"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
    for file in ["/app.css", "/app.js"] {
        assert!(page.contains(file) && app.get(file).await.unwrap().0 == 200, "{file}");
    }
    assert_eq!(app.get("/nowhere").await.unwrap().0, 404);
}

#[tokio::test]
async fn it_misbehaves_when_it_is_told_to_and_recovers() {
    let app = Scroll::start().await;
    let answer = app.order("fail").await;
    assert!(answer.status.success());
    assert!(String::from_utf8_lossy(&answer.stdout).contains("allswell demo recover blue"));
    assert_eq!(app.status().await, Some(500));
    app.order("hang").await;
    assert_eq!(app.status().await, None);
    app.order("recover").await;
    assert_eq!(app.status().await, Some(200));
    app.order("slow").await;
    assert_eq!(app.status().await, None, "3 s is more than this client waits");
    app.order("recover").await;
    assert_eq!(app.status().await, Some(200));
}

#[tokio::test]
async fn its_port_takes_no_orders() {
    let app = Scroll::start().await;
    let client = allswell::net::client::http(Duration::from_secs(2)).unwrap();
    let order = client.post(format!("http://{}/v1/conduct", app.host.at(3001))).body(r#"{"conduct":"fail"}"#);
    assert_eq!(order.header("content-type", "application/json").send().await.unwrap().status().as_u16(), 404);
    assert_eq!(app.status().await, Some(200));
}

#[tokio::test]
async fn an_order_to_nobody_ends_with_code_8_and_says_what_to_run() {
    let mut app = Scroll::start().await;
    app.process.signal(Signal::TERM);
    app.process.end(Duration::from_secs(20)).await;
    let answer = app.order("fail").await;
    assert_eq!(answer.status.code(), Some(8));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("allswell up"));
}

#[tokio::test]
async fn it_ends_in_order_viewers_hear_1001_and_what_hangs_is_answered() {
    let mut app = Scroll::start().await;
    let mut viewer = app.view().await;
    viewer.hear().await;
    let mut hanging = TcpStream::connect(app.host.at(3001)).await.unwrap();
    app.order("hang").await;
    hanging.write_all(b"GET /whoami HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    // It reads what arrives in order: this order is obeyed after the request has begun to hang.
    app.order("hang").await;
    app.process.signal(Signal::TERM);
    let Message::Close(Some(frame)) = viewer.hear().await else { panic!("it says goodbye") };
    assert_eq!(frame.code, CloseCode::Away);
    assert!(app.process.end(Duration::from_secs(20)).await.success());
    let mut answer = String::new();
    hanging.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("blue 7"), "{answer}");
}
