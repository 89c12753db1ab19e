//! Values of the domain as text columns.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

pub(super) fn write(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// A column that holds one word of a JSON enum: `down` for `"down"`.
pub(super) fn read_word<T: DeserializeOwned>(word: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// The other way round.
pub(super) fn word(value: &impl Serialize) -> Result<String, StoreError> {
    Ok(write(value)?.trim_matches('"').to_owned())
}
