//! Sends whoever comes by HTTP on to HTTPS.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, LOCATION};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// A client that has not asked by then is closed.
const PATIENCE: Duration = Duration::from_secs(10);
const HTTPS: u16 = 443;

/// Answers for ever; `secure` is where HTTPS is spoken. Clients count against the same `room` as all others.
pub(super) async fn serve(listener: TcpListener, secure: SocketAddr, room: Arc<Semaphore>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                let service = service_fn(move |request| async move { Ok::<_, Infallible>(answer(&request, secure.port())) });
                let mut server = Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
                // How a client's connection ended is the client's affair.
                tokio::spawn(async move {
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::error!(%error, "clients cannot be accepted by the redirect");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// 308 keeps the method. Without a host there is nowhere to send anyone.
fn answer(request: &Request<Incoming>, port: u16) -> Response<Full<Bytes>> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).or(request.uri().host());
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let location = host.and_then(|host| location(host, target, port)).and_then(|location| HeaderValue::try_from(location).ok());
    let mut answer = Response::new(Full::default());
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    match location {
        Some(location) => {
            *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
            answer.headers_mut().insert(LOCATION, location);
        }
        None => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    answer
}

/// The same host, at the port of HTTPS.
fn location(host: &str, target: &str, port: u16) -> Option<String> {
    let authority: hyper::http::uri::Authority = host.parse().ok()?;
    let host = authority.host();
    (!host.is_empty() && target.starts_with('/')).then(|| match port {
        HTTPS => format!("https://{host}{target}"),
        port => format!("https://{host}:{port}{target}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_page_is_found_at_the_port_of_https() {
        assert_eq!(location("shop.example:80", "/a?b=%20", 443).as_deref(), Some("https://shop.example/a?b=%20"));
        assert_eq!(location("[::1]:80", "/", 8443).as_deref(), Some("https://[::1]:8443/"));
        assert_eq!(location("evil/x", "/", 443), None);
        assert_eq!(location("user@shop.example", "/", 443).as_deref(), Some("https://shop.example/"));
        assert_eq!(location("shop.example", "*", 443), None);
    }
}
