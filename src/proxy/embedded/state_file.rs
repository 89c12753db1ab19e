//! The live colour and its epoch, as a restart finds them.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::claim::Live;
use crate::domain::colour::Colour;
use crate::files;

/// The state could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("the proxy's state cannot be stored in {0}: {1}. Nothing was changed")]
pub struct StateError(PathBuf, io::Error);

/// The file in the state directory.
#[derive(Debug, Clone)]
pub(super) struct StateFile(PathBuf);

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    live: Colour,
    epoch: u64,
}

/// What the file said at the start.
#[derive(Debug)]
pub(super) struct Found {
    /// What is live; undefined where the file is there and cannot be read.
    pub(super) live: Live,
    /// Why it is undefined.
    pub(super) trouble: Option<String>,
}

impl StateFile {
    /// At this path.
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Reads it; where no state was ever written, `first_live` is written.
    ///
    /// # Errors
    /// Where there is no file and none can be written.
    pub(super) fn load(&self, first_live: Colour) -> Result<Found, StateError> {
        match std::fs::read(&self.0) {
            Ok(bytes) => Ok(self.parse(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.store(first_live, 0)?;
                Ok(Found { live: Live { colour: Some(first_live), epoch: 0 }, trouble: None })
            }
            Err(error) => Ok(self.undefined(0, &error.to_string())),
        }
    }

    fn parse(&self, bytes: &[u8]) -> Found {
        match serde_json::from_slice::<Content>(bytes) {
            Ok(content) => Found { live: Live { colour: Some(content.live), epoch: content.epoch }, trouble: None },
            Err(error) => {
                let rest: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
                let epoch = rest.and_then(|rest| rest.get("epoch")?.as_u64()).unwrap_or(0);
                self.undefined(epoch, &error.to_string())
            }
        }
    }

    fn undefined(&self, epoch: u64, why: &str) -> Found {
        let trouble = format!("live is undefined: {} cannot be read ({why}). A switch to either colour cures it", self.0.display());
        Found { live: Live { colour: None, epoch }, trouble: Some(trouble) }
    }

    /// Replaces it. When this has returned, a power cut leaves the new state.
    ///
    /// # Errors
    /// As the operating system says.
    pub(super) fn store(&self, live: Colour, epoch: u64) -> Result<(), StateError> {
        let text = serde_json::to_vec(&Content { live, epoch }).map_err(|error| StateError(self.0.clone(), io::Error::other(error)))?;
        files::replace(&self.0, &text).map_err(|error| StateError(self.0.clone(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: Option<&str>) -> (tempfile::TempDir, StateFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.json");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        (folder, StateFile::new(&path))
    }

    #[test]
    fn the_first_colour_is_used_once_and_what_was_stored_ever_after() {
        let (_folder, file) = file(None);
        assert_eq!(file.load(Colour::Green).unwrap().live, Live { colour: Some(Colour::Green), epoch: 0 });
        assert_eq!(file.load(Colour::Blue).unwrap().live.colour, Some(Colour::Green));
        file.store(Colour::Blue, 7).unwrap();
        assert_eq!(file.load(Colour::Green).unwrap().live, Live { colour: Some(Colour::Blue), epoch: 7 });
    }

    #[test]
    fn what_cannot_be_read_is_undefined_and_never_a_guess() {
        for (content, epoch) in [("", 0), ("{\"live\":\"blue\"", 0), ("{\"live\":\"purple\",\"epoch\":9}", 9), ("[]", 0)] {
            let (_folder, file) = file(Some(content));
            let found = file.load(Colour::Blue).unwrap();
            assert_eq!(found.live, Live { colour: None, epoch }, "{content}");
            assert!(found.trouble.unwrap().contains("proxy.json"));
        }
    }
}
