//! The two colours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two identical environments. Exactly one of them is live at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// The first colour.
    Blue,
    /// The second colour.
    Green,
}

impl Colour {
    /// Both colours, blue first.
    pub const BOTH: [Self; 2] = [Self::Blue, Self::Green];

    /// The colour that this one is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }

    /// The word that people and files use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word was neither `blue` nor `green`.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a colour: say blue or green")]
pub struct NotAColour(String);

impl FromStr for Colour {
    type Err = NotAColour;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "blue" => Ok(Self::Blue),
            "green" => Ok(Self::Green),
            _ => Err(NotAColour(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_back_as_it_was_written() {
        for colour in Colour::BOTH {
            assert_eq!(colour.to_string().parse::<Colour>().unwrap(), colour);
            assert_ne!(colour.other(), colour);
            assert_eq!(colour.other().other(), colour);
        }
        assert!("Blue".parse::<Colour>().is_err());
    }
}
