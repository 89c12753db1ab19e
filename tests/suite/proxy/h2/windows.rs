//! Uploads that share a connection: one that stands still does not stop the others.

use allswell::domain::colour::Colour;

use super::wire::{ACK, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, Wire, block, frame};
use crate::proxy::front::Front;
use crate::proxy::tls::{certificate, tls_lines};

/// A piece of an upload.
const PIECE: usize = 16 * 1024;
/// The setting of a stream's first window (RFC 9113, 6.5.2).
const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];

/// How much may still be sent: over the connection, and by the first stream.
struct Windows {
    connection: usize,
    first: usize,
}

impl Windows {
    fn note(&mut self, frame: &Frame) {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        match (frame.kind, frame.stream) {
            (SETTINGS, _) => {
                let size = frame.payload.chunks(6).find(|setting| setting.starts_with(&INITIAL_WINDOW_SIZE));
                self.first = size.map_or(self.first, |setting| number(&setting[2..]));
            }
            (WINDOW_UPDATE, 0) => self.connection += number(&frame.payload),
            (WINDOW_UPDATE, 1) => self.first += number(&frame.payload),
            _ => {}
        }
    }

    /// How long the first stream's next piece may be.
    fn piece(&self) -> usize {
        PIECE.min(self.connection).min(self.first)
    }
}

fn post(path: &str, stream: u32) -> Vec<u8> {
    let fields = [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "shop.example")];
    frame(HEADERS, END_HEADERS, stream, &block(&fields))
}

#[tokio::test]
async fn an_upload_that_its_app_does_not_take_leaves_room_for_another_on_its_connection() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), 90);
    let front = Front::start(&tls_lines(folder.path())).await;
    let _blue = front.app(Colour::Blue).await;
    let mut wire = Wire::connect_silently(&front, &folder.path().join("shop.pem")).await;
    let mut windows = Windows { connection: 65_535, first: 65_535 };
    wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
    let settings = wire.frame().await.expect("settings");
    assert_eq!((settings.kind, settings.flags), (SETTINGS, 0));
    windows.note(&settings);
    wire.send(&[frame(SETTINGS, ACK, 0, &[]), post("/hang", 1)].concat()).await;
    // Until nobody takes any more of it: neither the app, nor the kernel on its way there, nor the proxy.
    loop {
        let piece = windows.piece();
        if piece > 0 {
            wire.send(&frame(DATA, 0, 1, &vec![0; piece])).await;
            windows = Windows { connection: windows.connection - piece, first: windows.first - piece };
        } else if let Some(frame) = wire.frame().await {
            windows.note(&frame);
        } else {
            break;
        }
    }
    assert!(windows.connection >= 3, "nothing else can be sent over the connection");
    wire.send(&[post("/length", 3), frame(DATA, END_STREAM, 3, b"abc")].concat()).await;
    let answer = loop {
        let frame = wire.frame().await.expect("an answer");
        if frame.stream == 3 && frame.kind == HEADERS {
            break frame;
        }
    };
    assert_eq!(answer.payload.first(), Some(&0x88), "200, of the static table");
}
