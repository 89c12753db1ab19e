//! Creates and starts containers.

use bollard::models::{ContainerInspectResponse, EndpointSettings, NetworkConnectRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
};

use super::engine::{Engine, is_gone};
use super::environment::{Sayings, environment};
use super::found::Found;
use super::naming::{self, Stage};
use super::spec::{self, Common};
use crate::clock;
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;

/// What a colour's new containers have in common.
#[derive(Debug)]
pub(super) struct Making<'a> {
    /// Config, what is carried over, image, network.
    pub(super) common: Common<'a>,
    /// The app's name.
    pub(super) app: &'a str,
    /// Their colour.
    pub(super) colour: Colour,
    /// The deploy that makes them.
    pub(super) deploy: Option<String>,
    /// Their version.
    pub(super) version: Option<String>,
    /// The config's environment, its secrets read.
    pub(super) given: Option<Vec<(String, String)>>,
    /// Whether a heartbeat is expected in each.
    pub(super) heartbeats: bool,
    /// What signs its beats.
    pub(super) beat_key: Option<String>,
    /// The name by which the proxy finds them.
    pub(super) alias: &'a str,
}

impl Making<'_> {
    /// Creates and starts one, under the name of this stage; found by its colour's name if it `serves`. On an error it is not there.
    ///
    /// # Errors
    /// Where the engine refuses.
    pub(super) async fn start(&self, engine: &Engine, number: u32, stage: Stage, serves: bool) -> Result<Found, RuntimeError> {
        let name = naming::name(self.app, self.colour, number, stage);
        let refused = |error: bollard::errors::Error| match engine.trouble(&error) {
            RuntimeError::Refused(why) => RuntimeError::Refused(format!("{name} could not be started: {why}")),
            other @ (RuntimeError::Silent(_) | RuntimeError::Conflict(_) | RuntimeError::Late(_)) => other,
        };
        let mut body = spec::body(&self.common, self.environment(number), serves.then_some(self.alias));
        body.labels.get_or_insert_default().insert(naming::INSTANCE.to_owned(), number.to_string());
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let created = engine.docker.create_container(Some(options), body).await.map_err(refused)?;
        match self.begin(engine, &created.id).await {
            Ok(inspect) => {
                Found::of(inspect).ok_or_else(|| RuntimeError::Refused(format!("{name} was made, and the engine does not show its labels")))
            }
            Err(error) => {
                let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                // The first error is the one to tell.
                let _ = engine.docker.remove_container(&created.id, Some(options)).await;
                Err(refused(error))
            }
        }
    }

    async fn begin(&self, engine: &Engine, id: &str) -> Result<ContainerInspectResponse, bollard::errors::Error> {
        for (network, aliases) in spec::other_networks(self.common.settings, self.common.carried, &self.common.network) {
            let endpoint = EndpointSettings { aliases: Some(aliases), ..Default::default() };
            let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(endpoint) };
            engine.docker.connect_network(&network, request).await?;
        }
        engine.docker.start_container(id, None::<StartContainerOptions>).await?;
        engine.docker.inspect_container(id, None::<InspectContainerOptions>).await
    }

    /// What is not labelled as ours is not ours to remove.
    ///
    /// # Errors
    /// Where such a container has a name that one of ours is to have.
    pub(super) async fn names_are_free(&self, engine: &Engine, count: u32, ours: &[Found]) -> Result<(), RuntimeError> {
        for name in (1..=count).map(|number| naming::name(self.app, self.colour, number, Stage::Settled)) {
            match engine.docker.inspect_container(&name, None::<InspectContainerOptions>).await {
                Ok(found) if ours.iter().all(|own| Some(&own.id) != found.id.as_ref()) => {
                    return Err(RuntimeError::Refused(format!(
                        "a container called {name} is there that is not labelled {}={} {}={}: remove it, or make it with these labels",
                        naming::APP,
                        self.app,
                        naming::COLOUR,
                        self.colour
                    )));
                }
                Ok(_) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(engine.trouble(&error)),
            }
        }
        Ok(())
    }

    /// allswell's labels that all of them have.
    pub(super) fn labels(app: &str, colour: Colour, deploy: Option<&String>, version: Option<&String>) -> Vec<(&'static str, String)> {
        let made = clock::now().as_millis().to_string();
        let mut labels = vec![(naming::APP, app.to_owned()), (naming::COLOUR, colour.to_string()), (naming::MADE, made)];
        labels.extend(deploy.map(|deploy| (naming::DEPLOY, deploy.clone())));
        labels.extend(version.map(|version| (naming::VERSION, version.clone())));
        labels
    }

    fn environment(&self, number: u32) -> Vec<String> {
        let settled = naming::name(self.app, self.colour, number, Stage::Settled);
        let sayings = Sayings {
            colour: self.colour.to_string(),
            version: self.version.clone(),
            instance: self.deploy.as_ref().map_or_else(|| settled.clone(), |deploy| format!("{settled}.{deploy}")),
            check: self.heartbeats.then(|| format!("heartbeat-{}", self.colour)),
            beat_key: self.beat_key.clone().filter(|_| self.heartbeats),
        };
        environment(self.given.as_deref(), self.common.carried.config.env.as_deref().unwrap_or_default(), &sayings)
    }
}
