//! What a statement is given, and what a row holds: numbers, texts and bytes.

use uuid::Uuid;

use crate::domain::moment::Moment;

/// A value for a placeholder. None is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Numbers, moments, yes and no.
    Number(Option<i64>),
    /// Words.
    Text(Option<String>),
    /// Anything at all.
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(Some(i64::from(number)))
    }
}

/// Stores count in signed 64 bits.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Number(Some(i64::from(yes)))
    }
}

/// Milliseconds since the epoch.
impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        Self::Number(Some(moment.as_millis()))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::from(id.as_bytes().as_slice())
    }
}

/// The NULL of each type.
macro_rules! optional {
    ($($of:ty => $null:expr),+ $(,)?) => {
        $(impl From<Option<$of>> for Value {
            fn from(value: Option<$of>) -> Self {
                value.map_or($null, Self::from)
            }
        })+
    };
}

optional! {
    i64 => Self::Number(None),
    u32 => Self::Number(None),
    u64 => Self::Number(None),
    Moment => Self::Number(None),
    &str => Self::Text(None),
    String => Self::Text(None),
    &String => Self::Text(None),
    &[u8] => Self::Bytes(None),
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::from(text.as_deref())
    }
}

impl From<&Option<u32>> for Value {
    fn from(number: &Option<u32>) -> Self {
        Self::from(*number)
    }
}
