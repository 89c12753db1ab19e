//! Everything that a release needs of the Swarm, found before anything is changed.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::NetworkAttachmentConfig;

use super::image::pinned;
use super::manager::Manager;
use super::service::Service;
use super::settings::SwarmSettings;
use super::spec::{Wanted, image_of};
use crate::runtime::docker::credentials::for_image;
use crate::runtime::error::RuntimeError;
use crate::runtime::release::{Release, Step, Tell};
use crate::settings::AppSettings;

/// A release that is to become a service.
pub(super) struct Order<'a> {
    pub(super) manager: &'a Manager,
    pub(super) app: &'a AppSettings,
    pub(super) settings: &'a SwarmSettings,
    pub(super) release: &'a Release,
    pub(super) version: Option<&'a str>,
    pub(super) stop_grace: Duration,
    pub(super) tell: Tell<'a>,
}

impl<'a> Order<'a> {
    /// What goes into the service, which is this one now; and what opens its image's registry to the nodes.
    pub(super) async fn wanted(&self, was: Option<&Service>) -> Result<(Wanted<'a>, Option<DockerCredentials>), RuntimeError> {
        let name = self.image(was)?;
        (self.tell)(Step::Working(format!("ask the registry for {name}")));
        let credentials = for_image(&name).await?;
        let image = pinned(&self.manager.engine.docker, &name, credentials.clone()).await;
        if !image.by_digest {
            (self.tell)(Step::Done(format!("no registry told which {name} that is: each node runs its own image of this name")));
        }
        let mut secrets = Vec::new();
        for secret in &self.settings.secrets {
            secrets.push((secret.clone(), self.manager.secret(secret).await?));
        }
        let wanted = Wanted {
            app: &self.app.name,
            settings: self.settings,
            release: self.release,
            version: self.version,
            image: image.name,
            networks: self.networks(was).await?,
            secrets,
            replicas: self.app.colour(self.release.colour).instances,
            stop_grace: self.stop_grace,
        };
        Ok((wanted, credentials))
    }

    /// The release's, else the config's, else the one that the service has.
    fn image(&self, was: Option<&Service>) -> Result<String, RuntimeError> {
        let version = self.release.version.as_deref().or(self.version.filter(|_| was.is_none()));
        let configured = || match (&self.settings.image, version) {
            (Some(image), Some(version)) => Some(image.replace("{version}", version)),
            (Some(image), None) if !image.contains("{version}") => Some(image.clone()),
            (Some(_) | None, _) => None,
        };
        let had = || was.and_then(|service| image_of(&service.spec)).map(str::to_owned);
        self.release.image.clone().or_else(configured).or_else(had).ok_or_else(|| {
            RuntimeError::Refused(
                "which image? Name it by --image, or by [runtime] image (and --version, where {version} stands in it)".to_owned(),
            )
        })
    }

    /// Those of the config, where the tasks are also found by the names that the colour's addresses have.
    async fn networks(&self, was: Option<&Service>) -> Result<Vec<NetworkAttachmentConfig>, RuntimeError> {
        if self.settings.networks.is_empty() && was.is_none() {
            return Err(RuntimeError::Refused(
                "on which network? Name the overlay on which proxy and prober are by [runtime] networks".to_owned(),
            ));
        }
        let colour = self.release.colour;
        let service = self.settings.service(&self.app.name, colour);
        let hosts = self.app.colour(colour).addresses.iter().filter_map(|address| Some(address.rsplit_once(':')?.0));
        let aliases: Vec<String> = hosts.filter(|host| **host != service && !host.starts_with("tasks.")).map(str::to_owned).collect();
        let mut networks = Vec::new();
        for network in &self.settings.networks {
            networks.push(self.manager.network(network, &aliases).await?);
        }
        Ok(networks)
    }
}
