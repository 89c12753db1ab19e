//! A request that is not answered yet, and what is told of one whose client does not wait for it.

use std::mem::{replace, take};
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HOST, HeaderValue, USER_AGENT};

use super::access_log::AccessLog;
use super::metrics;
use super::origin::Origin;
use super::outgoing::Asked;
use super::record::Record;
use crate::domain::colour::Colour;

/// What stands in the log where the client went away before its answer, as nginx has it.
const GONE: u16 = 499;

/// A request from its header to its answer's. Where it is dropped before that, it is told of.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) asked: Asked,
    /// The colour that it has claimed.
    pub(super) colour: Option<Colour>,
    started: Duration,
    origin: &'a Origin,
    log: Option<&'a AccessLog>,
    is_answered: bool,
}

impl<'a> Asking<'a> {
    /// Of this request, whose header was there at `started`, as elapsed time.
    pub(super) fn new(asked: Asked, started: Duration, origin: &'a Origin, log: Option<&'a AccessLog>) -> Self {
        Self { asked, colour: None, started, origin, log, is_answered: false }
    }

    /// What is told of it once its answer, of this status, has gone.
    pub(super) fn answered(mut self, status: u16) -> Record {
        self.is_answered = true;
        self.record(status)
    }

    fn record(&mut self, status: u16) -> Record {
        let head = &mut self.asked.head;
        Record {
            door: self.origin.door,
            peer: Arc::clone(&self.origin.peer),
            host: head.headers.remove(HOST),
            agent: head.headers.remove(USER_AGENT),
            id: Some(replace(&mut self.asked.id, HeaderValue::from_static(""))),
            asked: Some((take(&mut head.method), take(&mut head.uri))),
            colour: self.colour,
            status,
            bytes: 0,
            started: self.started,
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        metrics::abandoned(self.origin.door);
        if let Some(log) = self.log {
            let record = self.record(GONE);
            log.add(self.origin.worker, &record);
        }
    }
}
