//! `POST /v1/beat`: who said it, when, and what; 200 means that it is stored.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::serve::OwnHosts;
use super::watching::Watching;
use super::{body, origin};
use crate::clock;
use crate::domain::beat::Beat;
use crate::domain::moment::Moment;
use crate::domain::sent::Sent;
use crate::monitor::{Ack, Arrived, Ingest};
use crate::net::parcel::PATH;
use crate::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};

/// A larger request is refused.
const LARGEST: usize = 128 * 1024;
/// A larger body of the beat itself is refused.
const LARGEST_BODY: usize = 100 * 1024;
/// Names and words of a sender may be so long, in bytes.
const LONGEST_WORD: usize = 200;
/// A beat that was sent earlier, or will be sent later, is refused.
const OLDEST: Duration = Duration::from_secs(300);

/// Where beats come in. There are so many of them that they do not go by the router and its layers.
#[derive(Debug)]
pub(super) struct Entrance {
    watching: Watching,
    ingest: Ingest,
    own: OwnHosts,
}

impl Entrance {
    /// To this watcher.
    pub(super) fn new(watching: Watching, own: OwnHosts) -> Self {
        Self { ingest: watching.ingest.clone(), watching, own }
    }

    /// The same, for connections of the runtime that this is called on.
    pub(super) fn here(&self) -> Self {
        Self { ingest: self.ingest.here(), watching: self.watching.clone(), own: self.own.clone() }
    }

    /// Whether a request is for it.
    pub(super) fn is_of<B>(request: &Request<B>) -> bool {
        request.uri().path() == PATH
    }

    /// Takes a beat.
    pub(super) async fn answer<B>(&self, request: Request<B>, peer: SocketAddr) -> Response
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if let Err(error) = self.own.admit(&request) {
            return error.into_response();
        }
        if request.method() != Method::POST {
            return ApiError::WrongMethod(format!("{PATH} does not take {}", request.method())).into_response();
        }
        let (head, body) = request.into_parts();
        match self.take(&head.headers, body, peer).await {
            Ok(Ack::Stored | Ack::Created) => stored(r#"{"stored":true}"#),
            Ok(Ack::Repeated) => stored(r#"{"stored":true,"repeated":true}"#),
            Err(error) => {
                error.count();
                error.into_response()
            }
        }
    }

    async fn take<B>(&self, headers: &HeaderMap, body: B, peer: SocketAddr) -> Result<Ack, ApiError>
    where
        B: hyper::body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let watching = &self.watching;
        let address = origin::address(peer.ip(), headers, &watching.pings.settings.trusted);
        let body = body::whole(headers, body, LARGEST).await?;
        let now = watching.monitor.now();
        if let Err(error) = signed(headers, &body, &watching.key) {
            watching.monitor.stranger(&address.to_string(), text(headers, KEY_ID_HEADER), now);
            watching.pings.from(address).map_err(ApiError::TooOften)?;
            return Err(error);
        }
        let beat = read(&body, now, clock::now())?;
        watching.pings.signed(&beat).map_err(ApiError::TooOften)?;
        let sent = Sent { address: Some(address.to_string()), ..Sent::default() };
        let arrived = Arrived { key_id: watching.key.id().to_owned(), beat, arrival: watching.monitor.arrive(), sent };
        self.ingest.beat(arrived).await.map_err(|error| ApiError::from(&error))
    }
}

fn stored(json: &'static str) -> Response {
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn signed(headers: &HeaderMap, body: &[u8], key: &Key) -> Result<(), ApiError> {
    let text = |name| text(headers, name);
    let wrong = |words: String| Err(ApiError::Unauthorized(words));
    if text(SIGNATURE_HEADER).is_empty() || text(KEY_ID_HEADER).is_empty() {
        return wrong(format!("a beat is signed: {KEY_ID_HEADER} and {SIGNATURE_HEADER} are needed"));
    }
    if text(KEY_ID_HEADER) != key.id() {
        return wrong(format!("the key {} is not known here: sender and watcher need the same beat key", text(KEY_ID_HEADER)));
    }
    if !key.verify("POST", PATH, body, text(SIGNATURE_HEADER)) {
        return wrong("the signature is not that of this request".into());
    }
    Ok(())
}

/// A beat, sent about now by the clock that everything is dated by, which may be the database's, or by this host's own: of two that are apart nobody
/// knows which one was set.
pub(super) fn read(body: &[u8], now: Moment, own: Moment) -> Result<Beat, ApiError> {
    let beat: Beat = serde_json::from_slice(body).map_err(|error| ApiError::BadRequest(format!("this is not a beat: {error}")))?;
    let apart = |clock: Moment| clock.since(beat.sent_at).max(beat.sent_at.since(clock));
    if apart(now).min(apart(own)) > OLDEST {
        let words = format!("sent at {}, which is over 5 minutes from this watcher's time, {now}: set the sender's clock", beat.sent_at);
        return Err(ApiError::Unauthorized(words));
    }
    let words = [Some(&beat.check), Some(&beat.identity.instance), beat.version.as_ref()];
    if words.into_iter().flatten().any(|word| word.is_empty() || word.len() > LONGEST_WORD) {
        return Err(ApiError::BadRequest(format!("check, instance and version must have 1 to {LONGEST_WORD} bytes")));
    }
    if i64::try_from(beat.identity.sequence).is_err() {
        return Err(ApiError::BadRequest("sequence counts from 1 and must be less than 2^63".into()));
    }
    if beat.body.as_ref().is_some_and(|body| body.len() > LARGEST_BODY) {
        return Err(ApiError::TooLarge(format!("the body of a beat may have at most {LARGEST_BODY} bytes")));
    }
    Ok(beat)
}
