//! Connections and streams on which nothing moves, whatever their client pings.

use std::path::Path;
use std::time::Duration;

use allswell::domain::colour::Colour;
use tokio::time::{sleep, timeout};

use super::wire::{END_HEADERS, END_STREAM, Fate, HEADERS, SETTINGS, Wire, block, frame};
use crate::harness::eventually;
use crate::proxy::front::Front;
use crate::proxy::tls::{certificate, tls_lines};

use Fate::{Answered, Gone, Lives, Reset};

/// Things that must happen, however busy the machine.
const LONG: Duration = Duration::from_secs(30);

// Error codes (RFC 9113, 7).
const NO_ERROR: u32 = 0;
const CANCEL: u32 = 8;

fn get(path: &str) -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", "shop.example")];
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))
}

/// From now on no stream has a window.
fn no_window() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])
}

/// A proxy with a certificate in this folder, and with these lines.
async fn front(folder: &Path, extra: &str) -> Front {
    certificate(folder, 90);
    Front::start(&format!("{}\n{extra}", tls_lines(folder))).await
}

async fn wire(front: &Front, folder: &Path) -> Wire {
    Wire::connect(front, &folder.join("shop.pem")).await
}

async fn nothing_runs(front: &Front) {
    eventually("its claim is gone", || async { (front.control.state().await.ok()?.blue.in_flight == 0).then_some(()) }).await;
}

#[tokio::test]
async fn a_connection_without_requests_ends_however_often_its_client_pings() {
    let folder = tempfile::tempdir().unwrap();
    let front = front(folder.path(), "idle_timeout = \"1s\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut wire = wire(&front, folder.path()).await;
    assert_eq!(wire.fate(&get("/healthz"), Answered(200)).await, Some(Answered(200)));
    let pinging = async {
        loop {
            match wire.fate(&[], Lives).await {
                Some(Lives) => sleep(Duration::from_millis(50)).await,
                end => return end,
            }
        }
    };
    assert_eq!(timeout(LONG, pinging).await.expect("it ends"), Some(Gone(NO_ERROR)));
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let mut front = Front::start_draining(&tls_lines(folder.path()), "5m").await;
    let _blue = front.app(Colour::Blue).await;
    // It stays connected, and answers nothing any more, not even a ping.
    let mut wire = wire(&front, folder.path()).await;
    assert_eq!(wire.fate(&get("/healthz"), Answered(200)).await, Some(Answered(200)));
    front.end_within(LONG).await;
}

#[tokio::test]
async fn an_app_that_stops_in_the_midst_of_an_answer_loses_its_stream_and_the_connection_lives() {
    let folder = tempfile::tempdir().unwrap();
    let front = front(folder.path(), "idle_timeout = \"1s\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut wire = wire(&front, folder.path()).await;
    assert_eq!(wire.fate(&get("/drip"), Reset(CANCEL)).await, Some(Reset(CANCEL)));
    assert_eq!(wire.fate(&[], Lives).await, Some(Lives));
    nothing_runs(&front).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_loses_its_stream_and_not_its_connection() {
    let folder = tempfile::tempdir().unwrap();
    let front = front(folder.path(), "client_timeout = \"500ms\"").await;
    let _blue = front.app(Colour::Blue).await;
    let mut wire = wire(&front, folder.path()).await;
    let asked = [no_window(), get("/download?pieces=100")].concat();
    assert_eq!(wire.fate(&asked, Reset(CANCEL)).await, Some(Reset(CANCEL)));
    assert_eq!(wire.fate(&[], Lives).await, Some(Lives));
    nothing_runs(&front).await;
}

#[tokio::test]
async fn a_cut_ends_also_what_its_client_does_not_take() {
    let folder = tempfile::tempdir().unwrap();
    let front = front(folder.path(), "").await;
    let _blue = front.app(Colour::Blue).await;
    let mut wire = wire(&front, folder.path()).await;
    let asked = [no_window(), get("/download?pieces=100")].concat();
    assert_eq!(wire.fate(&asked, Answered(200)).await, Some(Answered(200)));
    front.shift(Colour::Green, 1).await;
    assert_eq!(front.control.cut(Colour::Blue).await.unwrap().live, Some(Colour::Green));
    assert_eq!(wire.fate(&[], Reset(CANCEL)).await, Some(Reset(CANCEL)));
    assert_eq!(wire.fate(&[], Lives).await, Some(Lives));
    nothing_runs(&front).await;
}
