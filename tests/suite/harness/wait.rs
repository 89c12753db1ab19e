//! Waiting for a condition with a deadline. Never for a time.

use std::time::Duration;

use allswell::clock;
use tokio::time::{sleep, timeout};

/// Asks until there is an answer.
///
/// # Panics
/// When there is none within `limit`: `what` says what was waited for, and the longest time from one question to the next whether the machine
/// stood still meanwhile.
pub(crate) async fn within<T, F: Future<Output = Option<T>>>(limit: Duration, what: &str, mut ask: impl FnMut() -> F) -> T {
    let mut longest = Duration::ZERO;
    let asking = async {
        loop {
            let asked = clock::elapsed();
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
            longest = longest.max(clock::elapsed() - asked);
        }
    };
    match timeout(limit, asking).await {
        Ok(answer) => answer,
        Err(_) => panic!("not within {limit:?}: {what} (from one question to the next: {longest:?} at most)"),
    }
}

/// Asks until there is an answer, with the deadline of things that must happen, however busy the machine: 30 s.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    within(Duration::from_secs(30), what, ask).await
}
