//! `GET /events`: something may have changed, look again. An event says nothing more; browsers pass on none whose data is empty.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::super::error::ApiError;
use super::super::watching::Watching;
use super::answer::PageError;
use super::visitor::Reader;
use crate::monitor::Monitor;

/// So many pages at most are told; the others ask at an interval.
const MOST: usize = 200;
/// Between two events.
const PACE: Duration = Duration::from_millis(900);
/// Where nothing is heard, time itself changes what is shown.
const LATEST: Duration = Duration::from_secs(5);

/// Who listens, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    seats: Arc<Semaphore>,
    ending: watch::Receiver<bool>,
}

impl Room {
    /// Until this says true.
    pub(crate) fn new(ending: watch::Receiver<bool>) -> Self {
        Self { seats: Arc::new(Semaphore::new(MOST)), ending }
    }
}

/// One that listens.
struct Seat {
    monitor: Monitor,
    ending: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

/// `GET /events`.
pub(super) async fn events(State(watching): State<Watching>, Extension(room): Extension<Room>, _: Reader) -> Result<Response, PageError> {
    let permit = Arc::clone(&room.seats).try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::Unavailable(format!("{MOST} pages are open already: this one asks at an interval")))?;
    let seat = Seat { monitor: watching.monitor.clone(), ending: room.ending, _permit: permit };
    let events = stream::unfold(seat, |seat| async move {
        let (event, seat) = seat.next().await?;
        Some((Ok::<_, Infallible>(event), seat))
    });
    Ok(Sse::new(events).into_response())
}

impl Seat {
    /// The next event; none at the end.
    async fn next(mut self) -> Option<(Event, Self)> {
        let changed = self.monitor.changed();
        let waiting = async {
            sleep(PACE).await;
            // What was told meanwhile was heard.
            let _ = timeout(LATEST, changed).await;
        };
        tokio::select! {
            () = waiting => {}
            // The sender is gone: that is an end as well.
            _ = self.ending.wait_for(|ended| *ended) => return None,
        }
        Some((Event::default().event("changed").data("look"), self))
    }
}
