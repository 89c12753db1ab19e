//! The story of a request: claimed, forwarded, answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT, CONTENT_LENGTH, HeaderValue};
use hyper::http::request;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};

use super::access_log::AccessLog;
use super::answer::{AnswerBody, Passing, Source, Told};
use super::asking::Asking;
use super::claim::{Claim, Claims, Door, Sender};
use super::head::Head;
use super::headers;
use super::lease::{Lease, Unanswered};
use super::metrics;
use super::origin::Origin;
use super::outgoing::{Asked, Outgoing};
use super::pages::{Pages, Wish};
use super::pause::Pause;
use super::peer::Peer;
use super::refused::Refused;
use super::running::Running;
use super::target;
use super::trouble::Trouble;
use super::tunnel::Tunnel;
use super::upstream::Upstream;
use crate::clock;
use crate::domain::colour::Colour;
use crate::net::network::Network;
use crate::proxy::{MaintenanceHealth, ProxyLimits, ProxyTimeouts};

/// What every request needs.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) claims: Arc<Claims>,
    pub(super) running: Arc<Running>,
    pub(super) blue: Upstream,
    pub(super) green: Upstream,
    pub(super) timeouts: ProxyTimeouts,
    pub(super) limits: ProxyLimits,
    pub(super) trusted: Vec<Network>,
    pub(super) token: String,
    pub(super) pause: Arc<Pause>,
    pub(super) maintenance_health: MaintenanceHealth,
    /// The path by which the app says whether it is well.
    pub(super) health: String,
    pub(super) pages: Pages,
    pub(super) log: Option<Arc<AccessLog>>,
    /// Every answer asks its client to use another connection next time.
    pub(super) is_closing: AtomicBool,
}

impl Forwarder {
    /// Answers a request: by the app of the colour it claims, or in our own words.
    pub(super) async fn answer(&self, request: Request<Incoming>, origin: &Origin) -> Response<AnswerBody> {
        origin.activity.awaits_app();
        let started = clock::elapsed();
        let (mut head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        if !has_body && headers::is_last(head.version, &head.headers) {
            origin.activity.closes();
        }
        let is_probe = headers::take_token(&mut head.headers, &self.token);
        let id = origin.peer.identify(&mut head.headers);
        let mut asking = Asking::new(Asked { head, id }, started, origin, self.log.as_deref());
        let sender = if is_probe { Sender::Prober } else { Sender::Visitor };
        let (epoch, answered) = match self.paused(&asking.asked.head.uri, sender, origin).await {
            Ok(()) => self.claim(&mut asking, body, sender, origin).await,
            Err(refused) => (None, Err(refused)),
        };
        let colour = asking.colour;
        let counted = colour.filter(|_| answered.as_ref().err().is_none_or(Refused::is_colours));
        if has_body && answered.is_err() {
            origin.activity.leaves_unread();
        }
        let mut answer = answered.unwrap_or_else(|refused| {
            metrics::failed(origin.door, refused.reason());
            self.in_our_words(refused, colour, asking.asked.head.headers.get(ACCEPT))
        });
        if let Some(colour) = counted {
            metrics::answered(colour, answer.status(), clock::elapsed().saturating_sub(started));
        }
        if is_probe {
            let epoch = epoch.unwrap_or_else(|| self.claims.live().epoch);
            headers::sign_answer(answer.headers_mut(), colour, epoch);
        }
        if self.is_closing.load(Ordering::Relaxed) && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            headers::say_close(answer.headers_mut());
        }
        origin.activity.answers();
        let record = asking.answered(answer.status().as_u16());
        let told = self.log.clone().map(|log| Told { log, worker: origin.worker, record });
        answer.map(|source| AnswerBody::new(source, Arc::clone(&origin.activity), told))
    }

