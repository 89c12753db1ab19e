//! HTTP: a GET over a connection of its own, judged by status and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::http::request::Builder;
use hyper::http::uri::Scheme;
use hyper::{Request, Uri};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Client, Response};
use tokio::time::timeout;

use super::local;
use super::settings::ProbeSettings;
use super::wanted::Heard;
use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::gate::Observation;
use crate::net::client::{ClientError, OURS, SILENT, explain, fresh, is_answer, to_our_own};
use crate::net::plain::{Opened, open};

/// So much of a body is read; the rest is nobody's concern.
const ENOUGH: usize = 64 * 1024;

/// An answer that is later than its time limit by more than this did not wait for the target: we were held up ourselves.
const HELD_UP: Duration = Duration::from_secs(1);

/// What is probed.
#[derive(Debug, Clone)]
pub struct Target {
    url: String,
    headers: HeaderMap,
    is_our_own: bool,
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// The target was observed.
    Observed(Observation),
    /// We could not look, for a reason of our own: it says nothing about the target.
    Unable(String),
}

/// Probes over HTTP.
#[derive(Debug, Clone)]
pub struct HttpProbe {
    client: Client,
    /// For listeners of ours.
    own: Client,
    slow: Duration,
    timeout: Duration,
    heard_at: Arc<HeardAt>,
}

/// When anybody was last heard at all, in nanoseconds of elapsed time; zero is never.
#[derive(Debug, Default)]
struct HeardAt(AtomicU64);

impl Target {
    /// A URL that answers 2xx when all is well.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: HeaderMap::new(), is_our_own: false }
    }

    /// A listener of ours, which is known by where it is: its certificate is for the name that visitors use, and is not checked.
    #[must_use]
    pub fn of_our_own(url: impl Into<String>) -> Self {
        Self { is_our_own: true, ..Self::new(url) }
    }

    /// Asked with this header besides. A name or a value that no header can have is left out.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(mut value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }
}

impl Probed {
    /// The observation, if there was one.
    #[must_use]
    pub fn observation(&self) -> Option<&Observation> {
        match self {
            Self::Observed(observation) => Some(observation),
            Self::Unable(_) => None,
        }
    }
}

