//! Containers of one Docker engine, as a deploy drives them. All that is known of a deploy is in the engine: in names and labels.

use std::time::Duration;

use super::base::Base;
use super::engine::Engine;
use super::found::{self, Found};
use super::image;
use super::making::Making;
use super::naming::Stage;
use super::settings::DockerSettings;
use super::settling::{Left, Settling};
use super::spec::Common;
use super::{lines, watch};
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;
use crate::runtime::instance::Instance;
use crate::runtime::release::{Each, Pending, Release, Step, Tell};
use crate::settings::{AppSettings, Secret};

/// What drives them.
#[derive(Debug)]
pub struct DockerDriver {
    app: AppSettings,
    settings: DockerSettings,
    version: Option<String>,
    grace: Duration,
    beat_key: Secret,
}

impl DockerDriver {
    /// For this app. `version` is that of containers that were never deployed, `grace` how long one may take to stop, `beat_key` signs the beats.
    #[must_use]
    pub fn new(app: AppSettings, settings: DockerSettings, version: Option<String>, grace: Duration, beat_key: Secret) -> Self {
        Self { app, settings, version, grace, beat_key }
    }

    pub(in crate::runtime) async fn instances(&self) -> Result<Vec<Instance>, RuntimeError> {
        let engine = self.engine().await?;
        Ok(self.shown(&found::all(&engine, &self.app.name).await?))
    }

    /// The new ones start beside the old. What an earlier deploy has left is ended first.
    pub(in crate::runtime) async fn replace(&self, release: &Release, tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        let engine = self.engine().await?;
        let settling = self.settling(&engine, release.colour);
        settling.recover(tell).await?.tell(tell);
        let made = self.make(&engine, release, tell).await;
        if made.is_err() {
            // The first error is the one to tell; what is left says so at the next deploy.
            let _ = settling.recover(tell).await;
        }
        made
    }

    pub(in crate::runtime) async fn keep(&self, release: &Release, tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        let engine = self.engine().await?;
        let settling = self.settling(&engine, release.colour);
        settling.keep(&release.deploy.to_string(), self.alias(release.colour), tell).await?;
        Ok(self.shown(&settling.all().await?))
    }

    pub(in crate::runtime) async fn put_back(&self, release: &Release, tell: Tell<'_>) -> Result<String, RuntimeError> {
        let engine = self.engine().await?;
        let settling = self.settling(&engine, release.colour);
        let left = settling.recover(tell).await?;
        let running = settling.all().await?.iter().filter(|found| found.is_running()).count();
        Ok(match left {
            Left::Nothing => String::new(),
            Left::Unproven(names) if running == 0 => format!("{} removed; {} had none before", names.join(", "), release.colour),
            Left::Unproven(names) => format!("{} removed; what ran before was not touched", names.join(", ")),
            Left::Proven(names) => format!("not needed: {} had passed the gate, and stay", names.join(", ")),
        })
    }

    /// Returns when one of the deploy's new containers has ended for good, with what is to be said about it.
    pub(in crate::runtime) async fn fallen(&self, release: &Release, tell: Tell<'_>) -> String {
        match self.engine().await {
            Ok(engine) => watch::fallen(&self.settling(&engine, release.colour), &release.deploy.to_string(), tell).await,
            // The gate is asked either way.
            Err(_) => std::future::pending().await,
        }
    }

    /// More are made like those that run; the highest numbers end first. The last one that is stopped stays, so that it can be started again.
    pub(in crate::runtime) async fn scale(&self, colour: Colour, instances: u32, tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        let engine = self.engine().await?;
        let settling = self.settling(&engine, colour);
        settling.recover(tell).await?.tell(tell);
        let found = settling.all().await?;
        let wanted = usize::try_from(instances).unwrap_or(usize::MAX);
        let (kept, ended) = found.split_at(wanted.min(found.len()));
        for container in ended.iter().rev() {
            if container.number == found[0].number {
                tell(Step::Working(format!("{} stops", container.name)));
                settling.stop(container).await?;
                tell(Step::Done(format!("stopped     {}", container.name)));
            } else {
                settling.retire(container, tell).await?;
            }
        }
        for container in kept.iter().filter(|container| !container.is_running()) {
            start_again(&engine, container, tell).await?;
        }
        if wanted > found.len() {
            self.add(&engine, colour, &found, wanted - found.len(), tell).await?;
        }
        Ok(self.shown(&settling.all().await?))
    }

