//! The requests of one connection: answered, and known while they are under way.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use tokio::time::sleep;
use tower::ServiceExt;

use super::beats::Entrance;

/// What answers: a router, and beats come in before it.
#[derive(Debug, Clone)]
pub struct Answers {
    router: Router,
    beats: Option<Entrance>,
}

impl From<Router> for Answers {
    fn from(router: Router) -> Self {
        Self { router, beats: None }
    }
}

impl Answers {
    /// With beats.
    pub(super) fn with_beats(self, entrance: Entrance) -> Self {
        Self { beats: Some(entrance), ..self }
    }
}

/// Those of one client's connection. Clones are of the same.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    answers: Answers,
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

/// The body of an answer. It is dropped when it has gone or when nobody wants it any more: until then its request is under way.
pub(super) struct Going {
    body: Body,
    _request: UnderWay,
}

impl Requests {
    /// Of this client.
    pub(super) fn new(answers: impl Into<Answers>, peer: SocketAddr) -> Self {
        Self { answers: answers.into(), peer, count: Arc::default() }
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

impl hyper::body::Body for Going {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<Going>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Going>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let (under_way, peer) = (UnderWay::begin(&self.count), self.peer);
        let going = |answer: Response| answer.map(|body| Going { body, _request: under_way });
        if let Some(entrance) = self.answers.beats.as_ref().filter(|_| Entrance::is_of(&request)).cloned() {
            return Box::pin(async move { Ok(going(entrance.answer(request, peer).await)) });
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = self.answers.router.clone();
        Box::pin(async move { router.oneshot(request.map(Body::new)).await.map(going) })
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
