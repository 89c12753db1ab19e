//! The bodies of requests: never more than may be, and never waited for longer than a client in good health takes.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::error::ApiError;

/// A request that takes longer to come in is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// The whole body.
///
/// # Errors
/// 413 where it has more than `most` bytes, 400 where it does not come, or not in time.
pub(super) async fn whole<B>(headers: &HeaderMap, body: B, most: usize) -> Result<Bytes, ApiError>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let too_large = || ApiError::TooLarge(format!("a body may have at most {most} bytes"));
    if promised(headers).is_some_and(|length| length > most) {
        return Err(too_large());
    }
    match timeout(PATIENCE, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(cut()),
        Err(_) => Err(late()),
    }
}

/// The beginning of the body, at most `kept` bytes; the rest is read and thrown away.
///
/// # Errors
/// 413 where there are more than `most` bytes, 400 where they do not come, or not in time.
pub(super) async fn beginning(headers: &HeaderMap, body: Body, kept: usize, most: usize) -> Result<Vec<u8>, ApiError> {
    let too_large = || ApiError::TooLarge(format!("a body may have at most {most} bytes, of which {kept} are kept"));
    if promised(headers).is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let reading = async {
        let (mut read, mut held) = (0, Vec::new());
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| cut())?;
            read += piece.len();
            if read > most {
                return Err(too_large());
            }
            let room = kept - held.len();
            held.extend_from_slice(piece.get(..room).unwrap_or(&piece));
        }
        Ok(held)
    };
    timeout(PATIENCE, reading).await.unwrap_or_else(|_| Err(late()))
}

fn promised(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<usize>().ok())
}

fn cut() -> ApiError {
    ApiError::BadRequest("the request ended before its body".into())
}

fn late() -> ApiError {
    ApiError::BadRequest("the body did not come in time".into())
}
