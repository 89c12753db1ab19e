//! The requests of one connection: answered, and known while they are under way.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::panic::resume_unwind;
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
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::ServiceExt;

use super::beats::Entrance;

/// What answers: a router, and beats come in before it.
#[derive(Debug, Clone)]
pub struct Answers {
    router: Router,
    /// What one thread alone counts references of is had for less.
    beats: Option<Arc<Entrance>>,
    /// Where the router runs, where that is not where connections are served.
    home: Option<Handle>,
}

impl From<Router> for Answers {
    fn from(router: Router) -> Self {
        Self { router, beats: None, home: None }
    }
}

impl Answers {
    /// With beats.
    pub(super) fn with_beats(self, entrance: Entrance) -> Self {
        Self { beats: Some(Arc::new(entrance)), ..self }
    }

    /// Whether beats come in here.
    pub(super) fn has_beats(&self) -> bool {
        self.beats.is_some()
    }

    /// The same for connections of the runtime that this is called on. The router stays at home: it may wait for the disk.
    pub(super) fn beside(&self, home: Handle) -> Self {
        Self { router: self.router.clone(), beats: self.beats.as_ref().map(|entrance| Arc::new(entrance.here())), home: Some(home) }
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
        if let Some(entrance) = self.answers.beats.clone().filter(|_| Entrance::is_of(&request)) {
            return Box::pin(async move { Ok(going(entrance.answer(request, peer).await)) });
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let (router, home) = (self.answers.router.clone(), self.answers.home.clone());
        let answer = router.oneshot(request.map(Body::new));
        Box::pin(async move {
            let answer = match home {
                Some(home) => on(&home, answer).await,
                None => answer.await,
            };
            answer.map(going)
        })
    }
}

/// Runs this there; it ends where nobody waits for it any more, and panics here.
async fn on<T: Send + 'static>(home: &Handle, work: impl Future<Output = T> + Send + 'static) -> T {
    let mut task = JoinSet::new();
    task.spawn_on(work, home);
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
        // That runtime ends, and this one with it.
        Some(Err(_)) | None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::runtime::RuntimeFlavor;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

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

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_runs_elsewhere_ends_when_nobody_waits_for_it() {
        struct Kept(Option<oneshot::Sender<()>>);
        impl Drop for Kept {
            fn drop(&mut self) {
                let _ = self.0.take().unwrap().send(());
            }
        }
        let home = Handle::current();
        let (ended, end) = oneshot::channel();
        let (began, begin) = oneshot::channel();
        let kept = Kept(Some(ended));
        let work = async move {
            let _kept = kept;
            let _ = began.send(Handle::current().runtime_flavor());
            pending::<()>().await;
        };
        let flavor = tokio::task::spawn_blocking(move || {
            let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
            elsewhere.block_on(async {
                let mut waiting = pin!(on(&home, work));
                tokio::select! {
                    () = &mut waiting => unreachable!("it never ends"),
                    flavor = begin => flavor.unwrap(),
                }
            })
        });
        assert_eq!(flavor.await.unwrap(), RuntimeFlavor::MultiThread, "it ran at home");
        timeout(Duration::from_secs(20), end).await.expect("it has ended").unwrap();
    }
}
