//! Two services of a Docker Swarm. As a deploy drives them.

use super::settings::SwarmSettings;
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;
use crate::runtime::instance::Instance;
use crate::runtime::release::{Each, Pending, Release, Tell};
use crate::settings::AppSettings;

/// What drives them.
#[derive(Debug)]
pub struct SwarmDriver {
    app: AppSettings,
    settings: SwarmSettings,
}

impl SwarmDriver {
    /// For this app.
    #[must_use]
    pub fn new(app: AppSettings, settings: SwarmSettings) -> Self {
        Self { app, settings }
    }

    pub(in crate::runtime) async fn instances(&self) -> Result<Vec<Instance>, RuntimeError> {
        Err(RuntimeError::Refused(format!("{} {:?}", self.app.name, self.settings)))
    }

    pub(in crate::runtime) async fn replace(&self, _release: &Release, _tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        Err(RuntimeError::Refused("it is not there yet".to_owned()))
    }

    pub(in crate::runtime) async fn keep(&self, _release: &Release, _tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        Err(RuntimeError::Refused("it is not there yet".to_owned()))
    }

    pub(in crate::runtime) async fn put_back(&self, _release: &Release, _tell: Tell<'_>) -> Result<String, RuntimeError> {
        Err(RuntimeError::Refused("it is not there yet".to_owned()))
    }

    pub(in crate::runtime) async fn scale(&self, _colour: Colour, _instances: u32, _tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        Err(RuntimeError::Refused("it is not there yet".to_owned()))
    }

    pub(in crate::runtime) async fn last_lines(&self, _colour: Colour, _count: usize) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

    pub(in crate::runtime) async fn logs(
        &self,
        _colour: Colour,
        _lines: Option<usize>,
        _follow: bool,
        _each: Each<'_>,
    ) -> Result<(), RuntimeError> {
        Err(RuntimeError::Refused("it is not there yet".to_owned()))
    }
}
