//! What a proxy that is not ours keeps for us: its live colour and the epoch of the last shift, in one word that changes at once.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;

use rustix::fs::{FlockOperation, flock};

use super::control::{ControlError, ShiftOrder};
use crate::domain::colour::Colour;

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

/// Held while one process changes what the proxy does; the kernel lets go of it when that process ends.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

impl Turn {
    /// Takes it.
    ///
    /// # Errors
    /// Where another process has it: nothing was changed.
    pub(super) fn take(path: &Path) -> Result<Self, ControlError> {
        let unusable = |error: &dyn fmt::Display| ControlError::Refused(format!("{}: {error}. Nothing was changed", path.display()));
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = open.map_err(|error| unusable(&error))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| unusable(&"somebody else is changing the proxy now"))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn of_two_at_once_one_has_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.lock");
        let first = Turn::take(&path).unwrap();
        assert!(matches!(Turn::take(&path), Err(ControlError::Refused(_))));
        drop(first);
        assert!(Turn::take(&path).is_ok());
    }
}
