//! Uploads that are answered before they have ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use allswell::domain::colour::Colour;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::front::Front;
use crate::harness::listen;

/// Things that must happen, however busy the machine.
const LONG: Duration = Duration::from_secs(30);
const PIECE: [u8; 16 * 1024] = [b'a'; 16 * 1024];
/// More than all buffers on the way.
const LENGTH: usize = 200 * 1024 * 1024;

#[tokio::test]
async fn who_is_refused_by_the_app_while_it_uploads_hears_the_whole_answer_and_a_clean_end() {
    let front = Front::start("").await;
    let told = Arc::new(Notify::new());
    let app = refusing_app(&front.address(Colour::Blue), Arc::clone(&told)).await;
    let mut client = asking(&front, &format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {LENGTH}\r\n\r\n")).await;
    // Until nobody takes more: what is read of it then is not all that was sent.
    while let Ok(sent) = timeout(Duration::from_millis(300), client.write_all(&PIECE)).await {
        sent.unwrap();
    }
    told.notify_one();
    let heard = timeout(LONG, heard(&mut client)).await.expect("an end").expect("a clean one");
    assert!(heard.starts_with("HTTP/1.1 401 Unauthorized\r\n") && heard.ends_with("\r\n\r\nwho are you?"), "{heard}");
    app.abort();
}

#[tokio::test]
async fn who_uploads_too_much_hears_so_and_a_clean_end() {
    let front = Front::start("body_size = \"1KB\"").await;
    let _blue = front.app(Colour::Blue).await;
    let announced = format!("content-length: {LENGTH}\r\n\r\n");
    for framing in [announced.as_str(), "transfer-encoding: chunked\r\n\r\nfffffff\r\n"] {
        let head = format!("POST /length HTTP/1.1\r\nhost: h\r\n{framing}");
        let mut client = asking(&front, &(head + &"a".repeat(1024 * 1024))).await;
        let heard = timeout(LONG, heard(&mut client)).await.expect("an end").expect("a clean one");
        assert!(heard.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{framing}: {heard}");
        assert!(heard.ends_with("\r\n\r\n413: the request's body is larger than 1 KB\n"), "{framing}: {heard}");
    }
}

#[tokio::test]
async fn who_goes_on_uploading_is_let_go() {
    let front = Front::start("body_size = \"1KB\"").await;
    let mut client = asking(&front, &format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {LENGTH}\r\n\r\n")).await;
    heard(&mut client).await.expect("a clean end");
    timeout(LONG, pour(&mut client)).await.expect("nobody is heard for ever");
}

/// A client that has sent this.
async fn asking(front: &Front, request: &str) -> TcpStream {
    let mut client = TcpStream::connect(front.live()).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

/// Reads to the end while it goes on sending: what was heard.
async fn heard(client: &mut TcpStream) -> io::Result<String> {
    let (mut from, to) = client.split();
    let mut heard = Vec::new();
    tokio::select! {
        biased;
        error = pour(to) => return Err(error),
        read = from.read_to_end(&mut heard) => { read?; }
    }
    Ok(String::from_utf8_lossy(&heard).into_owned())
}

/// Sends until nobody takes any more: why.
async fn pour(mut to: impl AsyncWrite + Unpin) -> io::Error {
    loop {
        if let Err(error) = to.write_all(&PIECE).await {
            return error;
        }
        // So that what comes meanwhile is heard.
        yield_now().await;
    }
}

/// Reads the head of a request and no more, and refuses it when it is told to.
async fn refusing_app(address: &str, told: Arc<Notify>) -> JoinHandle<()> {
    let listener = listen(address).await;
    tokio::spawn(async move {
        let (mut app, _) = listener.accept().await.expect("a request");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(app.read_u8().await.expect("a head"));
        }
        told.notified().await;
        app.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 12\r\n\r\nwho are you?").await.expect("it is heard");
        // It closes when the proxy does.
        let _ = app.read_to_end(&mut Vec::new()).await;
    })
}
