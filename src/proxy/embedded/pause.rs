//! What keeps visitors from the app on purpose: hold and maintenance. Neither concerns the preview, nor the prober.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
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
    /// What requests look at: nobody has it for longer than that takes.
    message: Mutex<Option<String>>,
    /// Whoever changes the file has it, and no request waits for it.
    turn: Mutex<()>,
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
            turn: Mutex::default(),
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

    /// Answers everyone with a message, or no longer. Stored first, then done; once begun it is done or not done, also where whoever ordered it
    /// hangs up.
    ///
    /// # Errors
    /// Where it cannot be stored: nothing has changed.
    pub(super) async fn maintain(self: &Arc<Self>, message: Option<String>) -> io::Result<()> {
        let pause = Arc::clone(self);
        spawn_blocking(move || pause.change(message, keep)).await.map_err(io::Error::other)?
    }

    /// One change at a time; requests go on while it is written.
    fn change(&self, message: Option<String>, write: impl Fn(&Path, Option<&str>) -> io::Result<()>) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.maintenance();
        if let Err(error) = write(&self.file, message.as_deref()) {
            // What was written and not synced would be said after the next start: what is said now is put back.
            if let Err(error) = write(&self.file, before.as_deref()) {
                tracing::error!(%error, file = %self.file.display(), "the file may say something else of maintenance than the proxy does");
            }
            return Err(error);
        }
        tracing::info!(is_on = message.is_some(), "maintenance");
        let mut current = self.message();
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

/// Writes down what is said to everyone, or that nothing is.
fn keep(file: &Path, message: Option<&str>) -> io::Result<()> {
    let Some(message) = message else {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
    };
    let kept = serde_json::to_vec(&Kept { message: message.to_owned() }).map_err(io::Error::other)?;
    files::replace(file, &kept)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn pause(folder: &Path) -> Arc<Pause> {
        Arc::new(Pause::load(&folder.join("maintenance.json"), HoldSettings { time: Duration::from_secs(30), number: 1 }))
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

    #[tokio::test]
    async fn maintenance_outlives_a_restart_and_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        pause(folder.path()).maintain(Some("back at noon".to_owned())).await.unwrap();
        let again = pause(folder.path());
        assert_eq!(again.maintenance().as_deref(), Some("back at noon"));
        again.maintain(None).await.unwrap();
        assert_eq!((again.maintenance(), pause(folder.path()).maintenance()), (None, None));
    }

    #[test]
    fn requests_go_on_while_maintenance_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let pause = pause(folder.path());
        let write = |file: &Path, message: Option<&str>| {
            assert!(pause.message.try_lock().is_ok(), "a request would wait for the disk");
            keep(file, message)
        };
        pause.change(Some("back at noon".to_owned()), write).unwrap();
        assert_eq!(pause.maintenance().as_deref(), Some("back at noon"));
        pause.change(None, write).unwrap();
        assert_eq!(pause.maintenance(), None);
    }

    #[tokio::test]
    async fn maintenance_that_cannot_be_stored_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let pause = pause(folder.path());
        fs::create_dir(folder.path().join("maintenance.json")).unwrap();
        pause.maintain(Some("back at noon".to_owned())).await.unwrap_err();
        assert_eq!(pause.maintenance(), None);
    }

    #[test]
    fn what_was_written_and_not_synced_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        // Its content is there, and whether it outlives a power cut is not known.
        let not_synced = |file: &Path, message: Option<&str>| {
            keep(file, message)?;
            if message == Some("back at one") { Err(io::Error::other("no sync")) } else { Ok(()) }
        };
        for before in [None, Some("back at noon")] {
            let first = pause(folder.path());
            first.change(before.map(str::to_owned), keep).unwrap();
            first.change(Some("back at one".to_owned()), not_synced).unwrap_err();
            assert_eq!(first.maintenance().as_deref(), before);
            assert_eq!(pause(folder.path()).maintenance().as_deref(), before, "and after a restart");
        }
    }
}
