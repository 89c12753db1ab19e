//! The end of a connection on which the client may still be speaking (RFC 9112, 9.6).

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// What the client still sends is heard for so long, and so much of it: a connection that is closed on something unread is reset, and
/// the answer with it.
const HEARING: Duration = Duration::from_secs(5);
const HEARD: usize = 64 * 1024 * 1024;

/// Hears a client out that has its answer, until it closes; our own side is shut down already.
pub(super) async fn hear_out(mut stream: impl AsyncRead + Unpin) {
    let hearing = async {
        let (mut piece, mut heard) = ([0; 16 * 1024], 0);
        while let Ok(length) = stream.read(&mut piece).await {
            heard += length;
            if length == 0 || heard > HEARD {
                return;
            }
        }
    };
    // Whoever still speaks then has had the time to read.
    let _ = timeout(HEARING, hearing).await;
}
