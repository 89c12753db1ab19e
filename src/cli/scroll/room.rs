//! Everyone who views the page: where it is scrolled to, and how many they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// A viewer that answers nothing is found out so often.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long the room waits for the last viewer when it closes.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// What all viewers share.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Shared {
    /// From 0, the top, to 1, the bottom; none before anybody scrolled.
    at: Option<f64>,
    /// Who scrolled there.
    by: u64,
    viewers: usize,
    closing: bool,
}

/// What the page hears.
#[derive(Debug, Serialize)]
struct Told<'a> {
    /// Where to scroll to; none for the one who scrolled there.
    at: Option<f64>,
    viewers: usize,
    colour: &'a str,
    version: &'a str,
}

/// What the page says.
#[derive(Debug, Deserialize)]
struct Said {
    at: f64,
}

/// The room. Its state is this process's own.
#[derive(Debug)]
pub(super) struct Room {
    shared: watch::Sender<Shared>,
    next: AtomicU64,
    colour: String,
    version: String,
}

impl Room {
    pub(super) fn new(colour: &str, version: &str) -> Arc<Self> {
        let shared = watch::Sender::new(Shared::default());
        Arc::new(Self { shared, next: AtomicU64::new(1), colour: colour.to_owned(), version: version.to_owned() })
    }

    /// One viewer, from hello to goodbye.
    pub(super) async fn view(self: Arc<Self>, socket: WebSocket) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.shared.send_modify(|shared| shared.viewers += 1);
        self.keep_in_step(id, socket).await;
        self.shared.send_modify(|shared| shared.viewers = shared.viewers.saturating_sub(1));
    }

    async fn keep_in_step(&self, id: u64, mut socket: WebSocket) {
        let mut shared = self.shared.subscribe();
        shared.mark_changed();
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            let sent = tokio::select! {
                changed = shared.changed() => {
                    let now = *shared.borrow_and_update();
                    if changed.is_err() || now.closing {
                        let goodbye = CloseFrame { code: close_code::AWAY, reason: "the app ends".into() };
                        // A viewer that has gone meanwhile needs no goodbye.
                        let _ = socket.send(Message::Close(Some(goodbye))).await;
                        return;
                    }
                    socket.send(Message::Text(self.tell(id, now).into())).await
                }
                heard = socket.recv() => match heard {
                    Some(Ok(Message::Text(text))) => {
                        self.hear(id, &text);
                        Ok(())
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => Ok(()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                _ = ping.tick() => socket.send(Message::Ping(Vec::new().into())).await,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// What was not understood changes nothing.
    fn hear(&self, id: u64, text: &str) {
        let Ok(said) = serde_json::from_str::<Said>(text) else { return };
        if said.at.is_finite() {
            self.shared.send_modify(|shared| (shared.at, shared.by) = (Some(said.at.clamp(0.0, 1.0)), id));
        }
    }

    fn tell(&self, id: u64, now: Shared) -> String {
        let at = now.at.filter(|_| now.by != id);
        let told = Told { at, viewers: now.viewers, colour: &self.colour, version: &self.version };
        // Numbers and words always make JSON.
        serde_json::to_string(&told).unwrap_or_default()
    }

    /// Says goodbye to everyone, and waits until they have gone.
    pub(super) async fn close(&self) {
        let mut shared = self.shared.subscribe();
        self.shared.send_modify(|shared| shared.closing = true);
        // Whoever has not gone by then is left behind.
        let _ = tokio::time::timeout(CLOSE_LIMIT, shared.wait_for(|shared| shared.viewers == 0)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(room: &Room, id: u64) -> serde_json::Value {
        serde_json::from_str(&room.tell(id, *room.shared.borrow())).unwrap()
    }

    #[test]
    fn everyone_but_the_one_who_scrolled_is_told_where() {
        let room = Room::new("blue", "1");
        assert!(told(&room, 2)["at"].is_null());
        room.hear(1, r#"{"at":0.25}"#);
        assert!(told(&room, 1)["at"].is_null());
        assert_eq!(told(&room, 2)["at"], 0.25);
        assert_eq!(told(&room, 2)["colour"], "blue");
    }

    #[test]
    fn nonsense_moves_nobody_and_the_page_has_two_ends() {
        let room = Room::new("blue", "1");
        for nonsense in ["", "null", r#"{"at":"top"}"#, r#"{"at":1e999}"#, "{\"at\":NaN}"] {
            room.hear(1, nonsense);
            assert!(told(&room, 2)["at"].is_null(), "{nonsense}");
        }
        room.hear(1, r#"{"at":7}"#);
        assert_eq!(told(&room, 2)["at"], 1.0);
    }
}