    pub(in crate::runtime) async fn last_lines(&self, colour: Colour, count: usize) -> Vec<(String, Vec<String>)> {
        let Ok(engine) = self.engine().await else { return Vec::new() };
        let Ok(all) = self.settling(&engine, colour).all().await else { return Vec::new() };
        let new = all.iter().any(|found| found.stage == Stage::New);
        let mut said = Vec::new();
        // Beside new ones, what the old ones say is not what a deploy is about.
        for container in all.iter().filter(|found| !new || found.stage == Stage::New) {
            said.push((container.name.clone(), lines::last(&engine, container, count).await));
        }
        said
    }

    /// Tells each line of a colour's containers: the last `count`, else all; with `follow` also what they say from now on.
    pub(in crate::runtime) async fn logs(
        &self,
        colour: Colour,
        count: Option<usize>,
        follow: bool,
        each: Each<'_>,
    ) -> Result<(), RuntimeError> {
        lines::tell(&self.engine().await?, (&self.app.name, colour), count, follow, each).await
    }

    async fn engine(&self) -> Result<Engine, RuntimeError> {
        Engine::connect(self.grace).await
    }

    fn settling<'a>(&'a self, engine: &'a Engine, colour: Colour) -> Settling<'a> {
        Settling { engine, app: &self.app.name, colour, grace: self.grace }
    }

    /// The name and the port by which the proxy finds a colour.
    fn place(&self, colour: Colour) -> (&str, &str) {
        let address = self.app.colour(colour).addresses.first().map_or("", String::as_str);
        address.rsplit_once(':').unwrap_or((address, ""))
    }

    fn alias(&self, colour: Colour) -> &str {
        self.place(colour).0
    }

    fn aliases(&self) -> [&str; 2] {
        Colour::BOTH.map(|colour| self.alias(colour))
    }

    fn shown(&self, found: &[Found]) -> Vec<Instance> {
        let show = |container: &Found| {
            let (alias, port) = self.place(container.colour);
            let network = self.settings.network.clone().or_else(|| container.network(alias));
            container.instance(network.as_deref(), port)
        };
        found.iter().map(show).collect()
    }

    async fn make(&self, engine: &Engine, release: &Release, tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        let found = found::all(engine, &self.app.name).await?;
        let base = Base::of(engine, &found, release.colour).await?;
        let network = base.network(&self.settings, self.aliases())?;
        let version = release.version.clone().or_else(|| base.version.clone()).or_else(|| self.version.clone());
        let named = self.image(release, &base, version.as_deref())?;
        let image = image::ready(engine, &named, self.settings.pull, tell).await?;
        let present = found.iter().filter(|found| found.colour == release.colour).count();
        let count = u32::try_from(present).unwrap_or(u32::MAX).max(self.app.colour(release.colour).instances);
        let making = self.making(&base, image, &network, release.colour, (Some(release.deploy.to_string()), version), tell)?;
        making.names_are_free(engine, count, &found).await?;
        if base.carried.had_ports {
            tell(Step::Done(
                "! the running container publishes ports; the new one does not: only the proxy is reached from outside".to_owned(),
            ));
        }
        tell(Step::Working(format!("start {count} of {}", release.colour)));
        let port = self.place(release.colour).1;
        let (mut instances, mut at) = (Vec::new(), Vec::new());
        for number in 1..=count {
            // What the public may be on is found by its name only when it is proven.
            let container = making.start(engine, number, Stage::New, !release.serves).await?;
            at.push(format!("{}:{port}", container.ip(&network).unwrap_or_else(|| container.name.clone())));
            instances.push(container.instance(Some(&network), port));
        }
        Ok(Pending { instances, at })
    }

