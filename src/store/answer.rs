//! A server that is cut off answers nothing, and no error comes of it: whoever waits for it waits no longer than this.

use std::io;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// The server itself ends a statement sooner.
const LIMIT: Duration = Duration::from_secs(12);
/// How long a connection has to show that it is alive.
const ALIVE: Duration = Duration::from_secs(1);

/// What the server answers; an error where it does not. Then the connection is of no more use.
pub(super) async fn in_time<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(LIMIT, answer).await.unwrap_or_else(|_| Err(silent()))
}

/// Whether anybody is at the other end. Where nobody is, the connection is closed without another word.
pub(super) async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    timeout(ALIVE, connection.ping()).await.unwrap_or_else(|_| Err(silent())).map(|()| true)
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"))
}
