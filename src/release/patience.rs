//! What is put back is put back by a runtime that may be silent just now: an engine that is restarted is back in a moment.

use std::time::Duration;

use tokio::time::sleep;

use crate::runtime::{RuntimeError, Step, Tell};

/// How long after an attempt that nobody answered the next one is made.
const PACE: Duration = Duration::from_secs(1);
/// So many attempts are followed by another one.
const ATTEMPTS: u32 = 30;

/// Tries until somebody answers, whatever that is, or nobody has for a while.
///
/// # Errors
/// As the last attempt.
pub(super) async fn patiently<T, F>(tell: Tell<'_>, mut attempt: impl FnMut() -> F) -> Result<T, RuntimeError>
where
    F: Future<Output = Result<T, RuntimeError>>,
{
    for _ in 0..ATTEMPTS {
        match attempt().await {
            Err(RuntimeError::Silent(_)) => tell(Step::Working("the runtime does not answer, and is asked again".to_owned())),
            answered => return answered,
        }
        sleep(PACE).await;
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn silent() -> RuntimeError {
        RuntimeError::Silent("the engine does not answer".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_for_a_moment_is_waited_for_and_who_refuses_or_is_gone_is_not() {
        let quiet: Tell<'_> = &|_| ();
        let mut asked = 0;
        let answered = patiently(quiet, || {
            asked += 1;
            ready(if asked < 5 { Err(silent()) } else { Ok("put back") })
        });
        assert_eq!((answered.await.ok(), asked), (Some("put back"), 5));
        asked = 0;
        let refused = patiently(quiet, || {
            asked += 1;
            ready(Err::<(), _>(RuntimeError::Refused("no".to_owned())))
        });
        assert!(matches!(refused.await, Err(RuntimeError::Refused(_))));
        assert_eq!(asked, 1);
        asked = 0;
        let gone = patiently(quiet, || {
            asked += 1;
            ready(Err::<(), _>(silent()))
        });
        assert!(matches!(gone.await, Err(RuntimeError::Silent(_))));
        assert_eq!(asked, ATTEMPTS + 1);
    }
}
