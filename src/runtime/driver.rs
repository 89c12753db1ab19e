//! One set of orders for every runtime. What a driver has made it finds again in the runtime itself, never in its own memory: an order can be
//! taken up, or taken back, by another process after a crash.

use super::command::driver::CommandDriver;
use super::docker::driver::DockerDriver;
use super::error::RuntimeError;
use super::instance::Instance;
use super::process::driver::ProcessDriver;
use super::release::{Each, Pending, Release, Tell};
use super::swarm::driver::SwarmDriver;
use crate::domain::colour::Colour;

/// What runs a colour's instances.
#[derive(Debug)]
pub enum Driver {
    /// Processes of `allswell up`.
    Process(ProcessDriver),
    /// Containers.
    Docker(Box<DockerDriver>),
    /// Swarm services.
    Swarm(Box<SwarmDriver>),
    /// The user's own commands.
    Command(Box<CommandDriver>),
}

impl Driver {
    /// Every instance of both colours, blue first.
    ///
    /// # Errors
    /// Where the runtime does not answer.
    pub async fn instances(&self) -> Result<Vec<Instance>, RuntimeError> {
        match self {
            Self::Process(driver) => driver.instances().await,
            Self::Docker(driver) => driver.instances().await,
            Self::Swarm(driver) => driver.instances().await,
            Self::Command(driver) => driver.instances().await,
        }
    }

    /// Whether new instances start beside the old ones, so that these serve until the new ones are proven.
    #[must_use]
    pub fn starts_beside(&self) -> bool {
        match self {
            Self::Process(_) | Self::Command(_) => false,
            Self::Docker(_) | Self::Swarm(_) => true,
        }
    }

    /// Starts new instances of a colour. On an error nothing is left behind, and what ran before still runs as far as the runtime can.
    ///
    /// # Errors
    /// Where they could not be started.
    pub async fn replace(&self, release: &Release, tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        match self {
            Self::Process(driver) => driver.replace(release, tell).await,
            Self::Docker(driver) => driver.replace(release, tell).await,
            Self::Swarm(driver) => driver.replace(release, tell).await,
            Self::Command(driver) => driver.replace(release, tell).await,
        }
    }

    /// The new instances are proven: those that they replace end, and theirs is the colour.
    ///
    /// # Errors
    /// Where the old ones could not be ended: both run.
    pub async fn keep(&self, release: &Release, tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        match self {
            Self::Process(driver) => driver.instances().await,
            Self::Docker(driver) => driver.keep(release, tell).await,
            Self::Swarm(driver) => driver.keep(release, tell).await,
            Self::Command(driver) => driver.instances().await,
        }
    }

    /// The new instances are not proven, or the deploy was interrupted: all is as it was before, as far as the runtime can. Nothing where the
    /// deploy has changed nothing. Says what was done, in the user's words; empty: nothing.
    ///
    /// # Errors
    /// Where it could not be put back.
    pub async fn put_back(&self, release: &Release, tell: Tell<'_>) -> Result<String, RuntimeError> {
        match self {
            Self::Process(_) => Ok(String::new()),
            Self::Docker(driver) => driver.put_back(release, tell).await,
            Self::Swarm(driver) => driver.put_back(release, tell).await,
            Self::Command(driver) => driver.put_back(release, tell).await,
        }
    }

    /// An earlier deploy of the colour was cut off before its instances were proven, or could not put back: all is as it was before that. Says what
    /// was done; empty: nothing, also where whoever comes next finds what was left by itself.
    ///
    /// # Errors
    /// Where it could not be put back.
    pub async fn undo_unproven(&self, unproven: &Release, tell: Tell<'_>) -> Result<String, RuntimeError> {
        match self {
            Self::Swarm(driver) => driver.put_back(unproven, tell).await,
            Self::Process(_) | Self::Docker(_) | Self::Command(_) => Ok(String::new()),
        }
    }

    /// Returns when a new instance of a deploy has ended for good, with what is to be said about it; never where the runtime cannot know.
    pub async fn fallen(&self, release: &Release, tell: Tell<'_>) -> String {
        match self {
            Self::Docker(driver) => driver.fallen(release, tell).await,
            Self::Process(_) | Self::Swarm(_) | Self::Command(_) => std::future::pending().await,
        }
    }

    /// A colour gets so many instances; 0 stops it.
    ///
    /// # Errors
    /// Where it could not be done; some may have been started or ended.
    pub async fn scale(&self, colour: Colour, instances: u32, tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        match self {
            Self::Process(_) => Err(RuntimeError::Refused(format!(
                "processes are scaled by their addresses: add one to [app.{colour}] addresses and start `allswell up` again"
            ))),
            Self::Docker(driver) => driver.scale(colour, instances, tell).await,
            Self::Swarm(driver) => driver.scale(colour, instances, tell).await,
            Self::Command(driver) => driver.scale(colour, instances, tell).await,
        }
    }

    /// A colour ends, until the next deploy or scale starts it again.
    ///
    /// # Errors
    /// Where it could not be done; some may have been ended.
    pub async fn stop(&self, colour: Colour, tell: Tell<'_>) -> Result<(), RuntimeError> {
        match self {
            Self::Process(_) => {
                Err(RuntimeError::Refused("processes of one colour are not stopped by themselves: `allswell stop` ends `up`".to_owned()))
            }
            Self::Docker(driver) => driver.scale(colour, 0, tell).await.map(drop),
            Self::Swarm(driver) => driver.scale(colour, 0, tell).await.map(drop),
            Self::Command(driver) => driver.stop(colour, tell).await,
        }
    }

    /// Tells `each` what a colour's instances have said, oldest first: the last `lines` of each instance, else all that is kept. With
    /// `follow` it goes on as they say more, new instances included, until it is dropped. Nothing was said: `each` is never called.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn logs(&self, colour: Colour, lines: Option<usize>, follow: bool, each: Each<'_>) -> Result<(), RuntimeError> {
        match self {
            Self::Process(driver) => driver.logs(colour, lines, follow, each).await,
            Self::Docker(driver) => driver.logs(colour, lines, follow, each).await,
            Self::Swarm(driver) => driver.logs(colour, lines, follow, each).await,
            Self::Command(driver) => driver.logs(colour, lines, follow, each).await,
        }
    }

    /// What the runtime's own commands have said so far, for the journal; none where it has none.
    #[must_use]
    pub fn output(&self) -> Option<String> {
        match self {
            Self::Process(_) | Self::Docker(_) | Self::Swarm(_) => None,
            Self::Command(driver) => driver.said(),
        }
    }

    /// What each instance of a colour said last, the pending ones of a deploy included: its name and its lines, oldest first.
    pub async fn last_lines(&self, colour: Colour, count: usize) -> Vec<(String, Vec<String>)> {
        match self {
            Self::Process(driver) => driver.last_lines(colour, count),
            Self::Docker(driver) => driver.last_lines(colour, count).await,
            Self::Swarm(driver) => driver.last_lines(colour, count).await,
            Self::Command(driver) => driver.last_lines(colour, count).await,
        }
    }
}
