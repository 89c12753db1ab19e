//! The end of a deploy, written so that it can be taken up by anybody at any point:
//!
//! 1. `N-new` are renamed to `N-proven`, before anything ends;
//! 2. those that they replace stop, by their grace, and are removed;
//! 3. `N-proven` are renamed to `N`.
//!
//! While one is `new`, nothing that ran before has been touched, so all that is not settled can go. Where all are `proven`, the old ones may be
//! gone already, so the rest is done instead.

use std::time::Duration;

use bollard::models::{EndpointIpamConfig, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::{
    InspectContainerOptions, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::engine::{Engine, is_gone, is_so_already};
use super::found::{self, Found};
use super::naming::{self, Stage};
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;
use crate::runtime::release::{Step, Tell};

/// A proxy looks up names at an interval of a second: until then it knows nothing of the new ones, and takes the old ones for alive.
const NOTICED: Duration = Duration::from_secs(3);
/// How long the engine may need until a name is free again.
const FREED: Duration = Duration::from_secs(20);

/// What an earlier deploy had left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Containers that nobody had proven, now removed.
    Unproven(Vec<String>),
    /// Proven ones, whose deploy is now ended: their names.
    Proven(Vec<String>),
}

impl Left {
    /// Says it, where there is something to say.
    pub(super) fn tell(&self, tell: Tell<'_>) {
        match self {
            Self::Nothing => {}
            Self::Unproven(names) => {
                tell(Step::Done(format!("! removed {}, which a deploy that was cut off had left unproven", names.join(", "))));
            }
            Self::Proven(names) => {
                tell(Step::Done(format!("! ended a deploy that was cut off after its containers were proven: {}", names.join(", "))));
            }
        }
    }
}

/// One app's containers of one colour, on one engine.
#[derive(Debug)]
pub(super) struct Settling<'a> {
    /// The engine.
    pub(super) engine: &'a Engine,
    /// The app.
    pub(super) app: &'a str,
    /// The colour.
    pub(super) colour: Colour,
    /// How long each may take to stop.
    pub(super) grace: Duration,
}