    /// Goes on unless something keeps visitors from the app on purpose.
    async fn paused(&self, target: &Uri, sender: Sender, origin: &Origin) -> Result<(), Refused> {
        if sender == Sender::Prober || origin.door == Door::Idle {
            return Ok(());
        }
        if let Some(message) = self.pause.maintenance() {
            let is_health = target.path() == self.health;
            match self.maintenance_health {
                MaintenanceHealth::App if is_health => return Ok(()),
                MaintenanceHealth::Well if is_health => return Err(Refused::Well),
                MaintenanceHealth::App | MaintenanceHealth::Well | MaintenanceHealth::Unavailable => {
                    return Err(Refused::Maintenance(message));
                }
            }
        }
        Ok(self.pause.pass().await?)
    }

    /// Claims a colour and forwards the request to it. Says under which epoch that was.
    async fn claim(&self, asking: &mut Asking<'_>, body: Incoming, sender: Sender, origin: &Origin) -> (Option<u64>, Answered) {
        let Some(claim) = self.claims.claim(origin.worker, origin.door, sender) else {
            return (None, Err(Trouble::Undefined.into()));
        };
        let epoch = claim.epoch;
        asking.colour = Some(claim.colour);
        let answered = self.forward(&mut asking.asked, body, claim, origin).await;
        (Some(epoch), answered.map_err(Refused::from))
    }

    fn in_our_words(&self, refused: Refused, colour: Option<Colour>, accept: Option<&HeaderValue>) -> Response<Source> {
        tracing::debug!(reason = refused.reason(), colour = colour.map(Colour::as_str), "answered in our own words");
        let is_body_left = matches!(refused, Refused::Trouble(Trouble::TooLarge(_)));
        let mut answer = self.pages.answer(&refused.said(colour), Wish::of(accept));
        if is_body_left {
            headers::say_close(answer.headers_mut());
        }
        answer
    }

    async fn forward(&self, asked: &mut Asked, body: Incoming, claim: Claim, origin: &Origin) -> Result<Response<Source>, Trouble> {
        let upload = (!body.is_end_stream()).then_some(body);
        let client = prepare(&mut asked.head, upload.is_some(), origin)?;
        let (answered, lease) = self.exchange(asked, upload, &claim, &origin.peer).await?;
        let mut answer = Response::new(());
        *answer.status_mut() = answered.status;
        *answer.headers_mut() = answered.headers;
        if answered.status == StatusCode::SWITCHING_PROTOCOLS {
            let (client, app) = client.zip(lease.into_stream()).ok_or(Trouble::BadAnswer)?;
            let activity = Arc::clone(&origin.activity);
            let is_websocket = headers::is_websocket(answer.headers());
            headers::prepare_answer(answer.headers_mut(), true);
            self.tunnel(Tunnel { client, app, is_websocket, activity, claim: claim.into_stream() })?;
            return Ok(answer.map(|()| Source::Words(None)));
        }
        headers::prepare_answer(answer.headers_mut(), false);
        if headers::is_event_stream(answer.headers()) && !lease.is_over() {
            return Ok(answer.map(|()| Source::App(Passing::stream(lease, claim))));
        }
        if let Some(cut) = lease.cut().filter(|_| !lease.is_over()) {
            origin.activity.ends_by(cut);
        }
        Ok(answer.map(|()| Source::App(Passing::new(lease, claim))))
    }