    fn image(&self, release: &Release, base: &Base, version: Option<&str>) -> Result<String, RuntimeError> {
        let refused = |why: &str| RuntimeError::Refused(why.to_owned());
        let named = release.image.clone().or_else(|| self.settings.image.clone());
        let named = named.or_else(|| base.image.clone());
        let named = named.ok_or_else(|| refused("which image? Nothing runs yet: say --image, or [runtime] image in the config"))?;
        match version {
            Some(version) => Ok(named.replace("{version}", version)),
            None if named.contains("{version}") => {
                Err(RuntimeError::Refused(format!("the image is {named}, and no version is known: say --version")))
            }
            None => Ok(named),
        }
    }

    fn making<'a>(
        &'a self,
        base: &'a Base,
        image: String,
        network: &str,
        colour: Colour,
        (deploy, version): (Option<String>, Option<String>),
        tell: Tell<'_>,
    ) -> Result<Making<'a>, RuntimeError> {
        let app = self.app.name.as_str();
        let labels = Making::labels(app, colour, deploy.as_ref(), version.as_ref());
        let common = Common { settings: &self.settings, carried: &base.carried, image, network: network.to_owned(), labels };
        let alias = self.alias(colour);
        let (given, heartbeats, beat_key) = (self.given()?, self.app.heartbeats, self.beat_key(base, tell));
        Ok(Making { common, app, colour, deploy, version, given, heartbeats, beat_key, alias })
    }

    fn given(&self) -> Result<Option<Vec<(String, String)>>, RuntimeError> {
        let Some(env) = &self.settings.env else { return Ok(None) };
        let read = |(name, secret): &(String, Secret)| match secret {
            // A plain text may be empty; a secret may not.
            Secret::Plain(text) => Ok((name.clone(), text.clone())),
            Secret::Env(_) | Secret::File(_) => {
                let value = secret.reveal().map_err(|error| RuntimeError::Refused(format!("runtime.env.{name}: {error}")))?;
                Ok((name.clone(), value))
            }
        };
        env.iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// Where it cannot be read here, the running container's is carried over.
    fn beat_key(&self, base: &Base, tell: Tell<'_>) -> Option<String> {
        let carried = || base.carried.config.env.iter().flatten().any(|pair| pair.starts_with("ALLSWELL_BEAT_KEY"));
        let given = || self.settings.env.iter().flatten().any(|(name, _)| name.starts_with("ALLSWELL_BEAT_KEY"));
        match self.beat_key.reveal() {
            Ok(key) => Some(key),
            Err(error) => {
                if self.app.heartbeats && !carried() && !given() {
                    tell(Step::Done(format!("! the heartbeats get no key to sign their beats with: {error}")));
                }
                None
            }
        }
    }

    async fn add(&self, engine: &Engine, colour: Colour, present: &[Found], more: usize, tell: Tell<'_>) -> Result<(), RuntimeError> {
        let found = found::all(engine, &self.app.name).await?;
        let base = Base::of(engine, &found, colour).await?;
        let network = base.network(&self.settings, self.aliases())?;
        let named = base.image.clone().or_else(|| self.settings.image.clone());
        let named =
            named.ok_or_else(|| RuntimeError::Refused(format!("{colour} has no container to make more of: allswell deploy {colour}")))?;
        let image = image::ready(engine, &named, self.settings.pull, &|_| ()).await?;
        let of = (base.deploy.clone(), base.version.clone());
        let making = self.making(&base, image, &network, colour, of, tell)?;
        let free = (1..).filter(|number| present.iter().all(|found| found.number != *number));
        for number in free.take(more) {
            let container = making.start(engine, number, Stage::Settled, true).await?;
            tell(Step::Done(format!("started     {}", container.name)));
        }
        Ok(())
    }
}

async fn start_again(engine: &Engine, container: &Found, tell: Tell<'_>) -> Result<(), RuntimeError> {
    let options = None::<bollard::query_parameters::StartContainerOptions>;
    engine.docker.start_container(&container.id, options).await.map_err(|error| engine.trouble(&error))?;
    tell(Step::Done(format!("started     {}", container.name)));
    Ok(())
}
