//! WebSocket: a handshake, judged by RFC 6455's own example.

use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::net::client::io_words;
use crate::net::names::connect;

/// RFC 6455, section 1.3: the key of the example, and what answers it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Whether a WebSocket can be opened at this path of `HOST:PORT`, by the name of `host`. It is closed at once.
///
/// # Errors
/// Why not, in the user's words.
pub async fn handshake(at: &str, host: &str, path: &str, limit: Duration) -> Result<(), String> {
    timeout(limit, open(at, host, path)).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

async fn open(at: &str, host: &str, path: &str) -> Result<(), String> {
    let request = Request::get(path)
        .header("host", host)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", KEY)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let stream = connect(at).await.map_err(|error| io_words(&error))?;
    let words = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    let connection = tokio::spawn(connection.with_upgrades());
    let answer = sender.send_request(request).await.map_err(words);
    connection.abort();
    let answer = answer?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("answered {}, not 101", answer.status().as_u16()));
    }
    let accepted = answer.headers().get("sec-websocket-accept").is_some_and(|accept| accept.as_bytes() == ACCEPT.as_bytes());
    if accepted { Ok(()) } else { Err("answered 101 without the right Sec-WebSocket-Accept".to_owned()) }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::WebSocketUpgrade;
    use axum::http::StatusCode as Status;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_handshake_is_told_from_a_page_and_from_a_wrong_answer() {
        let router = Router::new()
            .route("/ws", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(|_| async {}) }))
            .route("/page", get(|| async { "ok" }))
            .route("/wrong", get(|| async { (Status::SWITCHING_PROTOCOLS, [("upgrade", "websocket"), ("connection", "upgrade")]) }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let limit = Duration::from_secs(20);
        assert_eq!(handshake(&at, &at, "/ws", limit).await, Ok(()));
        assert_eq!(handshake(&at, &at, "/page", limit).await, Err("answered 200, not 101".to_owned()));
        assert_eq!(handshake(&at, &at, "/wrong", limit).await, Err("answered 101 without the right Sec-WebSocket-Accept".to_owned()));
        assert_eq!(handshake("127.0.0.1:1", &at, "/ws", limit).await, Err("connection refused".to_owned()));
    }
}
