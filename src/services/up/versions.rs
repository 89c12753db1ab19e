//! Which version each colour runs: what was deployed last, so that the next `up` starts the same.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::domain::colour::Colour;
use crate::files;

/// `STATE/versions.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Versions {
    #[serde(default)]
    blue: Option<String>,
    #[serde(default)]
    green: Option<String>,
    /// Where it is kept.
    #[serde(skip)]
    path: PathBuf,
}

impl Versions {
    /// What was deployed; the config's version where nothing was.
    pub(super) fn load(path: &Path, configured: Option<&str>) -> anyhow::Result<Self> {
        let deployed = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} cannot be read: remove it, and the config's version is started", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let or_configured = |version: Option<String>| version.or_else(|| configured.map(str::to_owned));
        Ok(Self { blue: or_configured(deployed.blue), green: or_configured(deployed.green), path: path.to_owned() })
    }

    pub(super) fn of(&self, colour: Colour) -> Option<&str> {
        match colour {
            Colour::Blue => self.blue.as_deref(),
            Colour::Green => self.green.as_deref(),
        }
    }

    /// Remembers what is deployed. Stored before it is started.
    pub(super) fn set(&mut self, colour: Colour, version: String) -> std::io::Result<()> {
        let mut changed = self.clone();
        match colour {
            Colour::Blue => changed.blue = Some(version),
            Colour::Green => changed.green = Some(version),
        }
        files::replace(&self.path, &serde_json::to_vec_pretty(&changed)?)?;
        *self = changed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployed_version_is_remembered_and_the_config_stands_in_for_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("versions.json");
        let mut versions = Versions::load(&path, Some("1")).unwrap();
        assert_eq!((versions.of(Colour::Blue), versions.of(Colour::Green)), (Some("1"), Some("1")));
        versions.set(Colour::Green, "2".into()).unwrap();
        let again = Versions::load(&path, Some("3")).unwrap();
        assert_eq!(again.of(Colour::Green), Some("2"));
    }

    #[test]
    fn a_file_that_is_not_understood_is_no_reason_to_guess() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("versions.json");
        std::fs::write(&path, "nonsense").unwrap();
        assert!(Versions::load(&path, None).unwrap_err().to_string().contains("remove it"));
    }
}
