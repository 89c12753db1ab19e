//! The story of a request: claimed, forwarded, answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use tokio::time::timeout;

use super::address::{Lease, Unanswered};
use super::answer::{self, AnswerBody, Passing, Source};
use super::claim::{Claim, Claims, Door, Sender};
use super::client::Activity;
use super::headers::{self, Peer};
use super::metrics;
use super::running::Running;
use super::trouble::Trouble;
use super::tunnel::Tunnel;
use super::upload::{Progress, Upload};
use super::upstream::Upstream;
use crate::clock;
use crate::domain::colour::Colour;
use crate::proxy::ProxyTimeouts;

/// What every request needs.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) claims: Arc<Claims>,
    pub(super) running: Arc<Running>,
    pub(super) blue: Upstream,
    pub(super) green: Upstream,
    pub(super) timeouts: ProxyTimeouts,
    pub(super) trusted: Vec<IpAddr>,
    pub(super) token: String,
    /// Every answer asks its client to use another connection next time.
    pub(super) is_closing: AtomicBool,
}

/// Where a request comes from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) door: Door,
    pub(super) peer: Peer,
    pub(super) activity: Arc<Activity>,
}

impl Forwarder {
    /// Answers a request: by the app of the colour it claims, or in our own words.
    pub(super) async fn answer(&self, mut request: Request<Incoming>, origin: &Origin) -> Response<AnswerBody> {
        origin.activity.awaits_app();
        let started = clock::elapsed();
        let is_probe = headers::take_token(request.headers_mut(), &self.token);
        let sender = if is_probe { Sender::Prober } else { Sender::Visitor };
        let claim = self.claims.claim(origin.door, sender);
        let (colour, epoch) = match &claim {
            Some(claim) => (Some(claim.colour), claim.epoch),
            None => (None, self.claims.live().epoch),
        };
        let answered = match claim {
            Some(claim) => self.forward(request, claim, origin).await,
            None => Err(Trouble::Undefined),
        };
        let mut answer = answered.unwrap_or_else(|trouble| {
            metrics::failed(trouble.reason());
            tracing::debug!(reason = trouble.reason(), colour = colour.map(Colour::as_str), "answered in our own words");
            answer::in_words(trouble, colour)
        });
        if let Some(colour) = colour {
            metrics::answered(colour, answer.status(), clock::elapsed().saturating_sub(started));
        }
        if is_probe {
            headers::sign_answer(answer.headers_mut(), colour, epoch);
        }
        if self.is_closing.load(Ordering::Relaxed) && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            headers::say_close(answer.headers_mut());
        }
        origin.activity.answers();
        answer.map(|source| AnswerBody::new(source, Arc::clone(&origin.activity)))
    }

    async fn forward(&self, request: Request<Incoming>, claim: Claim, origin: &Origin) -> Result<Response<Source>, Trouble> {
        let (request, client) = prepared(request, origin)?;
        let (mut answer, lease) = self.exchange(request, &claim).await?;
        let is_upgrade = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
        if is_upgrade {
            let client = client.ok_or(Trouble::Broken)?;
            let app = hyper::upgrade::on(&mut answer);
            let activity = Arc::clone(&origin.activity);
            let is_websocket = headers::is_websocket(answer.headers());
            headers::prepare_answer(answer.headers_mut(), true);
            self.tunnel(Tunnel { client, app, is_websocket, activity, claim: claim.into_stream() })?;
            return Ok(answer.map(|_| Source::Words(None)));
        }
        let mut lease = lease;
        if answer.version() != Version::HTTP_11 || headers::says_close(answer.headers()) {
            lease.spend();
        }
        headers::prepare_answer(answer.headers_mut(), false);
        *answer.version_mut() = Version::HTTP_11;
        Ok(answer.map(|body| Source::App(Passing::new(body, lease, claim))))
    }

    /// Sends the request on an idle connection or a fresh one; once more, on a fresh one, where that cannot do anything twice.
    async fn exchange(&self, mut request: Request<Upload>, claim: &Claim) -> Result<(Response<Incoming>, Lease), Trouble> {
        let upstream = self.upstream(claim.colour);
        let repeatable = request.method().is_idempotent() && request.body().is_end_stream();
        if let Some(mut lease) = upstream.pooled(repeatable) {
            let again = repeatable.then(|| copy_of(&request));
            match (self.send(&mut lease, request, claim).await, again) {
                (Ok(answer), _) => return Ok((answer, lease)),
                (Err(Failed::Unsent(same)), _) => request = *same,
                (Err(Failed::Trouble(Trouble::Broken)), Some(again)) => request = again,
                (Err(Failed::Trouble(trouble)), _) => return Err(trouble),
            }
        }
        let mut lease = upstream.connect(claim).await?;
        let answer = self.send(&mut lease, request, claim).await.map_err(|failed| match failed {
            Failed::Unsent(_) => Trouble::Broken,
            Failed::Trouble(trouble) => trouble,
        });
        Ok((answer?, lease))
    }

    async fn send(&self, lease: &mut Lease, request: Request<Upload>, claim: &Claim) -> Result<Response<Incoming>, Failed> {
        let progress = request.body().progress();
        let mut sending = std::pin::pin!(lease.send(request));
        let mut left = self.timeouts.response_header;
        loop {
            match timeout(left, sending.as_mut()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Unanswered::Unsent(request))) => return Err(Failed::Unsent(request)),
                Ok(Err(Unanswered::Broken(_))) if claim.is_cut() => return Err(Failed::Trouble(Trouble::Cut)),
                Ok(Err(Unanswered::Broken(error))) if error.is_user() => return Err(Failed::Trouble(Trouble::BadBody)),
                Ok(Err(Unanswered::Broken(_))) => return Err(Failed::Trouble(Trouble::Broken)),
                Err(_) => left = self.patience(progress.as_deref()).map_err(Failed::Trouble)?,
            }
        }
    }

    /// How long to go on waiting: an upload that moves, or that waits for its client, does not count against the app.
    fn patience(&self, progress: Option<&Progress>) -> Result<Duration, Trouble> {
        let ProxyTimeouts { response_header, idle, .. } = self.timeouts;
        let Some(progress) = progress else { return Err(Trouble::AnswerTimeout(response_header)) };
        let (limit, trouble) = match progress.awaits_client() {
            true => (idle, Trouble::ClientTimeout),
            false => (response_header, Trouble::AnswerTimeout(response_header)),
        };
        match limit.saturating_sub(progress.still()) {
            Duration::ZERO => Err(trouble),
            left => Ok(left.min(response_header)),
        }
    }

    fn tunnel(&self, tunnel: Tunnel) -> Result<(), Trouble> {
        let ticket = tunnel.claim.ticket();
        self.running.start_told(ticket, |told| tunnel.run(self.timeouts, told)).map_err(|_| Trouble::Cut)
    }

    fn upstream(&self, colour: Colour) -> &Upstream {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

enum Failed {
    /// Nothing was sent.
    Unsent(Box<Request<Upload>>),
    Trouble(Trouble),
}

/// The request as the app is to get it, and the client's side of an upgrade if it asks for one.
fn prepared(mut request: Request<Incoming>, origin: &Origin) -> Result<(Request<Upload>, Option<OnUpgrade>), Trouble> {
    if *request.method() == Method::CONNECT {
        return Err(Trouble::NoTunnel);
    }
    let can_upgrade = request.version() == Version::HTTP_11;
    set_host(&mut request)?;
    let is_chunked = request.headers().contains_key(hyper::header::TRANSFER_ENCODING);
    let is_upgrade = headers::prepare_request(request.headers_mut(), &origin.peer, can_upgrade);
    let client = is_upgrade.then(|| hyper::upgrade::on(&mut request));
    request.extensions_mut().clear();
    *request.version_mut() = Version::HTTP_11;
    if is_chunked && !request.body().is_end_stream() {
        // hyper sends no body with a GET unless it is told to.
        request.headers_mut().insert(hyper::header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok((request.map(Upload::new), client))
}

/// An absolute target names the host, whatever `Host` says (RFC 9112, 3.2.2); the app gets the path alone.
fn set_host(request: &mut Request<Incoming>) -> Result<(), Trouble> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Trouble::NoHost)?;
        let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        request.headers_mut().insert(HOST, host);
        *request.uri_mut() = Uri::from(path);
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next(), request.version()) {
        (Some(_), None, _) | (None, _, Version::HTTP_10) => Ok(()),
        (None | Some(_), ..) => Err(Trouble::NoHost),
    }
}

/// The same request again; it has no body.
fn copy_of(request: &Request<Upload>) -> Request<Upload> {
    let mut copy = Request::new(Upload::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
