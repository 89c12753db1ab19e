//! A crowd of keep-alive clients and WebSockets, and an honest tally of what happened to them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allswell::clock;
use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::app::{APP_COLOUR, APP_ORDERED};
use super::marks::Marks;
use super::raw::Raw;

/// Longer than any handler; an answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients that go on asking until they are told to end.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    address: String,
    marks: Arc<Marks>,
    is_over: AtomicBool,
    answers: AtomicU64,
    tally: Mutex<Tally>,
}

/// What happened to a crowd.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    /// Requests and messages that got no answer or a wrong one, each with what happened.
    pub(crate) failed: Vec<String>,
    /// Connections that the other side closed, counted at the client's sockets.
    pub(crate) closed: Vec<String>,
    /// Requests sent after an acknowledgement that reached the old colour.
    pub(crate) strays: Vec<String>,
    /// When each answer came, in elapsed time.
    pub(crate) answered: Vec<Duration>,
    /// Messages echoed by WebSockets.
    pub(crate) echoes: u64,
}

impl Tally {
    /// How many answers came in the second around a moment.
    pub(crate) fn around(&self, moment: Duration) -> usize {
        let half = Duration::from_millis(500);
        self.answered.iter().filter(|at| **at + half >= moment && **at <= moment + half).count()
    }
}

impl Crowd {
    /// Starts half of `clients` with requests that take 300 ms and half with short ones, GET and POST in turn, and `websockets`.
    pub(crate) fn start(address: &str, marks: &Arc<Marks>, clients: usize, websockets: usize) -> Self {
        let shared = Arc::new(Shared {
            address: address.to_owned(),
            marks: Arc::clone(marks),
            is_over: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            tally: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let path = if number % 2 == 0 { "/work?ms=300" } else { "/work?ms=25" };
            tasks.spawn(keep_asking(Arc::clone(&shared), path));
        }
        for _ in 0..websockets {
            tasks.spawn(keep_talking(Arc::clone(&shared)));
        }
        Self { shared, tasks }
    }

    /// Answers so far.
    pub(crate) fn answers(&self) -> u64 {
        self.shared.answers.load(Ordering::Relaxed)
    }

    /// Lets everyone finish what they are at, and says what happened.
    pub(crate) async fn end(mut self) -> Tally {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("a client that does not panic");
        }
        self.shared.tally.lock().expect("the tally").clone()
    }
}

impl Shared {
    fn note(&self, note: impl FnOnce(&mut Tally)) {
        note(&mut self.tally.lock().expect("the tally"));
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }
}

async fn keep_asking(shared: Arc<Shared>, path: &'static str) {
    let mut turn = 0_usize;
    while shared.goes_on() {
        let mut client = match Raw::connect(&shared.address).await {
            Ok(client) => client,
            Err(error) => {
                shared.note(|tally| tally.failed.push(format!("connect: {error}")));
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        while shared.goes_on() {
            if client.is_over() {
                shared.note(|tally| tally.closed.push("closed while idle".into()));
                break;
            }
            turn += 1;
            if let Err(closed) = ask(&shared, &mut client, path, turn).await {
                shared.note(|tally| tally.closed.push(closed));
                break;
            }
        }
    }
}

/// One request. An error is how the connection ended.
async fn ask(shared: &Shared, client: &mut Raw, path: &str, turn: usize) -> Result<(), String> {
    let (method, body) = if turn.is_multiple_of(2) { ("GET", vec![]) } else { ("POST", vec![b'x'; 1_000]) };
    let sent_after = shared.marks.acknowledged();
    let asked = timeout(PATIENCE, client.ask(method, path, &[], &body)).await;
    let answer = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            shared.note(|tally| tally.failed.push(format!("{method} {path}: {error}")));
            return Err(format!("{method} {path}: {error}"));
        }
        Err(_) => {
            shared.note(|tally| tally.failed.push(format!("{method} {path}: no answer in {PATIENCE:?}")));
            return Err("given up".into());
        }
    };
    shared.answers.fetch_add(1, Ordering::Relaxed);
    let colour = answer.header(APP_COLOUR).unwrap_or_default();
    let ordered = answer.header(APP_ORDERED).and_then(|number| number.parse().ok()).unwrap_or(u64::MAX);
    let right = shared.marks.only_right_colour(sent_after, ordered);
    let wanted = format!("{colour} {}", body.len());
    shared.note(|tally| {
        tally.answered.push(clock::elapsed());
        if answer.status != 200 || answer.text() != wanted {
            tally.failed.push(format!("{method} {path}: {} {}", answer.status, answer.text()));
        }
        if right.is_some_and(|right| right.as_str() != colour) {
            tally.strays.push(format!("{method} {path}, sent after shift {sent_after}, reached {colour}"));
        }
    });
    match answer.header("connection") {
        Some(word) if word.contains("close") => Err("the answer said close".into()),
        Some(_) | None => Ok(()),
    }
}

async fn keep_talking(shared: Arc<Shared>) {
    let url = format!("ws://{}/ws", shared.address);
    let mut socket = match tokio_tungstenite::connect_async(url).await {
        Ok((socket, _)) => socket,
        Err(error) => return shared.note(|tally| tally.failed.push(format!("websocket: {error}"))),
    };
    let mut number = 0_u64;
    let mut colour = None;
    while shared.goes_on() {
        number += 1;
        let sent = socket.send(Message::text(number.to_string())).await;
        let heard = timeout(PATIENCE, socket.next()).await;
        let Ok(Some(Ok(Message::Text(text)))) = heard else {
            return shared.note(|tally| tally.closed.push(format!("websocket: {sent:?} {heard:?}")));
        };
        let (said, echo) = text.split_once(' ').unwrap_or_default();
        let stays = *colour.get_or_insert_with(|| said.to_owned()) == said;
        shared.note(|tally| {
            tally.echoes += 1;
            if !stays || echo != number.to_string() {
                tally.failed.push(format!("websocket: {text} for {number}"));
            }
        });
        sleep(Duration::from_millis(20)).await;
    }
}
