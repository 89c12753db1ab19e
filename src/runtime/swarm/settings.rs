//! `[runtime]` with `kind = "swarm"`.

use crate::settings::Section;

/// What only this runtime needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwarmSettings {}

impl SwarmSettings {
    pub(in crate::runtime) fn read(_section: &mut Section<'_>) -> Self {
        Self {}
    }
}
