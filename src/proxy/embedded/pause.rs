//! What keeps visitors from the app on purpose: hold and maintenance. Neither concerns the preview, nor the prober.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::trouble::Trouble;
use crate::proxy::HoldSettings;
use crate::proxy::control::{Begun, Pauses};
use crate::{clock, files};

/// Hold and maintenance. A request on neither costs two looks at what never changes.
#[derive(Debug)]
pub(super) struct Pause {
    held: watch::Sender<bool>,
    is_held: AtomicBool,
    waiting: AtomicU32,
    limits: HoldSettings,
    is_maintained: AtomicBool,
    /// What requests look at: nobody has it for longer than that takes.
    kept: Mutex<Option<Kept>>,
    /// Whoever changes the file has it, and no request waits for it.
    turn: Mutex<()>,
    file: PathBuf,
}

/// The maintenance that there is, as the file has it that outlives a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    message: String,
    /// None in a file of an older proxy.
    #[serde(default)]
    begun: Option<Begun>,
}

/// A request that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl Pause {
    /// With the maintenance that the file knows of: a restart does not end it. A hold ends with the process.
    pub(super) fn load(file: &Path, limits: HoldSettings) -> Self {
        let kept = match fs::read(file) {
            Ok(bytes) => Some(serde_json::from_slice::<Kept>(&bytes).unwrap_or_default()),
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
            kept: Mutex::new(kept),
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

    /// A hold ends with the process: whoever waits goes on before that, for nobody can order it any more.
    pub(super) fn end_hold(&self) {
        if self.is_held.load(Ordering::Relaxed) {
            self.hold(false);
        }
    }

    /// Answers everyone with a message, or no longer. Stored first, then done; once begun it is done or not done, also where whoever ordered it
    /// hangs up.
    ///
    /// # Errors
    /// Where it cannot be stored: nothing has changed.
    pub(super) async fn maintain(self: &Arc<Self>, message: Option<String>, by: Option<String>) -> io::Result<()> {
        let pause = Arc::clone(self);
        spawn_blocking(move || pause.change(message, by, keep)).await.map_err(io::Error::other)?
    }

    /// One change at a time; requests go on while it is written. Who says something else has not begun what stands already.
    fn change(
        &self,
        message: Option<String>,
        by: Option<String>,
        write: impl Fn(&Path, Option<&Kept>) -> io::Result<()>,
    ) -> io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.kept().clone();
        let begin = || Some(Begun { since: clock::now(), by });
        let wanted = message.map(|message| Kept { message, begun: before.as_ref().map_or_else(begin, |before| before.begun.clone()) });
        if let Err(error) = write(&self.file, wanted.as_ref()) {
            // What was written and not synced would be said after the next start: what is said now is put back.
            if let Err(error) = write(&self.file, before.as_ref()) {
                tracing::error!(%error, file = %self.file.display(), "the file may say something else of maintenance than the proxy does");
            }
            return Err(error);
        }
        tracing::info!(is_on = wanted.is_some(), "maintenance");
        let mut current = self.kept();
        self.is_maintained.store(wanted.is_some(), Ordering::Release);
        *current = wanted;
        Ok(())
    }

    /// What is said to everyone, while there is maintenance.
    pub(super) fn maintenance(&self) -> Option<String> {
        if self.is_maintained.load(Ordering::Acquire) { self.kept().as_ref().map(|kept| kept.message.clone()) } else { None }
    }

    /// How it stands. Since when requests are held is not known here.
    pub(super) fn state(&self) -> Pauses {
        let (is_held, waiting) = (self.is_held.load(Ordering::Relaxed), self.waiting.load(Ordering::Relaxed));
        let (maintenance, maintained) = self.kept().clone().map_or((None, None), |kept| (Some(kept.message), kept.begun));
        Pauses { is_held, waiting, maintenance, held: None, maintained }
    }

    /// For how long a request is held at most.
    pub(super) fn time(&self) -> Duration {
        self.limits.time
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes down what is said to everyone, or that nothing is.
fn keep(file: &Path, kept: Option<&Kept>) -> io::Result<()> {
    match kept {
        Some(kept) => files::replace(file, &serde_json::to_vec(kept).map_err(io::Error::other)?),
        None => remove(file, |folder| File::open(folder)?.sync_all()),
    }
}

/// Removes the file and has its folder synced: after that no power cut brings it back.
fn remove(file: &Path, sync: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // Also where it is gone: whoever removed it may not have come as far as the sync.
        Ok(()) | Err(_) => {}
    }
    sync(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
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
        pause(folder.path()).maintain(Some("back at noon".to_owned()), None).await.unwrap();
        let again = pause(folder.path());
        assert_eq!(again.maintenance().as_deref(), Some("back at noon"));
        again.maintain(None, None).await.unwrap();
        assert_eq!((again.maintenance(), pause(folder.path()).maintenance()), (None, None));
    }

    #[tokio::test]
    async fn since_when_there_is_maintenance_and_by_whom_outlives_a_restart_and_another_message() {
        let folder = tempfile::tempdir().unwrap();
        let (before, by_ann, by_bob) = (clock::now(), || Some("ann@desk".to_owned()), || Some("bob@table".to_owned()));
        let first = pause(folder.path());
        first.maintain(Some("back at noon".to_owned()), by_ann()).await.unwrap();
        let begun = first.state().maintained.expect("it is known");
        assert!(begun.by == by_ann() && (before..=clock::now()).contains(&begun.since), "{begun:?}");
        let again = pause(folder.path());
        assert_eq!(again.state().maintained, Some(begun.clone()));
        again.maintain(Some("back at one".to_owned()), by_bob()).await.unwrap();
        let state = pause(folder.path()).state();
        assert_eq!((state.maintenance.as_deref(), state.maintained), (Some("back at one"), Some(begun)));
        again.maintain(None, by_bob()).await.unwrap();
        assert_eq!(again.state().maintained, None);
        again.maintain(Some(String::new()), by_bob()).await.unwrap();
        assert_eq!(again.state().maintained.map(|begun| begun.by), Some(by_bob()), "it began anew");
    }

    #[test]
    fn of_maintenance_that_an_older_proxy_began_nobody_knows_since_when() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("maintenance.json"), "{\"message\":\"back at noon\"}").unwrap();
        let state = pause(folder.path()).state();
        assert_eq!((state.maintenance.as_deref(), state.maintained), (Some("back at noon"), None));
    }

    #[test]
    fn a_file_that_is_removed_or_gone_is_synced_away_with_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("maintenance.json");
        fs::write(&file, "{}").unwrap();
        let synced = Mutex::new(Vec::new());
        let sync = |folder: &Path| {
            synced.lock().unwrap().push((folder.to_owned(), file.exists()));
            Ok(())
        };
        remove(&file, sync).unwrap();
        remove(&file, sync).unwrap();
        assert_eq!(*synced.lock().unwrap(), [(folder.path().to_owned(), false), (folder.path().to_owned(), false)]);
        remove(&file, |_| Err(io::Error::other("no sync"))).unwrap_err();
    }

    #[test]
    fn requests_go_on_while_maintenance_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let pause = pause(folder.path());
        let write = |file: &Path, kept: Option<&Kept>| {
            assert!(pause.kept.try_lock().is_ok(), "a request would wait for the disk");
            keep(file, kept)
        };
        pause.change(Some("back at noon".to_owned()), None, write).unwrap();
        assert_eq!(pause.maintenance().as_deref(), Some("back at noon"));
        pause.change(None, None, write).unwrap();
        assert_eq!(pause.maintenance(), None);
    }

    #[tokio::test]
    async fn maintenance_that_cannot_be_stored_is_not_begun() {
        let folder = tempfile::tempdir().unwrap();
        let pause = pause(folder.path());
        fs::create_dir(folder.path().join("maintenance.json")).unwrap();
        pause.maintain(Some("back at noon".to_owned()), None).await.unwrap_err();
        assert_eq!(pause.maintenance(), None);
    }

    #[test]
    fn what_was_written_and_not_synced_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        // Its content is there, and whether it outlives a power cut is not known.
        let not_synced = |file: &Path, kept: Option<&Kept>| {
            keep(file, kept)?;
            if kept.is_some_and(|kept| kept.message == "back at one") { Err(io::Error::other("no sync")) } else { Ok(()) }
        };
        for before in [None, Some("back at noon")] {
            let first = pause(folder.path());
            first.change(before.map(str::to_owned), None, keep).unwrap();
            first.change(Some("back at one".to_owned()), None, not_synced).unwrap_err();
            assert_eq!(first.maintenance().as_deref(), before);
            assert_eq!(pause(folder.path()).maintenance().as_deref(), before, "and after a restart");
        }
    }
}
