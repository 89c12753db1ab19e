//! A client that speaks HTTP/1.1: served by hyper while it asks, and parked without its buffers while it does not.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::claim::Door;
use super::client::{Activity, Place, Rest};
use super::farewell::hear_out;
use super::forward::Forwarder;
use super::malformed;
use super::metrics::{self, Connected};
use super::noted::Noted;
use super::origin::Origin;
use super::peer::Peer;
use super::shared::{Ending, Shared, reaches};
use super::wire::Wire;

/// Serves the client until it goes, stands still for too long, or everything ends.
pub(super) async fn serve_http1<S>(stream: S, peer: Arc<Peer>, door: Door, shared: Shared, place: Place)
where
    S: Wire,
{
    let Shared { worker, forwarder, mut ending, open, .. } = shared;
    let activity = Arc::new(Activity::new(Some(place)));
    let mut stream = Noted::new(stream, Arc::clone(&activity), peer.is_tls());
    let origin = Arc::new(Origin { worker, door, peer, activity: Arc::clone(&activity) });
    // In a box of its own, which ends with it: a parked client does without what an awake one needs.
    while let Some(parked) = Box::pin(serve_awake(stream, &forwarder, &origin, &mut ending)).await {
        stream = parked;
        let _parked = Connected::parked(door);
        let is_awake = tokio::select! {
            biased;
            is_there = stream.wakes() => is_there,
            () = activity.stands_still(&forwarder.timeouts) => false,
            () = reaches(&mut ending, Ending::Closed) => false,
        };
        if !is_awake {
            break;
        }
    }
    drop(open);
}

/// Serves the client while it asks. Hands its stream back when it has not asked for a while; none where the connection has ended.
async fn serve_awake<S>(
    stream: Noted<S>,
    forwarder: &Arc<Forwarder>,
    origin: &Arc<Origin>,
    ending: &mut watch::Receiver<Ending>,
) -> Option<Noted<S>>
where
    S: Wire,
{
    let service = service_fn(|request| {
        let (forwarder, origin) = (Arc::clone(forwarder), Arc::clone(origin));
        async move { Ok::<_, Infallible>(forwarder.answer(request, &origin).await) }
    });
    let mut server = http1::Builder::new();
    server.header_read_timeout(None).max_buf_size(forwarder.limits.header.bytes());
    let mut connection = server.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let ended = tokio::select! {
        biased;
        served = &mut connection => Some(served),
        rest = origin.activity.rests(&forwarder.timeouts) => match rest {
            Rest::TooLong => return None,
            Rest::Parked => None,
        },
        () = reaches(ending, Ending::Closed) => {
            Pin::new(&mut connection).graceful_shutdown();
            Some((&mut connection).await)
        }
    };
    if matches!(ended, Some(Ok(()))) && !origin.activity.has_unread() {
        return None;
    }
    let parts = connection.into_parts()?;
    let stream = parts.io.into_inner();
    let Some(ended) = ended else { return Some(stream.with_first(parts.read_buf)) };
    // In boxes of their own: they are rare.
    match (ended, stream.refusal()) {
        (Ok(()), _) => Box::pin(hear_out(stream.into_inner())).await,
        (Err(_), Some(status)) => Box::pin(malformed::refuse(stream.into_inner(), status, &parts.read_buf, forwarder, origin)).await,
        (Err(error), None) => count_refused(origin.door, &error),
    }
    None
}

/// What hyper has refused behind an answer that was still to be sent is counted; how else a client's connection ended is the client's affair.
fn count_refused(door: Door, error: &hyper::Error) {
    if error.is_parse_too_large() {
        metrics::failed(door, "header_too_large");
    } else if error.is_parse() {
        metrics::failed(door, "bad_request");
    }
}
