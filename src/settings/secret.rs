//! A secret is named in the config and read where it is used. It is never printed.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a secret stands.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In the config itself: allowed, with a warning.
    Plain(String),
    /// In an environment variable.
    Env(String),
    /// In a file, without its last line end.
    File(PathBuf),
}

/// Why a secret could not be read. Says where it was looked for, never what it is.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set: set it, or remove the setting that names it")]
    Unset(String),
    /// The file cannot be read.
    #[error("the secret file {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// There is nothing in it.
    #[error("the secret in {0} is empty")]
    Empty(String),
}

impl Secret {
    /// A relative file is one in this folder.
    #[must_use]
    pub fn within(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            other @ (Self::Plain(_) | Self::Env(_)) => other,
        }
    }

    /// Reads the secret.
    ///
    /// # Errors
    /// Where the variable is not set, the file cannot be read, or nothing is in it.
    pub fn reveal(&self) -> Result<String, SecretError> {
        let (value, place) = match self {
            Self::Plain(value) => (value.clone(), "the config".to_owned()),
            Self::Env(name) => {
                let value = std::env::var(name).map_err(|_| SecretError::Unset(name.clone()))?;
                (value, format!("the environment variable {name}"))
            }
            Self::File(path) => {
                let value = std::fs::read_to_string(path).map_err(|error| SecretError::Unreadable(path.clone(), error))?;
                (value, path.display().to_string())
            }
        };
        let value = value.trim_end_matches(['\r', '\n']).to_owned();
        if value.is_empty() { Err(SecretError::Empty(place)) } else { Ok(value) }
    }

    /// Reads the secret; none where it is to be in a variable that is not set.
    ///
    /// # Errors
    /// As [`Secret::reveal`], but for an unset variable.
    pub fn reveal_if_set(&self) -> Result<Option<String>, SecretError> {
        match self.reveal() {
            Ok(value) => Ok(Some(value)),
            Err(SecretError::Unset(_)) => Ok(None),
            Err(error @ (SecretError::Unreadable(..) | SecretError::Empty(_))) => Err(error),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Secret(hidden)"),
            Self::Env(name) => write!(f, "Secret(env {name})"),
            Self::File(path) => write!(f, "Secret(file {})", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret::Plain("hunter2".into())), "Secret(hidden)");
    }

    #[test]
    fn a_relative_file_is_in_the_folder_and_an_absolute_one_stays() {
        assert_eq!(Secret::File("key".into()).within(Path::new("/s")), Secret::File("/s/key".into()));
        assert_eq!(Secret::File("/etc/key".into()).within(Path::new("/s")), Secret::File("/etc/key".into()));
    }

    #[test]
    fn a_secret_file_loses_its_last_line_end_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, " a b \n").unwrap();
        assert_eq!(Secret::File(path).reveal().unwrap(), " a b ");
        let missing = Secret::File(folder.path().join("none")).reveal().unwrap_err().to_string();
        assert!(missing.contains("cannot be read"), "{missing}");
    }
}