impl Settling<'_> {
    /// The colour's containers.
    pub(super) async fn all(&self) -> Result<Vec<Found>, RuntimeError> {
        Ok(found::all(self.engine, self.app).await?.into_iter().filter(|found| found.colour == self.colour).collect())
    }

    async fn at(&self, stage: Stage) -> Result<Vec<Found>, RuntimeError> {
        Ok(self.all().await?.into_iter().filter(|found| found.stage == stage).collect())
    }

    /// Ends what a deploy has left, whoever it was.
    ///
    /// # Errors
    /// Where the engine does not do it.
    pub(super) async fn recover(&self, tell: Tell<'_>) -> Result<Left, RuntimeError> {
        let (new, proven) = (self.at(Stage::New).await?, self.at(Stage::Proven).await?);
        if new.is_empty() && !proven.is_empty() {
            let names = proven.iter().map(|found| naming::name(self.app, self.colour, found.number, Stage::Settled)).collect();
            self.settle(tell).await?;
            return Ok(Left::Proven(names));
        }
        let unproven = [new, proven].concat();
        for container in &unproven {
            self.remove(container, true).await?;
        }
        let names: Vec<String> = unproven.into_iter().map(|found| found.name).collect();
        Ok(if names.is_empty() { Left::Nothing } else { Left::Unproven(names) })
    }

    /// The new containers of this deploy are proven: theirs is the colour.
    ///
    /// # Errors
    /// Where there are none, or the engine does not do it; [`Settling::recover`] then ends it.
    pub(super) async fn keep(&self, deploy: &str, alias: &str, tell: Tell<'_>) -> Result<(), RuntimeError> {
        let new: Vec<_> = self.at(Stage::New).await?.into_iter().filter(|found| found.deploy.as_deref() == Some(deploy)).collect();
        if new.is_empty() {
            return Err(RuntimeError::Conflict("the new containers are gone: somebody else has removed them".to_owned()));
        }
        if let Some(ended) = new.iter().find(|found| !found.is_running()) {
            return Err(RuntimeError::Refused(format!("{} {} after it had passed its probes", ended.name, ended.ending())));
        }
        let mut named = false;
        for container in &new {
            let network = container.main_network().filter(|network| !container.is_called(alias, network));
            if let Some(network) = network {
                self.name(container, alias, &network, tell).await?;
                named = true;
            }
        }
        if named {
            tell(Step::Working("the proxy finds the new containers".to_owned()));
            sleep(NOTICED).await;
        }
        for container in &new {
            self.rename(container, Stage::Proven).await?;
        }
        self.settle(tell).await?;
        // A switch that follows at once must not send anybody to an address that is gone.
        tell(Step::Working("the proxy forgets the old containers".to_owned()));
        sleep(NOTICED).await;
        Ok(())
    }

    /// Ends those that the proven ones replace, and gives these their names.
    async fn settle(&self, tell: Tell<'_>) -> Result<(), RuntimeError> {
        let all = self.all().await?;
        let (proven, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|found| found.stage == Stage::Proven);
        let Some(first) = proven.first() else { return Ok(()) };
        let made = first.label(naming::MADE);
        // One that has its name already came with the same deploy.
        let old: Vec<_> = rest.into_iter().filter(|found| found.stage == Stage::Settled && found.label(naming::MADE) != made).collect();
        let ended = join_all(old.iter().map(|container| self.retire(container, tell))).await;
        ended.into_iter().collect::<Result<Vec<()>, _>>()?;
        for container in &proven {
            self.rename(container, Stage::Settled).await?;
        }
        Ok(())
    }

    /// Stops a container by its grace, and removes it.
    ///
    /// # Errors
    /// Where the engine does not do it.
    pub(super) async fn retire(&self, container: &Found, tell: Tell<'_>) -> Result<(), RuntimeError> {
        tell(Step::Working(format!("{} stops", container.name)));
        self.stop(container).await?;
        self.remove(container, false).await?;
        tell(Step::Done(format!("retired     {}", container.name)));
        Ok(())
    }

    /// Stops a container by its grace.
    ///
    /// # Errors
    /// Where the engine does not do it.
    pub(super) async fn stop(&self, container: &Found) -> Result<(), RuntimeError> {
        let seconds = i32::try_from(self.grace.as_secs().max(1)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        match self.engine.docker.stop_container(&container.id, Some(options)).await {
            Err(error) if !is_gone(&error) && !is_so_already(&error) => Err(self.engine.trouble(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes a container; where nobody ever used it, with the volumes that were made for it alone.
    async fn remove(&self, container: &Found, unused: bool) -> Result<(), RuntimeError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(unused).build();
        match self.engine.docker.remove_container(&container.id, Some(options)).await {
            Err(error) if !is_gone(&error) && !is_so_already(&error) => Err(self.engine.trouble(&error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The name may be free only in a moment: the engine removes by and by.
    async fn rename(&self, container: &Found, stage: Stage) -> Result<(), RuntimeError> {
        let name = naming::name(self.app, self.colour, container.number, stage);
        let trying = async {
            loop {
                let options = RenameContainerOptionsBuilder::default().name(&name).build();
                match self.engine.docker.rename_container(&container.id, options).await {
                    Ok(()) => return Ok(()),
                    Err(error) => match self.engine.trouble(&error) {
                        RuntimeError::Conflict(_) => sleep(Duration::from_millis(100)).await,
                        other @ (RuntimeError::Silent(_) | RuntimeError::Refused(_) | RuntimeError::Late(_)) => return Err(other),
                    },
                }
            }
        };
        let late = || RuntimeError::Late(format!("{} could not be renamed: another container is called {name}", container.name));
        timeout(FREED, trying).await.map_err(|_| late())?
    }

    /// Gives a running container its colour's name, with the address that it has where the network lets it: then what it has open stays open.
    async fn name(&self, container: &Found, alias: &str, network: &str, tell: Tell<'_>) -> Result<(), RuntimeError> {
        let trouble = |error: bollard::errors::Error| self.engine.trouble(&error);
        let before = container.ip(network);
        let request = NetworkDisconnectRequest { container: container.id.clone(), force: Some(false) };
        self.engine.docker.disconnect_network(network, request).await.map_err(trouble)?;
        let same =
            before.clone().filter(|ip| !ip.starts_with('[')).map(|ip| EndpointIpamConfig { ipv4_address: Some(ip), ..Default::default() });
        let connect = async |ipam_config| {
            let endpoint = EndpointSettings { aliases: Some(vec![alias.to_owned()]), ipam_config, ..Default::default() };
            let request = NetworkConnectRequest { container: container.id.clone(), endpoint_config: Some(endpoint) };
            self.engine.docker.connect_network(network, request).await
        };
        if connect(same).await.is_err() {
            connect(None).await.map_err(trouble)?;
        }
        let inspect = self.engine.docker.inspect_container(&container.id, None::<InspectContainerOptions>).await.map_err(trouble)?;
        if Found::of(inspect).and_then(|found| found.ip(network)) != before {
            tell(Step::Done(format!(
                "! {} has another address on {network} now, and what it had opened over that network is cut: `docker network create --subnet` makes one that keeps addresses",
                container.name
            )));
        }
        Ok(())
    }
}
