//! Arguments that are never repeated in an error, for they may be secret.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Words that may have secrets in them.
#[derive(Clone)]
pub(super) struct Words(String);

impl Words {
    /// The words.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Words {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(hidden)")
    }
}