    /// Sends the request on an idle connection or a fresh one; once more, on a fresh one, where that cannot do anything twice.
    async fn exchange(&self, asked: &Asked, upload: Option<Incoming>, claim: &Claim, peer: &Peer) -> Result<(Head, Lease), Trouble> {
        let method = &asked.head.method;
        let upstream = self.upstream(claim.colour);
        let repeatable = method.is_idempotent() && upload.is_none();
        let limit = self.limits.body;
        if upload.as_ref().is_some_and(|upload| upload.size_hint().lower() > limit.0) {
            return Err(Trouble::TooLarge(limit));
        }
        let now = clock::elapsed();
        let request = Outgoing::new(asked, peer, upload, now, limit);
        let pooled = upstream.pooled(claim.worker, repeatable, now);
        let is_fresh = pooled.is_none();
        let mut lease = match pooled {
            Some(lease) => lease,
            // In a box of its own: it is rare, and what it takes is not to be carried about by every request.
            None => Box::pin(upstream.connect(claim, None)).await?,
        };
        let sent = lease.send(request, method, &self.timeouts).await;
        let again = match sent.inspect_err(|unanswered| self.leave_out(unanswered, is_fresh, claim, &lease)) {
            Ok(answer) => return Ok((answer, lease)),
            Err(Unanswered::Unsent(same)) => {
                metrics::stale("resent");
                same
            }
            // What breaks a connection that was just made may be the request: where there is only this instance it is not sent again.
            Err(Unanswered::Broken) if repeatable && !claim.is_cut() && (!is_fresh || upstream.has_others()) => {
                metrics::stale("repeated");
                Outgoing::new(asked, peer, None, clock::elapsed(), limit)
            }
            Err(unanswered) => {
                if !is_fresh && matches!(unanswered, Unanswered::Broken) {
                    metrics::stale("failed");
                }
                return Err(self.trouble(&unanswered, claim));
            }
        };
        Box::pin(self.once_more(again, method, claim, lease)).await
    }

    /// Where there are other instances than that of the connection that is `broken`, it is one of them: this one may be about to end.
    async fn once_more(&self, request: Outgoing, method: &Method, claim: &Claim, broken: Lease) -> Result<(Head, Lease), Trouble> {
        let mut lease = self.upstream(claim.colour).connect(claim, Some(&broken)).await?;
        drop(broken);
        let sent = lease.send(request, method, &self.timeouts).await;
        let sent = sent.inspect_err(|unanswered| self.leave_out(unanswered, true, claim, &lease));
        Ok((sent.map_err(|unanswered| self.trouble(&unanswered, claim))?, lease))
    }

    /// An instance that breaks a connection that was just made, or does not answer in time, is left out until it answers again.
    fn leave_out(&self, unanswered: &Unanswered, is_fresh: bool, claim: &Claim, lease: &Lease) {
        let is_its_own = match unanswered {
            Unanswered::Unsent(_) | Unanswered::Broken | Unanswered::Trouble(Trouble::Broken) => is_fresh && !claim.is_cut(),
            Unanswered::Trouble(Trouble::AnswerTimeout(_)) => true,
            Unanswered::TooLarge | Unanswered::Trouble(_) => false,
        };
        if is_its_own {
            self.upstream(claim.colour).leave_out(lease, &self.health);
        }
    }

    /// What the client hears of it.
    fn trouble(&self, unanswered: &Unanswered, claim: &Claim) -> Trouble {
        match unanswered {
            Unanswered::Unsent(_) | Unanswered::Broken if claim.is_cut() => Trouble::Cut,
            Unanswered::Unsent(_) | Unanswered::Broken => Trouble::Broken,
            Unanswered::TooLarge => Trouble::TooLarge(self.limits.body),
            Unanswered::Trouble(trouble) => *trouble,
        }
    }

    fn tunnel(&self, tunnel: Tunnel) -> Result<(), Trouble> {
        let ticket = tunnel.claim.ticket();
        self.running.start_told(ticket, |told| tunnel.run(self.timeouts, told)).map_err(|_| Trouble::Cut)
    }

    pub(super) fn upstream(&self, colour: Colour) -> &Upstream {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

type Answered = Result<Response<Source>, Refused>;

/// Makes the request into the one that the app is to get. Hands back the client's side of an upgrade if it asks for one.
fn prepare(head: &mut request::Parts, has_body: bool, origin: &Origin) -> Result<Option<OnUpgrade>, Trouble> {
    if head.method == Method::CONNECT {
        return Err(Trouble::NoTunnel);
    }
    if !headers::is_plainly_coded(&head.headers) {
        return Err(Trouble::BadCoding);
    }
    target::settle(head)?;
    let is_upgrade = headers::prepare_request(&mut head.headers, &origin.peer, head.version == Version::HTTP_11);
    headers::join_cookies(&mut head.headers);
    if has_body {
        // How it is framed is said anew.
        head.headers.remove(CONTENT_LENGTH);
    }
    Ok(head.extensions.remove().filter(|_| is_upgrade))
}
