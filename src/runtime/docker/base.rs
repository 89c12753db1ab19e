//! What a colour's new containers begin from: the one that runs, else the other colour's.

use super::carried::Carried;
use super::engine::Engine;
use super::found::Found;
use super::image::here;
use super::naming::{self, Stage};
use super::settings::DockerSettings;
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;

/// What is carried over.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// What is its own.
    pub(super) carried: Carried,
    /// By what name its image is known, and exactly which one that is now.
    pub(super) image: Option<String>,
    /// The version that it has.
    pub(super) version: Option<String>,
    /// The deploy that made it.
    pub(super) deploy: Option<String>,
}

impl Base {
    /// The running one of that colour with the lowest number; else one that does not run; else the other colour's.
    ///
    /// # Errors
    /// Where the engine does not say.
    pub(super) async fn of(engine: &Engine, found: &[Found], colour: Colour) -> Result<Self, RuntimeError> {
        let settled = found.iter().filter(|found| found.stage == Stage::Settled);
        let chosen = settled.min_by_key(|found| (found.colour != colour, !found.is_running(), found.number));
        let Some(chosen) = chosen else { return Ok(Self::default()) };
        let id = chosen.inspect.image.clone().unwrap_or_default();
        let name = chosen.inspect.config.as_ref().and_then(|config| config.image.clone());
        let of_image = here(engine, &id).await?.and_then(|image| image.config).unwrap_or_default();
        Ok(Self {
            carried: Carried::of(&chosen.inspect, &of_image),
            image: exactly(engine, name, id).await?,
            version: chosen.label(naming::VERSION).cloned(),
            deploy: chosen.deploy.clone(),
        })
    }

    /// The network on which the proxy finds the colours: the config's, else that on which the running container has its colour's name.
    ///
    /// # Errors
    /// Where nobody says.
    pub(super) fn network(&self, settings: &DockerSettings, aliases: [&str; 2]) -> Result<String, RuntimeError> {
        if let Some(named) = &settings.network {
            return Ok(named.clone());
        }
        let networks = &self.carried.networks;
        let called = networks.iter().find(|(_, names)| aliases.iter().any(|alias| names.iter().any(|name| name == alias)));
        match (called, &networks[..]) {
            (Some((name, _)), _) => Ok(name.clone()),
            (None, [(name, _)]) if name != "bridge" && name != "host" && name != "none" => Ok(name.clone()),
            (None, _) => Err(RuntimeError::Refused(
                "on which network does the proxy find the colours? Say it in the config: [runtime] network = \"NAME\"; `docker network create NAME` makes one"
                    .to_owned(),
            )),
        }
    }
}

/// A tag may have moved since: then the image is known by its own id alone.
async fn exactly(engine: &Engine, name: Option<String>, id: String) -> Result<Option<String>, RuntimeError> {
    let Some(name) = name else { return Ok(Some(id).filter(|id| !id.is_empty())) };
    let means = here(engine, &name).await?.and_then(|image| image.id);
    Ok(Some(if means.as_ref() == Some(&id) { name } else { id }))
}
