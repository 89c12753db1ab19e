//! Clients that come all the time: keep-alive requests, WebSockets and event streams. None of them retries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::marks::Marks;
use super::raw::{Raw, RawAnswer};
use super::tally::{Kind, Tally};

/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two requests of a client, between two uploads, and between two messages.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(250), Duration::from_millis(100)];
const UPLOAD: usize = 1024 * 1024;

/// How many of each come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) clients: usize,
    pub(crate) websockets: usize,
    pub(crate) event_streams: usize,
}

/// All of them.
pub(crate) struct Crowd {
    pub(crate) shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// What they have in common.
pub(crate) struct Shared {
    address: String,
    pub(crate) marks: Marks,
    is_over: AtomicBool,
    tally: Mutex<Tally>,
}

impl Crowd {
    /// Comes to this address.
    pub(crate) fn start(address: &str, marks: Marks, size: Size) -> Self {
        let shared = Arc::new(Shared { address: address.to_owned(), marks, is_over: AtomicBool::new(false), tally: Mutex::default() });
        let mut tasks = JoinSet::new();
        for number in 0..size.clients {
            tasks.spawn(keep_asking(Arc::clone(&shared), number));
        }
        for number in 0..size.websockets {
            tasks.spawn(keep_talking(Arc::clone(&shared), number));
        }
        for _ in 0..size.event_streams {
            tasks.spawn(keep_listening(Arc::clone(&shared)));
        }
        Self { shared, tasks }
    }

    /// What has happened so far.
    pub(crate) fn tally(&self) -> Tally {
        self.shared.tally.lock().unwrap().clone()
    }

    /// Lets everyone finish, and says what happened.
    pub(crate) async fn end(mut self) -> Tally {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.tally()
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    fn note(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().unwrap());
    }
}

async fn keep_asking(shared: Arc<Shared>, number: usize) {
    // A quarter uploads, and the others send GET and POST in turn.
    let uploads = number.is_multiple_of(4);
    let [pause, upload_pause, _] = PAUSES;
    let body = vec![b'x'; UPLOAD];
    let mut turn = number;
    while shared.goes_on() {
        let mut client = match Raw::connect(&shared.address).await {
            Ok(client) => client,
            Err(error) => {
                shared.note(|tally| tally.fail(Kind::Get, &format!("connect: {error}")));
                sleep(pause).await;
                continue;
            }
        };
        while shared.goes_on() {
            sleep(about(if uploads { upload_pause } else { pause })).await;
            if client.is_over() {
                shared.note(|tally| tally.closed += 1);
                break;
            }
            turn += 1;
            let (kind, body) = match (uploads, turn.is_multiple_of(2)) {
                (true, _) => (Kind::Upload, body.as_slice()),
                (false, true) => (Kind::Get, [].as_slice()),
                (false, false) => (Kind::Post, &body[..1_000]),
            };
            if !ask(&shared, &mut client, kind, body).await {
                shared.note(|tally| tally.closed += 1);
                break;
            }
        }
    }
}

/// Half as long or one and a half times, or between: clients who pause equally long come all at once, again and again, as those do not who know nothing
/// of each other.
fn about(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.5..1.5))
}

/// One request. Whether the connection goes on.
async fn ask(shared: &Shared, client: &mut Raw, kind: Kind, body: &[u8]) -> bool {
    let acknowledged = shared.marks.acknowledged();
    let method = if kind == Kind::Get { "GET" } else { "POST" };
    let answer = match timeout(PATIENCE, client.ask(method, "/work", &[], body)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            shared.note(|tally| tally.fail(kind, &error.to_string()));
            return false;
        }
        Err(_) => {
            shared.note(|tally| tally.fail(kind, &format!("no answer in {PATIENCE:?}")));
            return false;
        }
    };
    judge(shared, &answer, kind, body.len(), acknowledged);
    !answer.header("connection").is_some_and(|word| word.contains("close"))
}

fn judge(shared: &Shared, answer: &RawAnswer, kind: Kind, length: usize, acknowledged: u64) {
    let text = answer.text();
    let colour = text.split(' ').next().unwrap_or_default();
    if answer.status != 200 || text != format!("{colour} {length}") {
        shared.note(|tally| tally.fail(kind, &format!("{} {}", answer.status, text.trim())));
        return;
    }
    let right = shared.marks.only_right_colour(acknowledged, shared.marks.ordered());
    shared.note(|tally| {
        tally.answered += 1;
        if right.is_some_and(|right| right.as_str() != colour) {
            tally.strays += 1;
            tally.because(format!("{kind:?} after shift {acknowledged} reached {colour}"));
        }
    });
}

async fn keep_talking(shared: Arc<Shared>, number: usize) {
    let [.., pause] = PAUSES;
    sleep(pause.mul_f64((number % 100) as f64 / 100.0)).await;
    while shared.goes_on() {
        let url = format!("ws://{}/ws", shared.address);
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(url).await else {
            shared.note(|tally| tally.because("a WebSocket did not open".to_owned()));
            sleep(pause).await;
            continue;
        };
        let mut turn = 0_u64;
        while shared.goes_on() {
            turn += 1;
            let sent = socket.send(Message::text(turn.to_string())).await;
            let heard = timeout(PATIENCE, socket.next()).await;
            let is_right = matches!(&heard, Ok(Some(Ok(Message::Text(text)))) if text.ends_with(&format!(" {turn}")));
            shared.note(|tally| match is_right {
                true => tally.websocket_messages += 1,
                false => {
                    tally.websockets_closed += 1;
                    tally.because(format!("WebSocket: {sent:?} {heard:?}"));
                }
            });
            if !is_right {
                break;
            }
            sleep(pause).await;
        }
    }
}

async fn keep_listening(shared: Arc<Shared>) {
    while shared.goes_on() {
        if let Err(why) = listen(&shared).await {
            shared.note(|tally| {
                tally.event_streams_closed += 1;
                tally.because(format!("event stream: {why}"));
            });
            sleep(PAUSES[0]).await;
        }
    }
}

/// Hears every event in its turn, until all is over.
async fn listen(shared: &Shared) -> Result<(), String> {
    let mut client = Raw::connect(&shared.address).await.map_err(|error| error.to_string())?;
    client.send("GET /events HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n\r\n").await.map_err(|error| error.to_string())?;
    let head = client.head().await.map_err(|error| error.to_string())?;
    if head.status != 200 {
        return Err(format!("answered {}", head.status));
    }
    let mut number = 0_u64;
    while shared.goes_on() {
        let line = timeout(PATIENCE, client.line()).await.map_err(|_| "silent".to_owned())?.map_err(|error| error.to_string())?;
        // Chunk sizes and the ends of chunks stand between the events, which end with a line feed alone.
        let Some((_, said)) = line.split_once("data: ") else { continue };
        let said = said.trim();
        if !said.ends_with(&format!(" {number}")) {
            return Err(format!("event {number} is missing: {said}"));
        }
        number += 1;
        shared.note(|tally| tally.events += 1);
    }
    Ok(())
}
