//! The live colour outlives everything; an order from the past is refused; a cut ends what is idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allswell::domain::colour::Colour;
use allswell::proxy::control::{ControlError, ShiftOrder};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::front::Front;
use crate::harness::{Host, Raw, eventually, within};

const SECONDS: Duration = Duration::from_secs(5);

fn colour_of(epoch: u64) -> Colour {
    if epoch % 2 == 1 { Colour::Green } else { Colour::Blue }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_it_comes_back_with_the_last_acknowledged_colour() {
    let mut front = Front::start("").await;
    let (ordered, acknowledged) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for round in 0..12 {
        let control = front.control.clone();
        let (to_order, to_acknowledge) = (Arc::clone(&ordered), Arc::clone(&acknowledged));
        let shifting = tokio::spawn(async move {
            loop {
                let epoch = to_order.fetch_add(1, Ordering::SeqCst) + 1;
                if control.shift(ShiftOrder { to: colour_of(epoch), epoch }).await.is_err() {
                    return;
                }
                to_acknowledge.store(epoch, Ordering::SeqCst);
            }
        });
        let enough = acknowledged.load(Ordering::SeqCst) + 3;
        eventually("some shifts", || async { (acknowledged.load(Ordering::SeqCst) >= enough).then_some(()) }).await;
        sleep(Duration::from_micros(round * 700)).await;
        front.kill_and_start().await;
        shifting.await.unwrap();
        let (last, tried) = (acknowledged.load(Ordering::SeqCst), ordered.load(Ordering::SeqCst));
        let state = front.is_up().await;
        assert!((last..=tried).contains(&state.epoch), "epoch {} after {last} was acknowledged and {tried} ordered", state.epoch);
        assert_eq!(state.live, Some(if state.epoch == 0 { Colour::Blue } else { colour_of(state.epoch) }));
    }
}

#[tokio::test]
async fn an_order_from_the_past_is_refused_and_says_why() {
    let mut front = Front::start("").await;
    front.shift(Colour::Green, 7).await;
    for epoch in [6, 7] {
        let refused = front.control.shift(ShiftOrder { to: Colour::Blue, epoch }).await;
        assert!(matches!(&refused, Err(ControlError::Stale(why)) if why.contains("not above 7")), "{refused:?}");
    }
    front.kill_and_start().await;
    let state = front.is_up().await;
    assert_eq!((state.live, state.epoch), (Some(Colour::Green), 7));
    assert!(matches!(front.control.shift(ShiftOrder { to: Colour::Blue, epoch: 7 }).await, Err(ControlError::Stale(_))));
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_undefined_until_the_next_shift() {
    let host = Host::new();
    std::fs::create_dir(host.path("state")).unwrap();
    std::fs::write(host.path("state/proxy.json"), "{\"live\":").unwrap();
    let front = Front::start_unready(host, "");
    assert_eq!(front.is_up().await.live, None);
    let _apps = [front.app(Colour::Blue).await, front.app(Colour::Green).await];
    let mut client = front.client().await;
    let answer = client.ask("GET", "/work", &[], b"").await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (503, "503: no colour is live: the proxy's state is undefined\n"));
    let mut preview = Raw::connect(&front.host.at(8080)).await.unwrap();
    assert_eq!(preview.ask("GET", "/work", &[], b"").await.unwrap().text(), "green 0");
    let health = front.health("/healthz").await;
    assert_eq!(health.0, 503);
    assert!(health.1.contains("proxy.json"), "{}", health.1);
    assert_eq!(front.health("/livez").await, (200, "ok\n".to_owned()), "nobody is to kill it for that");
    front.shift(Colour::Green, 1).await;
    assert_eq!(client.ask("GET", "/work", &[], b"").await.unwrap().text(), "green 0");
    assert_eq!(front.health("/healthz").await, (200, "ok\n".to_owned()));
    let metrics = front.health("/metrics").await.1;
    for line in [
        "allswell_proxy_live{colour=\"green\"} 1",
        "allswell_proxy_live{colour=\"blue\"} 0",
        "allswell_proxy_epoch 1",
        "allswell_proxy_errors_total{listener=\"live\",reason=\"undefined\"} 1",
        "allswell_proxy_requests_total{colour=\"green\",status=\"2xx\"} 2",
        "allswell_proxy_connections_open{listener=\"live\"} 1",
    ] {
        assert!(metrics.lines().any(|given| given == line), "{line} in {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_ends_what_runs_on_the_idle_colour_and_nothing_else() {
    let front = Front::start("").await;
    let apps = [front.app(Colour::Blue).await, front.app(Colour::Green).await];
    let (mut websocket, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", front.live())).await.unwrap();
    let mut client = front.client().await;
    client.send("GET /hang HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    eventually("both are there", || async { (apps[0].seen.arrivals() == 2).then_some(()) }).await;
    assert!(matches!(front.control.cut(Colour::Blue).await, Err(ControlError::Refused(why)) if why.contains("blue is live")));
    front.shift(Colour::Green, 1).await;
    let state = front.control.state().await.unwrap();
    assert_eq!((state.blue.in_flight, state.blue.streams), (1, 1), "a shift cuts nothing");
    let mut on_green = front.client().await;
    on_green.send("GET /work?ms=500 HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    front.control.cut(Colour::Blue).await.unwrap();
    let answer = timeout(SECONDS, client.answer()).await.expect("it ends").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (502, "502: blue was told to end what was still running\n"));
    let last = timeout(SECONDS, websocket.next()).await.expect("it ends");
    assert!(matches!(&last, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1001), "{last:?}");
    assert!(!matches!(timeout(SECONDS, websocket.next()).await, Ok(Some(Ok(_)))), "nothing follows our goodbye");
    within(SECONDS, "nothing is left on blue", || async {
        let blue = front.control.state().await.unwrap().blue;
        (blue.in_flight + blue.streams == 0).then_some(())
    })
    .await;
    assert_eq!(on_green.answer().await.unwrap().text(), "green 0");
}

#[tokio::test]
async fn who_orders_on_a_connection_that_was_kept_reaches_no_proxy_that_ends() {
    let mut front = Front::start_draining("", "5m").await;
    let app = TcpListener::bind(front.address(Colour::Blue)).await.unwrap();
    let asked = tokio::spawn({
        let address = front.live();
        async move { Raw::connect(&address).await.unwrap().ask("GET", "/", &[], b"").await }
    });
    let (mut held, _) = app.accept().await.unwrap();
    let socket = front.host.path("state/proxy.sock");
    let mut kept = UnixStream::connect(&socket).await.unwrap();
    let mut answer = [0; 4096];
    kept.write_all(b"GET /v1/state HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(kept.read(&mut answer).await.unwrap() > 0);
    front.tell_to_end();
    eventually("it listens there no more", || async { (!socket.exists()).then_some(()) }).await;
    kept.write_all(b"GET /v1/state HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect_err("it was closed before");
    assert!(!asked.is_finished(), "what visitors have asked goes on");
    held.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(asked.await.unwrap().unwrap().status, 200);
    assert!(front.end().await.success());
}
