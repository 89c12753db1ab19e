//! What happened to a crowd, counted at the clients' own sockets.

use serde::Serialize;

/// What a keep-alive client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Post,
    Upload,
}

/// Counts.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Tally {
    /// Requests answered as they should be.
    pub(crate) answered: u64,
    /// Requests without an answer, or with a wrong one.
    pub(crate) failed_get: u64,
    pub(crate) failed_post: u64,
    pub(crate) failed_upload: u64,
    /// Keep-alive connections that the other side closed.
    pub(crate) closed: u64,
    /// Requests sent after an acknowledgement that reached the old colour.
    pub(crate) strays: u64,
    pub(crate) websocket_messages: u64,
    pub(crate) websockets_closed: u64,
    pub(crate) events: u64,
    pub(crate) event_streams_closed: u64,
    /// The first reasons, to look at.
    pub(crate) reasons: Vec<String>,
}

impl Tally {
    const REASONS: usize = 12;

    /// A request failed.
    pub(crate) fn fail(&mut self, kind: Kind, why: &str) {
        match kind {
            Kind::Get => self.failed_get += 1,
            Kind::Post => self.failed_post += 1,
            Kind::Upload => self.failed_upload += 1,
        }
        self.because(format!("{kind:?}: {why}"));
    }

    /// Keeps one of the first reasons.
    pub(crate) fn because(&mut self, why: String) {
        if self.reasons.len() < Self::REASONS {
            self.reasons.push(why);
        }
    }
}
