//! WebSockets with large fragmented messages, from a switch to the end of their window.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::proxy::control::ProxyControl;
use allswell::release::SwitchOrder;
use axum::Router;
use axum::extract::ws::{Message as Said, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{Sender, channel};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::harness::{Host, Moody, Pair, listen, within};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"2s\"\n";
const SWITCH: &str = "passes = 2\nwithin = \"10s\"\ndrain = \"300ms\"\nobserve = \"100ms\"";
const LIMIT: Duration = Duration::from_secs(30);
/// Of a message of 1 MB, so many frames.
const FRAMES: usize = 64;

/// How each WebSocket ended, as the app sees it.
type Ends = Arc<Mutex<Vec<String>>>;

async fn echo(mut socket: WebSocket, ends: Ends) {
    let end = loop {
        match socket.recv().await {
            Some(Ok(Said::Binary(body))) => {
                if let Err(error) = socket.send(Said::Binary(body)).await {
                    break format!("not sent: {error}");
                }
            }
            Some(Ok(Said::Close(close))) => break format!("close {:?}", close.map(|close| close.code)),
            Some(Ok(_)) => {}
            Some(Err(error)) => break error.to_string(),
            None => break "gone".to_owned(),
        }
    };
    ends.lock().unwrap().push(end);
}

/// Blue, which sends back what it hears.
async fn blue(host: &Host) -> Ends {
    let ends = Ends::default();
    let upgrade = |State(ends): State<Ends>, upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(|socket| echo(socket, ends)) };
    let router = Router::new().route("/healthz", get(|| async { "ok" })).route("/ws", get(upgrade)).with_state(Arc::clone(&ends));
    let listener = listen(&host.at(3001)).await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    ends
}

/// Sends 1 MB messages in pieces, without a pause, until it is told to close, which it answers: how it ended. Says when the first came back whole.
async fn talk(address: String, first: Sender<()>) -> String {
    let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await.unwrap();
    let (mut out, mut back) = socket.split();
    let saying = tokio::spawn(async move {
        loop {
            for number in 0..FRAMES {
                let kind = if number == 0 { Data::Binary } else { Data::Continue };
                let frame = Frame::message(vec![number as u8; 1024 * 1024 / FRAMES], OpCode::Data(kind), number + 1 == FRAMES);
                if out.send(Message::Frame(frame)).await.is_err() {
                    return;
                }
            }
        }
    });
    let mut closed = None;
    let end = loop {
        match back.next().await {
            Some(Ok(Message::Binary(body))) => {
                assert_eq!((body.len(), body.first(), body.last()), (1024 * 1024, Some(&0), Some(&(FRAMES as u8 - 1))));
                // Only the first one's is waited for.
                let _ = first.try_send(());
            }
            // The answer goes out after the frame that it may be in, as it reads on.
            Some(Ok(Message::Close(close))) => closed = Some(format!("close {:?}", close.map(|close| u16::from(close.code)))),
            Some(Ok(_)) => {}
            Some(Err(Error::ConnectionClosed)) | None => break closed.unwrap_or_else(|| "gone".to_owned()),
            Some(Err(error)) => break error.to_string(),
        }
    };
    saying.await.unwrap();
    end
}

/// What ends the streams of the old colour.
#[derive(PartialEq)]
enum By {
    Cut,
    Window,
}

async fn ends_between_frames(switch: &str, by: By) {
    let host = Host::new();
    let ends = blue(&host).await;
    let _green = Moody::start(host.at(3002), "green").await;
    let pair = Pair::start(host, &[], switch, PROBE).await;
    let mut talking = Vec::new();
    for _ in 0..4 {
        let (first, mut whole) = channel(1);
        talking.push(tokio::spawn(talk(pair.host.at(8000), first)));
        tokio::time::timeout(LIMIT, whole.recv()).await.unwrap().expect("a message came back");
    }
    let control = ProxyControl::new(&pair.host.path("state/proxy.sock"), Duration::from_secs(10));
    assert_eq!(control.state().await.unwrap().blue.streams, 4);
    let order = SwitchOrder { to: Green, force: None, wait: true, by: "ann@desk".into() };
    let end = pair.remote.switch(&order, |_| {}).await.unwrap();
    assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
    if by == By::Cut {
        assert_eq!(control.state().await.unwrap().blue.streams, 4, "a switch cuts nothing");
        control.cut(Blue).await.unwrap();
    }
    for talk in talking {
        assert_eq!(tokio::time::timeout(LIMIT, talk).await.unwrap().unwrap(), "close Some(1001)");
    }
    within(LIMIT, "the app has seen four ends", || async { (ends.lock().unwrap().len() == 4).then_some(()) }).await;
    let ends = ends.lock().unwrap().clone();
    assert!(ends.iter().all(|end| end == "close Some(1001)" || end.starts_with("not sent")), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_fragmented_messages_end_by_a_close_and_never_in_the_middle_of_a_frame() {
    ends_between_frames(SWITCH, By::Cut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_so_they_do_at_the_end_of_their_window() {
    ends_between_frames(&format!("{SWITCH}\nstreams = \"1s\""), By::Window).await;
}
