//! `[runtime]` with `kind = "docker"`.

use crate::settings::Section;

/// What only this runtime needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DockerSettings {}

impl DockerSettings {
    pub(in crate::runtime) fn read(_section: &mut Section<'_>) -> Self {
        Self {}
    }
}
