//! WebSockets and event streams of the old colour, from a switch to the end of their window.

use std::sync::Arc;
use std::time::Duration;

use allswell::domain::colour::Colour::{self, Blue, Green};
use allswell::domain::switch::Phase;
use allswell::proxy::control::{Load, ProxyControl};
use allswell::release::SwitchOrder;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{App, Host, Marks, Pair, Raw, within};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"2s\"\n";
const SWITCH: &str = "passes = 1\nwithin = \"10s\"\ndrain = \"100ms\"\nobserve = \"100ms\"";
const LIMIT: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Both apps, and what stands in front of them.
struct Stage {
    pair: Pair,
    control: ProxyControl,
    _apps: [App; 2],
}

impl Stage {
    async fn new(switch: &str) -> Self {
        let host = Host::new();
        let marks = Arc::new(Marks::new(Blue));
        let app = |port, colour| App::start_at(host.at(port), colour, Arc::clone(&marks));
        let apps = [app(3001, Blue).await, app(3002, Green).await];
        let control = ProxyControl::new(&host.path("state/proxy.sock"), Duration::from_secs(10));
        Self { pair: Pair::start(host, &[], switch, PROBE).await, control, _apps: apps }
    }

    async fn switch(&self, to: Colour) {
        let order = SwitchOrder { to, force: None, wait: true, by: "ann@desk".into() };
        let end = self.pair.remote.switch(&order, |_| {}).await.unwrap();
        assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
    }

    async fn websocket(&self, port: u16) -> Socket {
        connect_async(format!("ws://{}/ws", self.pair.host.at(port))).await.unwrap().0
    }

    /// An event stream that has said something.
    async fn events(&self) -> Raw {
        let mut client = Raw::connect(&self.pair.host.at(8000)).await.unwrap();
        client.send("GET /events HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
        assert_eq!(client.head().await.unwrap().header("content-type").as_deref(), Some("text/event-stream"));
        while !client.line().await.unwrap().contains("data: blue 0") {}
        client
    }

    async fn blue_has(&self, in_flight: u64, streams: u64) {
        let wanted = Load { in_flight, streams };
        within(LIMIT, "blue has what was claimed", || async { (self.control.state().await.ok()?.blue == wanted).then_some(()) }).await;
    }
}

async fn says(socket: &mut Socket, wanted: &str) {
    socket.send(Message::text("hello")).await.unwrap();
    let said = timeout(LIMIT, socket.next()).await.unwrap();
    assert!(matches!(&said, Some(Ok(Message::Text(text))) if text.as_str() == wanted), "{said:?}");
}

async fn is_told_to_go(socket: &mut Socket) {
    let last = timeout(LIMIT, socket.next()).await.expect("it ends");
    assert!(matches!(&last, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1001), "{last:?}");
}

/// The rest of the stream ends as the app itself would end it, and the connection serves the next request.
async fn ends_cleanly(mut events: Raw) {
    let last = async { while events.line().await.expect("no connection breaks off") != "0" {} };
    timeout(LIMIT, last).await.expect("it ends");
    assert_eq!(events.line().await.unwrap(), "");
    assert_eq!(events.ask("GET", "/work", &[], b"").await.unwrap().text(), "green 0");
}

#[tokio::test]
async fn they_end_with_their_window_and_requests_and_what_came_later_go_on() {
    let stage = Stage::new(&format!("{SWITCH}\nstreams = \"700ms\"")).await;
    let (mut websocket, events) = (stage.websocket(8000).await, stage.events().await);
    says(&mut websocket, "blue hello").await;
    let mut request = Raw::connect(&stage.pair.host.at(8000)).await.unwrap();
    request.send("GET /work?ms=4000 HTTP/1.1\r\nhost: shop\r\n\r\n").await.unwrap();
    stage.blue_has(1, 2).await;
    stage.switch(Green).await;
    let mut preview = stage.websocket(8080).await;
    says(&mut preview, "blue hello").await;
    is_told_to_go(&mut websocket).await;
    ends_cleanly(events).await;
    // It answers our goodbye only when it is read on.
    while websocket.next().await.is_some() {}
    says(&mut preview, "blue hello").await;
    assert_eq!(request.answer().await.unwrap().text(), "blue 0");
    stage.blue_has(0, 1).await;
}

#[tokio::test]
async fn a_colour_that_is_live_again_within_the_window_keeps_them() {
    let stage = Stage::new(&format!("{SWITCH}\nstreams = \"5s\"")).await;
    let mut on_blue = stage.websocket(8000).await;
    says(&mut on_blue, "blue hello").await;
    stage.switch(Green).await;
    let mut on_green = stage.websocket(8000).await;
    says(&mut on_green, "green hello").await;
    stage.switch(Blue).await;
    // By then the window that began with the first switch is over too.
    is_told_to_go(&mut on_green).await;
    says(&mut on_blue, "blue hello").await;
}

#[tokio::test]
async fn without_a_window_they_go_on_until_their_colour_is_cut() {
    let stage = Stage::new(SWITCH).await;
    let (mut websocket, events) = (stage.websocket(8000).await, stage.events().await);
    stage.switch(Green).await;
    says(&mut websocket, "blue hello").await;
    let entry = stage.pair.remote.history(1).await.unwrap().remove(0);
    let drained = entry.steps.iter().find(|step| step.phase == Phase::Drained).unwrap();
    assert_eq!(drained.note.as_deref(), Some("0 requests and 2 streams still run on blue and are left"));
    stage.control.cut(Blue).await.unwrap();
    is_told_to_go(&mut websocket).await;
    ends_cleanly(events).await;
}
