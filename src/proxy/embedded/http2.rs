//! A client that speaks HTTP/2: its requests share a connection, and each has an activity and limits of its own.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::claim::Door;
use super::client::{Activity, Place};
use super::forward::Origin;
use super::noted::Noted;
use super::peer::Peer;
use super::shared::{Ending, Shared, reaches};
use super::streams::Streams;
use super::wire::Wire;

/// Whether a client is still there is asked this often.
const PING: Duration = Duration::from_secs(20);

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
        .max_pending_accept_reset_streams(resets)
        .max_local_error_reset_streams(resets)
        .max_header_list_size(u32::try_from(limits.header.0).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(timeouts.client);
    let mut connection = pin!(server.serve_connection(stream, service));
    let mut is_told = false;
    loop {
        // Whoever was told to go has nothing to ask: it may still take what is on its way.
        let rest = if is_told { timeouts.client } else { timeouts.idle };
        tokio::select! {
            biased;
            _ = connection.as_mut() => break,
            () = activity.stands_still(&timeouts) => break,
            () = streams.watch(&timeouts, rest) => if is_told { break },
            () = reaches(&mut ending, Ending::Closing), if !is_told => {}
        }
        connection.as_mut().graceful_shutdown();
        streams.rest();
        is_told = true;
    }
    drop(open);
}
