//! What a statement is given, and what a row holds: numbers, texts and bytes.

use std::borrow::Cow;

use uuid::Uuid;

use crate::domain::moment::Moment;

/// A value for a placeholder, lent where that can be. None is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Numbers, moments, yes and no.
    Number(Option<i64>),
    /// Words.
    Text(Option<Cow<'a, str>>),
    /// Anything at all.
    Bytes(Option<Cow<'a, [u8]>>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(Some(i64::from(number)))
    }
}

/// Stores count in signed 64 bits.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Number(Some(i64::from(yes)))
    }
}

/// Milliseconds since the epoch.
impl From<Moment> for Value<'_> {
    fn from(moment: Moment) -> Self {
        Self::Number(Some(moment.as_millis()))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes.into()))
    }
}

impl<'a> From<&'a Uuid> for Value<'a> {
    fn from(id: &'a Uuid) -> Self {
        Self::from(id.as_bytes().as_slice())
    }
}

/// The NULL of each type.
macro_rules! optional {
    ($($of:ty => $null:expr),+ $(,)?) => {
        $(impl<'a> From<Option<$of>> for Value<'a> {
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
    &'a str => Self::Text(None),
    String => Self::Text(None),
    &'a String => Self::Text(None),
    &'a [u8] => Self::Bytes(None),
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::from(text.as_deref())
    }
}

impl From<&Option<u32>> for Value<'_> {
    fn from(number: &Option<u32>) -> Self {
        Self::from(*number)
    }
}
