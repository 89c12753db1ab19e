//! Sends requests on connections that are kept open: each the next as soon as it has its answer, or at an even pace.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::vec::IntoIter;

use allswell::clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::requests::Requests;

/// Where it goes.
pub(crate) struct Load {
    addresses: Vec<String>,
    connections: usize,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Outcome {
    took: Duration,
    /// Answers that were not 200.
    pub(crate) refused: usize,
    answered: Vec<Duration>,
}

impl Load {
    /// To these addresses by turns.
    pub(crate) fn new(addresses: &[String], connections: usize) -> Self {
        Self { addresses: addresses.to_vec(), connections }
    }

    /// Sends everything; with a rate, so many a second, and a time is counted from when a request was to be sent.
    pub(crate) async fn run(&self, requests: Requests, per_second: Option<f64>) -> Outcome {
        let mut streams = Vec::new();
        for number in 0..self.connections {
            let stream = TcpStream::connect(&self.addresses[number % self.addresses.len()]).await.unwrap();
            stream.set_nodelay(true).unwrap();
            streams.push(stream);
        }
        let began = clock::elapsed();
        let mut tasks = JoinSet::new();
        let requests = Arc::new(Mutex::new(requests.0.into_iter()));
        for (number, stream) in streams.into_iter().enumerate() {
            let pace = per_second.map(|rate| {
                let every = Duration::from_secs_f64(count(self.connections) / rate);
                (began + every.mul_f64(count(number) / count(self.connections)), every)
            });
            tasks.spawn(converse(stream, Arc::clone(&requests), pace));
        }
        let mut outcome = Outcome::default();
        while let Some(done) = tasks.join_next().await {
            let (answered, refused) = done.unwrap();
            outcome.answered.extend(answered);
            outcome.refused += refused;
        }
        outcome.took = clock::elapsed() - began;
        outcome.answered.sort();
        outcome
    }
}

impl Outcome {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.answered.len()) / self.took.as_secs_f64()
    }

    /// The time within which this share of the answers came.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let place = ((count(self.answered.len()) * share) as usize).min(self.answered.len() - 1);
        self.answered[place]
    }
}

fn count(number: usize) -> f64 {
    number as f64
}

/// What is sent next, by whichever connection is ready.
type Shared = Arc<Mutex<IntoIter<Vec<u8>>>>;

async fn converse(mut stream: TcpStream, requests: Shared, pace: Option<(Duration, Duration)>) -> (Vec<Duration>, usize) {
    let mut answered = Vec::new();
    let mut refused = 0;
    let mut buffer = Vec::with_capacity(4096);
    let mut next = pace.map(|(first, _)| first);
    loop {
        let sent = match (next, pace) {
            (Some(at), Some((_, every))) => {
                tokio::time::sleep(at.saturating_sub(clock::elapsed())).await;
                next = Some(at + every);
                at
            }
            _ => clock::elapsed(),
        };
        let Some(request) = requests.lock().unwrap().next() else { return (answered, refused) };
        stream.write_all(&request).await.unwrap();
        refused += usize::from(!is_good(&mut stream, &mut buffer).await);
        answered.push(clock::elapsed().saturating_sub(sent));
    }
}

/// Reads one whole answer.
async fn is_good(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the connection was closed");
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
        if buffer.len() >= head + 4 + length {
            return text.starts_with("HTTP/1.1 200");
        }
    }
}
