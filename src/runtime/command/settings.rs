//! `[runtime]` with `kind = "command"`.

use crate::settings::Section;

/// What only this runtime needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandSettings {}

impl CommandSettings {
    pub(in crate::runtime) fn read(_section: &mut Section<'_>) -> Self {
        Self {}
    }
}
