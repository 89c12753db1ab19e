//! What a proxy that is not ours keeps for us: its live colour and the epoch of the last shift, in one word that changes at once.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tokio::time::sleep;

use super::control::{ControlError, ProxyState, ShiftOrder};
use crate::clock;
use crate::domain::colour::Colour;

/// How long a turn is waited for: whoever only sets a file right is done by then.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// How often a wait for it looks again.
const PACE: Duration = Duration::from_millis(20);

/// `green:7`: the live colour, and the epoch under which it became so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) live: Colour,
    pub(super) epoch: u64,
}

/// It is not of the form `COLOUR:EPOCH`.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a colour and its epoch")]
pub(super) struct NotAStanding(String);

impl Standing {
    /// What stands when this order is carried out.
    pub(super) fn after(order: ShiftOrder) -> Self {
        Self { live: order.to, epoch: order.epoch }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.live, self.epoch)
    }
}

impl FromStr for Standing {
    type Err = NotAStanding;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.trim().split_once(':');
        let parsed = parts.and_then(|(live, epoch)| Some(Self { live: live.parse().ok()?, epoch: epoch.parse().ok()? }));
        parsed.ok_or_else(|| NotAStanding(text.to_owned()))
    }
}

/// Whether an order may be carried out on what stands now.
///
/// # Errors
/// Where its epoch was seen already.
pub(super) fn accept(order: ShiftOrder, seen: u64) -> Result<(), ControlError> {
    if order.epoch > seen {
        return Ok(());
    }
    Err(ControlError::Stale(format!("epoch {} is not above {seen}, the last one seen: somebody else has switched", order.epoch)))
}

/// Why a proxy that was ordered successfully does not say what stands now: whatever it is, nothing was refused.
pub(super) fn ordered(error: ControlError) -> ControlError {
    match error {
        ControlError::Silent(..) | ControlError::Unknown(_) => error,
        ControlError::Stale(why) | ControlError::Withdrawn(why) | ControlError::Refused(why) => ControlError::Unknown(why),
    }
}

/// What came of setting a file right that `said` something else than what is served: the next reload goes by it, whoever orders it, and
/// would have changed the live colour. Why it still would.
pub(super) fn set_right(file: &Path, said: Option<Standing>, served: Standing, came: std::io::Result<()>) -> Option<String> {
    let (file, said) = (file.display(), said.map_or("no colour".to_owned(), |said| said.to_string()));
    match came {
        Ok(()) => {
            tracing::warn!(%file, said, %served, "a file said something else than what is served, and was set right");
            None
        }
        Err(error) => Some(format!("{served} is served, {file} says {said} and cannot be written: {error}. The next reload goes by it")),
    }
}

/// Held while one process changes what the proxy does; the kernel lets go of it when that process ends.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

impl Turn {
    /// Takes it, waiting for whoever has it only for a moment.
    ///
    /// # Errors
    /// Where another one keeps it: nothing was changed.
    pub(super) async fn take(path: &Path) -> Result<Self, ControlError> {
        let begun = clock::elapsed();
        loop {
            match Self::at_once(path) {
                Err(_) if clock::elapsed().saturating_sub(begun) < PATIENCE => sleep(PACE).await,
                taken => return taken,
            }
        }
    }

    /// Takes it, if nobody has it.
    ///
    /// # Errors
    /// Where another one has it: nothing was changed.
    pub(super) fn at_once(path: &Path) -> Result<Self, ControlError> {
        let unusable = |error: &dyn fmt::Display| ControlError::Refused(format!("{}: {error}. Nothing was changed", path.display()));
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = open.map_err(|error| unusable(&error))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| unusable(&"somebody else is changing the proxy now"))?;
        Ok(Self { _file: file })
    }

    /// Held while this is done, which goes on to its end where nobody waits for it any more: what changes a proxy is never left half done.
    pub(super) async fn through(
        self,
        change: impl Future<Output = Result<ProxyState, ControlError>> + Send + 'static,
    ) -> Result<ProxyState, ControlError> {
        let changing = tokio::spawn(async move {
            let _turn = self;
            change.await
        });
        changing.await.unwrap_or_else(|broken| Err(ControlError::Unknown(broken.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_stands_is_read_back_and_nothing_else_is() {
        let standing = Standing { live: Colour::Green, epoch: 7 };
        assert_eq!(standing.to_string().parse::<Standing>().unwrap(), standing);
        for wrong in ["", "green", "green:", "purple:1", "green:-1", "green:1:2"] {
            assert!(wrong.parse::<Standing>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_epoch_that_was_seen_is_stale() {
        let order = |epoch| ShiftOrder { to: Colour::Blue, epoch };
        assert!(accept(order(8), 7).is_ok());
        assert!(matches!(accept(order(7), 7), Err(ControlError::Stale(_))));
    }

    #[tokio::test]
    async fn of_two_at_once_one_has_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.lock");
        let first = Turn::at_once(&path).unwrap();
        assert!(matches!(Turn::at_once(&path), Err(ControlError::Refused(_))));
        drop(first);
        // A child that another test starts just now has it until its exec.
        Turn::take(&path).await.unwrap();
    }

    #[tokio::test]
    async fn a_turn_that_is_soon_over_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.lock");
        let first = Turn::at_once(&path).unwrap();
        // Asked for while the first one has it, which then lets go.
        let (second, ()) = tokio::join!(Turn::take(&path), async { drop(first) });
        second.unwrap();
    }

    #[tokio::test]
    async fn a_change_that_was_begun_goes_on_to_its_end_in_its_turn_though_nobody_waits_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.lock");
        let (begin, begun) = oneshot::channel();
        let (go, going) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let change = async move {
            begin.send(()).unwrap();
            going.await.unwrap();
            end.send(()).unwrap();
            Err(ControlError::Refused("it is over".to_owned()))
        };
        let waiting = tokio::spawn(Turn::at_once(&path).unwrap().through(change));
        begun.await.unwrap();
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(Turn::at_once(&path).is_err(), "it is still at it");
        go.send(()).unwrap();
        ended.await.unwrap();
        Turn::take(&path).await.unwrap();
    }

    #[test]
    fn who_does_not_say_what_stands_after_an_order_has_not_refused_it() {
        let broken = || "no backend".to_owned();
        for error in [ControlError::Refused(broken()), ControlError::Stale(broken()), ControlError::Withdrawn(broken())] {
            assert!(matches!(ordered(error), ControlError::Unknown(why) if why == "no backend"));
        }
    }
}
