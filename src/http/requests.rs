//! The requests of one connection: answered by the router, and known while they are under way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::time::sleep;
use tower::ServiceExt;

/// Those of one client's connection. Clones are of the same.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    router: Router,
    peer: SocketAddr,
    count: Arc<Count>,
}

#[derive(Debug, Default)]
struct Count {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// A request whose answer has not gone.
struct UnderWay(Arc<Count>);

impl Requests {
    /// Of this client.
    pub(super) fn new(router: Router, peer: SocketAddr) -> Self {
        Self { router, peer, count: Arc::default() }
    }

    /// Resolves when none was under way for so long.
    pub(super) async fn rest(self, limit: Duration) {
        loop {
            let (begun, ended) = self.count.read();
            sleep(limit).await;
            if begun == ended && self.count.read() == (begun, ended) {
                return;
            }
        }
    }
}

impl Count {
    fn read(&self) -> (usize, usize) {
        (self.begun.load(Ordering::Relaxed), self.ended.load(Ordering::Relaxed))
    }
}

impl UnderWay {
    fn begin(count: &Arc<Count>) -> Self {
        count.begun.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let under_way = UnderWay::begin(&self.count);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let router = self.router.clone();
        Box::pin(async move {
            let answer = router.oneshot(request.map(Body::new)).await?;
            // Until the body is dropped, which is when it has gone or when nobody wants it any more.
            Ok(answer.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    let _ = &under_way;
                    frame
                }))
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_rests_when_nothing_was_under_way_for_so_long() {
        const LIMIT: Duration = Duration::from_secs(100);
        let requests = Requests::new(Router::new(), SocketAddr::from(([127, 0, 0, 1], 1)));
        let count = Arc::clone(&requests.count);
        let rest = tokio::spawn(requests.rest(LIMIT));
        let under_way = UnderWay::begin(&count);
        sleep(LIMIT * 5).await;
        assert!(!rest.is_finished(), "a request is under way");
        drop(under_way);
        sleep(LIMIT - Duration::from_millis(1)).await;
        assert!(!rest.is_finished(), "it has just ended");
        rest.await.unwrap();
    }
}
