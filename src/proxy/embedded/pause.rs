//! What keeps visitors from the app on purpose: hold and maintenance. Neither concerns the preview, nor the prober.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::timeout;

use super::trouble::Trouble;
use crate::files;
use crate::proxy::HoldSettings;
use crate::proxy::control::Pauses;

/// Hold and maintenance. A request on neither costs two looks at what never changes.
#[derive(Debug)]
pub(super) struct Pause {
    held: watch::Sender<bool>,
    is_held: AtomicBool,
    waiting: AtomicU32,
    limits: HoldSettings,
    is_maintained: AtomicBool,
    message: Mutex<Option<String>>,
    file: PathBuf,
}

/// The file that outlives a restart.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    message: String,
}

/// A request that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl Pause {
    /// With the maintenance that the file knows of: a restart does not end it. A hold ends with the process.
    pub(super) fn load(file: &Path, limits: HoldSettings) -> Self {
        let kept = match fs::read(file) {
            Ok(bytes) => Some(serde_json::from_slice::<Kept>(&bytes).map_or_else(|_| String::new(), |kept| kept.message)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::error!(%error, file = %file.display(), "whether there is maintenance cannot be read: there is none");
                None
            }
        };
        Self {
            held: watch::Sender::new(false),
            is_held: AtomicBool::new(false),
            waiting: AtomicU32::new(0),
            limits,
            is_maintained: AtomicBool::new(kept.is_some()),
            message: Mutex::new(kept),
            file: file.to_owned(),
        }
    }

    /// Waits while requests are held.
    ///
    /// # Errors
    /// Where that lasts for longer than it may, or where too many wait already.
    pub(super) async fn pass(&self) -> Result<(), Trouble> {
        if !self.is_held.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limits.number {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Trouble::HeldTooMany);
        }
        let _waiting = Waiting(&self.waiting);
        let mut held = self.held.subscribe();
        let released = timeout(self.limits.time, held.wait_for(|held| !held)).await;
        released.map(drop).map_err(|_| Trouble::HeldTooLong(self.limits.time))
    }

    /// Keeps new requests waiting, or lets all go on.
    pub(super) fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Ordering::Release);
        self.held.send_replace(is_held);
        tracing::info!(is_held, waiting = self.waiting.load(Ordering::Relaxed), "hold");
    }

    /// Answers everyone with a message, or no longer. Stored first, then done.
    ///
    /// # Errors
    /// Where it cannot be stored: nothing has changed.
    pub(super) fn maintain(&self, message: Option<String>) -> io::Result<()> {
        let mut current = self.message();
        match &message {
            Some(message) => {
                let kept = serde_json::to_vec(&Kept { message: message.clone() }).map_err(io::Error::other)?;
                files::replace(&self.file, &kept)?;
            }
            None => match fs::remove_file(&self.file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            },
        }
        tracing::info!(is_on = message.is_some(), "maintenance");
        self.is_maintained.store(message.is_some(), Ordering::Release);
        *current = message;
        Ok(())
    }

    /// What is said to everyone, while there is maintenance.
    pub(super) fn maintenance(&self) -> Option<String> {
        if self.is_maintained.load(Ordering::Acquire) { self.message().clone() } else { None }
    }

    /// What the control socket says.
    pub(super) fn state(&self) -> Pauses {
        let is_held = self.is_held.load(Ordering::Relaxed);
        Pauses { is_held, waiting: self.waiting.load(Ordering::Relaxed), maintenance: self.maintenance() }
    }

    /// For how long a request is held at most.
    pub(super) fn time(&self) -> Duration {
        self.limits.time
    }

    fn message(&self) -> MutexGuard<'_, Option<String>> {
        self.message.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn pause(folder: &Path) -> Pause {
        Pause::load(&folder.join("maintenance.json"), HoldSettings { time: Duration::from_secs(30), number: 1 })
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_goes_on_together_up_to_a_number_and_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let pause = pause(folder.path());
        assert_eq!(pause.pass().now_or_never(), Some(Ok(())));
        pause.hold(true);
        let mut first = Box::pin(pause.pass());
        assert_eq!(first.as_mut().now_or_never(), None);
        assert_eq!(pause.pass().now_or_never(), Some(Err(Trouble::HeldTooMany)));
        pause.hold(false);
        assert_eq!(first.now_or_never(), Some(Ok(())));
        pause.hold(true);
        assert_eq!(pause.pass().await, Err(Trouble::HeldTooLong(Duration::from_secs(30))));
        assert_eq!(pause.state().waiting, 0);
    }

    #[test]
    fn maintenance_outlives_a_restart_and_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        pause(folder.path()).maintain(Some("back at noon".to_owned())).unwrap();
        let again = pause(folder.path());
        assert_eq!(again.maintenance().as_deref(), Some("back at noon"));
        again.maintain(None).unwrap();
        assert_eq!((again.maintenance(), pause(folder.path()).maintenance()), (None, None));
    }
}