impl HttpProbe {
    /// With the time limits of `[probe]`.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(settings: &ProbeSettings) -> Result<Self, ClientError> {
        let (client, own) = (fresh(settings.timeout)?, to_our_own(settings.timeout)?);
        Ok(Self { client, own, slow: settings.slow, timeout: settings.timeout, heard_at: Arc::default() })
    }

    /// When a target last answered or refused, in elapsed time. A time without any is one in which the targets are gone, or we are cut off.
    #[must_use]
    pub fn heard_at(&self) -> Option<Duration> {
        match self.heard_at.0.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Looks once.
    pub async fn probe(&self, target: &Target) -> Probed {
        self.probe_headers(target).await.0
    }

    /// Looks once, and also gives the answer's headers: empty where there was none.
    pub async fn probe_headers(&self, target: &Target) -> (Probed, HeaderMap) {
        let started = clock::elapsed();
        let answered = self.ask(target).await;
        let latency = clock::elapsed().saturating_sub(started);
        if answered.as_ref().err().is_none_or(is_answer) {
            self.heard_at.note(clock::elapsed());
        }
        if let Some(why) = held_up(latency, self.timeout) {
            return (Probed::Unable(why), HeaderMap::new());
        }
        match answered {
            Ok((status, headers, _)) => (self.judged(status, latency), headers),
            Err(error) => match local::fault(&error) {
                Some(ours) => (Probed::Unable(ours), HeaderMap::new()),
                None => (observed(Showing::Bad, None, latency, Some(explain(error))), HeaderMap::new()),
            },
        }
    }

    /// Connects for a look to come, without TLS; none where that fails, which the look itself will then find.
    pub async fn open(&self, target: &Target) -> Option<Opened> {
        let uri: Uri = target.url.parse().ok()?;
        let at = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTP))?;
        timeout(self.timeout, open(at.as_str())).await.ok()?.ok()
    }

    /// Looks once over this connection, as [`Self::probe_headers`] does. None where it breaks: it may have stood for too long.
    pub async fn probe_over(&self, opened: Opened, target: &Target) -> Option<(Probed, HeaderMap)> {
        let uri: Uri = target.url.parse().ok()?;
        let mut request = Request::get(uri.path_and_query()?.as_str()).header(USER_AGENT, OURS);
        request.headers_mut()?.extend(target.headers.clone());
        let started = clock::elapsed();
        let answered = timeout(self.timeout, ask_over(opened, request)).await;
        let latency = clock::elapsed().saturating_sub(started);
        if let Some(why) = held_up(latency, self.timeout) {
            return Some((Probed::Unable(why), HeaderMap::new()));
        }
        let Ok(answered) = answered else {
            return Some((observed(Showing::Bad, None, latency, Some(SILENT.to_owned())), HeaderMap::new()));
        };
        let (status, headers) = answered.ok()?;
        self.heard_at.note(clock::elapsed());
        Some((self.judged(status, latency), headers))
    }

    fn judged(&self, status: u16, latency: Duration) -> Probed {
        observed(self.judge(status, latency), Some(status), latency, self.words(status, latency))
    }

    fn to(&self, target: &Target) -> &Client {
        if target.is_our_own { &self.own } else { &self.client }
    }

    /// Looks once, and gives the whole answer to judge.
    ///
    /// # Errors
    /// Why there was none, in the user's words.
    pub async fn hear(&self, target: &Target) -> Result<Heard, String> {
        let started = clock::elapsed();
        let (status, headers, body) = self.ask(target).await.map_err(explain)?;
        Ok(Heard { status, headers, body, latency: clock::elapsed().saturating_sub(started) })
    }

    async fn ask(&self, target: &Target) -> Result<(u16, HeaderMap, Vec<u8>), reqwest::Error> {
        let mut answer: Response = self.to(target).get(&target.url).headers(target.headers.clone()).send().await?;
        let mut body = Vec::new();
        while body.len() < ENOUGH {
            match answer.chunk().await? {
                Some(piece) => body.extend_from_slice(&piece),
                None => break,
            }
        }
        Ok((answer.status().as_u16(), std::mem::take(answer.headers_mut()), body))
    }

    fn judge(&self, status: u16, latency: Duration) -> Showing {
        match status {
            200..=299 if latency < self.slow => Showing::Good,
            200..=299 => Showing::Slow,
            _ => Showing::Bad,
        }
    }

    fn words(&self, status: u16, latency: Duration) -> Option<String> {
        match self.judge(status, latency) {
            Showing::Good => None,
            Showing::Slow => Some(format!("answered {status} after {}ms", latency.as_millis())),
            Showing::Bad | Showing::Exited => Some(format!("answered {status}")),
        }
    }
}

async fn ask_over(opened: Opened, request: Builder) -> Result<(u16, HeaderMap), String> {
    let mut answer = opened.ask(request, Vec::new()).await?;
    let mut length = 0;
    while length < ENOUGH
        && let Some(piece) = answer.piece().await?
    {
        length += piece.len();
    }
    Ok((answer.status().as_u16(), answer.headers().clone()))
}

fn observed(showing: Showing, status: Option<u16>, latency: Duration, reason: Option<String>) -> Probed {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    Probed::Observed(Observation { at: clock::now(), showing, status, latency_ms, reason })
}

