//! The requests of a run, made and signed before it begins: signing them is the senders' work.

use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::{Beat, BeatKind, Identity};
use allswell::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};
use uuid::Uuid;

use super::watcher::{CHECKS, KEY};

/// Neighbours in time are no neighbours in the store; it has no divisor in common with a number of checks that is used.
const STRIDE: usize = 7_919;

/// So much later than the beat before each one was sent, by its sender's clock: as it would be at about the rate that is measured.
const APART: Duration = Duration::from_micros(30);

/// What is sent, in order, whoever of the connections is ready for the next: as with senders of which each says when it speaks, what arrives
/// was sent just before.
pub(crate) struct Requests(pub(crate) Vec<Vec<u8>>);

impl Requests {
    /// Signed beats of a thousand checks by turns, of as many runs as there are connections.
    pub(crate) fn signed(count: usize, connections: usize) -> Self {
        Self::spread(count, connections, CHECKS)
    }

    /// Signed beats of so many checks by turns.
    pub(crate) fn spread(count: usize, connections: usize, checks: usize) -> Self {
        let (key, began) = (Key::new(KEY), clock::now());
        let runs: Vec<Uuid> = (0..connections).map(|_| Uuid::new_v4()).collect();
        let one = |place: usize| {
            let sent_at = began + APART * u32::try_from(place).unwrap();
            let beat = Beat { sent_at, ..beat(place * STRIDE % checks, runs[place % connections], place / connections) };
            request(&key, &serde_json::to_vec(&beat).unwrap())
        };
        Self((0..count).map(one).collect())
    }
}

fn beat(check: usize, run: Uuid, number: usize) -> Beat {
    Beat::new(
        format!("job-{check}"),
        BeatKind::Success,
        Identity { instance: "bench".to_owned(), run, sequence: u64::try_from(number).unwrap() + 1 },
        clock::now(),
    )
}

fn request(key: &Key, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/beat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{KEY_ID_HEADER}: {}\r\n{SIGNATURE_HEADER}: {}\r\n\
         content-length: {}\r\n\r\n",
        key.id(),
        key.sign("POST", "/v1/beat", body),
        body.len()
    );
    [head.as_bytes(), body].concat()
}
