//! A client that speaks HTTP/2: its requests share a connection, and each has an activity and limits of its own.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::sleep;

use super::claim::Door;
use super::client::{Activity, Place};
use super::noted::Noted;
use super::origin::Origin;
use super::peer::Peer;
use super::shared::{Ending, Shared, reaches};
use super::streams::Streams;
use super::tunnel::GOODBYE;
use super::wire::Wire;
use crate::proxy::ProxyTimeouts;

/// Whether a client is still there is asked this often.
const PING: Duration = Duration::from_secs(20);

/// So much of an upload may wait for its app, and so much of all that share a connection: one that stands still is not to stop the others.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

/// Serves the client until it goes, asks for nothing for too long, takes nothing, or everything ends. That it answers pings is no request.
pub(super) async fn serve_http2<S>(stream: S, peer: Arc<Peer>, door: Door, shared: Shared, place: Place)
where
    S: Wire,
{
    let Shared { worker, forwarder, mut ending, open, .. } = shared;
    let activity = Arc::new(Activity::new(Some(place)));
    activity.is_shared();
    let (timeouts, limits) = (forwarder.timeouts, forwarder.limits);
    let streams = Streams::new();
    let service = service_fn(|request| {
        let forwarder = Arc::clone(&forwarder);
        let origin = Origin { worker, door, peer: Arc::clone(&peer), activity: streams.begin() };
        async move { Ok::<_, Infallible>(forwarder.answer(request, &origin).await) }
    });
    let stream = TokioIo::new(Noted::new(stream, Arc::clone(&activity), true));
    let mut server = http2::Builder::new(streams.clone());
    let resets = usize::try_from(limits.resets).unwrap_or(usize::MAX);
    server
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_pending_accept_reset_streams(resets)
        .max_local_error_reset_streams(resets)
        .max_header_list_size(u32::try_from(limits.header.0).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(timeouts.client);
    let mut connection = pin!(server.serve_connection(stream, service));
    let (mut is_told, mut is_ending) = (false, false);
    loop {
        let stage = (is_told, is_ending);
        // Whoever was told to go has nothing to ask: it may still take what is on its way.
        let resting = async {
            match stage {
                (_, true) => is_gone(&streams, &activity, &timeouts).await,
                (true, false) => streams.watch(&timeouts, timeouts.client).await,
                (false, false) => streams.watch(&timeouts, timeouts.idle).await,
            }
        };
        tokio::select! {
            biased;
            _ = connection.as_mut() => break,
            () = activity.stands_still(&timeouts) => break,
            () = resting => if is_told { break },
            () = reaches(&mut ending, Ending::Closing), if !is_ending => is_ending = true,
        }
        connection.as_mut().graceful_shutdown();
        streams.rest();
        is_told = true;
    }
    drop(open);
}

/// Resolves when nothing was asked, and nothing taken, for as long as anybody has to answer a goodbye: a client may be gone without a word, and
/// the end does not wait for it.
async fn is_gone(streams: &Streams, activity: &Activity, limits: &ProxyTimeouts) {
    loop {
        streams.watch(limits, GOODBYE).await;
        match GOODBYE.saturating_sub(activity.still()) {
            Duration::ZERO => return,
            left => sleep(left).await,
        }
    }
}