impl HeardAt {
    fn note(&self, at: Duration) {
        self.0.fetch_max(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Why a probe that took so long says nothing about its target: this process was stopped, suspended or starved meanwhile.
#[must_use]
pub fn held_up(latency: Duration, timeout: Duration) -> Option<String> {
    (latency > timeout + HELD_UP).then(|| format!("it was held up for {}ms", latency.saturating_sub(timeout).as_millis()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;

    fn probe() -> HttpProbe {
        let settings = ProbeSettings {
            every: Duration::from_secs(1),
            slow: Duration::from_millis(200),
            timeout: Duration::from_millis(800),
            rise: 1,
            fall: 1,
        };
        HttpProbe::new(&settings).unwrap()
    }

    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn look(url: &str) -> Observation {
        match probe().probe(&Target::new(url)).await {
            Probed::Observed(observation) => observation,
            Probed::Unable(why) => panic!("{why}"),
        }
    }

    #[tokio::test]
    async fn it_tells_good_slow_bad_and_silent_apart() {
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        let router = Router::new()
            .route("/good", get(|| async { "ok" }))
            .route("/bad", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .route("/slow", get(slow))
            .route("/hang", get(std::future::pending::<()>));
        let url = serve(router).await;
        let good = look(&format!("{url}/good")).await;
        assert_eq!((good.showing, good.status, good.reason), (Showing::Good, Some(200), None));
        let bad = look(&format!("{url}/bad")).await;
        assert_eq!((bad.showing, bad.reason.as_deref()), (Showing::Bad, Some("answered 500")));
        let slow = look(&format!("{url}/slow")).await;
        assert_eq!(slow.showing, Showing::Slow);
        assert!(slow.reason.unwrap().starts_with("answered 200 after "));
        let hang = look(&format!("{url}/hang")).await;
        assert_eq!((hang.showing, hang.reason.as_deref()), (Showing::Bad, Some("no answer in time")));
        let refused = look("http://127.0.0.1:1/").await;
        assert_eq!((refused.showing, refused.reason.as_deref()), (Showing::Bad, Some("connection refused")));
    }

    #[tokio::test]
    async fn over_a_connection_that_was_opened_before_it_sees_the_same_and_nothing_where_that_has_broken() {
        let said = || async { ([("allswell-colour", "green")], "ok") };
        let router = Router::new()
            .route("/good", get(said))
            .route("/bad", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
            .route("/hang", get(std::future::pending::<()>));
        let (url, probe) = (serve(router).await, probe());
        let look = async |path: &str| {
            let target = Target::new(format!("{url}{path}"));
            probe.probe_over(probe.open(&target).await.expect("it listens"), &target).await.expect("it answers")
        };
        let (good, headers) = look("/good").await;
        assert_eq!((good.observation().unwrap().status, &headers["allswell-colour"]), (Some(200), &HeaderValue::from_static("green")));
        assert!(probe.heard_at().is_some());
        assert_eq!(look("/bad").await.0.observation().unwrap().reason.as_deref(), Some("answered 500"));
        assert_eq!(look("/hang").await.0.observation().unwrap().reason.as_deref(), Some("no answer in time"));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::new(format!("http://{}/", listener.local_addr().unwrap()));
        let opened = probe.open(&target).await.unwrap();
        drop(listener.accept().await.unwrap());
        assert_eq!(probe.probe_over(opened, &target).await, None);
        drop(listener);
        assert!(probe.open(&target).await.is_none(), "nobody listens");
        assert!(probe.open(&Target::of_our_own(target.url.replace("http", "https"))).await.is_none(), "not by TLS");
    }

    #[test]
    fn an_answer_after_a_time_in_which_we_did_not_run_says_nothing() {
        let timeout = Duration::from_secs(5);
        assert_eq!(held_up(Duration::from_millis(5_100), timeout), None);
        assert_eq!(held_up(Duration::from_secs(65), timeout).as_deref(), Some("it was held up for 60000ms"));
    }

    #[tokio::test]
    async fn every_probe_has_a_connection_of_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let service =
                    hyper::service::service_fn(|_| async { Ok::<_, std::convert::Infallible>(hyper::Response::new(String::from("ok"))) });
                let io = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
            }
        });
        let (probe, target) = (probe(), Target::new(url));
        for _ in 0..3 {
            assert!(probe.probe(&target).await.observation().unwrap().passed());
        }
        assert_eq!(count.load(Ordering::Relaxed), 3);
    }
}
