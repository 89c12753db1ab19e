//! Two services of a Docker Swarm, as a deploy drives them. What a service was before stands in the service itself: anybody can put it back.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::follow::Follow;
use super::instances::{count, instance};
use super::lines;
use super::manager::Manager;
use super::order::Order;
use super::said::said;
use super::service::Service;
use super::settings::SwarmSettings;
use super::sight::{Aim, Update};
use super::spec::{image_of, last_deploy, next, replicas, scaled};
use super::task::TaskView;
use super::undo::Undone;
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;
use crate::runtime::instance::Instance;
use crate::runtime::release::{Each, Pending, Release, Step, Tell};
use crate::settings::AppSettings;

/// How often is looked whether a removed service has ended.
const LOOK: Duration = Duration::from_millis(250);

/// How many of a task's last lines a failure tells.
const LAST_LINES: usize = 8;

/// What drives them.
#[derive(Debug)]
pub struct SwarmDriver {
    app: AppSettings,
    settings: SwarmSettings,
    version: Option<String>,
    stop_grace: Duration,
}

impl SwarmDriver {
    /// For this app. `version` is that of tasks that were never deployed, `stop_grace` how long one may take to stop.
    #[must_use]
    pub fn new(app: AppSettings, settings: SwarmSettings, version: Option<String>, stop_grace: Duration) -> Self {
        Self { app, settings, version, stop_grace }
    }

    pub(in crate::runtime) async fn instances(&self) -> Result<Vec<Instance>, RuntimeError> {
        let manager = Manager::connect().await?;
        let mut instances = Vec::new();
        for colour in Colour::BOTH {
            instances.extend(self.of_colour(&manager, colour).await?);
        }
        Ok(instances)
    }

    /// The Swarm starts each new task beside the old one, and ends the old one as soon as the new one runs: before it is proven.
    pub(in crate::runtime) async fn replace(&self, release: &Release, tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        let manager = Manager::connect().await?;
        let name = self.name(release.colour);
        let was = manager.service(&name).await?;
        let tasks = self.tasks_of(&manager, was.as_ref()).await?;
        let (app, settings, version) = (&self.app, &self.settings, self.version.as_deref());
        let order = Order { manager: &manager, app, settings, release, version, stop_grace: self.stop_grace, tell };
        let (wanted, credentials) = order.wanted(was.as_ref()).await?;
        let spec = next(was.as_ref().map(|service| &service.spec), &name, &wanted);
        match &was {
            None => manager.create(spec, credentials).await?,
            Some(was) => manager.write(was, &spec, credentials.as_ref()).await?,
        }
        let follow = self.follow(&name, Aim::Deploy(release.deploy), &tasks, tell);
        match follow.end(&manager).await {
            Ok(tasks) => {
                let new = tasks.iter().filter(|task| task.is_up() && task.deploy == Some(release.deploy));
                let instances = new.map(|task| instance(release.colour, &name, task, &tasks)).collect();
                Ok(Pending { instances, at: self.app.colour(release.colour).addresses.clone() })
            }
            Err(error) => Err(with_last_words(&manager, &name, Aim::Deploy(release.deploy), error).await),
        }
    }

    /// The old ones have ended already; whether the new ones may stay is asked once more of the Swarm.
    pub(in crate::runtime) async fn keep(&self, release: &Release, _tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        let manager = Manager::connect().await?;
        let name = self.name(release.colour);
        let service = manager.service(&name).await?.filter(|service| last_deploy(&service.spec) == Some(release.deploy));
        let Some(service) = service else {
            return Err(RuntimeError::Conflict(format!("the service {name} is not as this deploy left it: somebody else has changed it")));
        };
        match &service.update {
            Update::Paused(why) => Err(RuntimeError::Refused(format!("{name}: the Swarm stopped the update: {why}"))),
            Update::RolledBack(why) => Err(RuntimeError::Conflict(format!("{name}: somebody rolled it back meanwhile ({why})"))),
            Update::None | Update::Going | Update::Completed => self.of_colour(&manager, release.colour).await,
        }
    }

    pub(in crate::runtime) async fn put_back(&self, release: &Release, tell: Tell<'_>) -> Result<String, RuntimeError> {
        let manager = Manager::connect().await?;
        let name = self.name(release.colour);
        match manager.undo(&name, release.deploy).await? {
            Undone::Nothing => Ok(String::new()),
            Undone::Removed(service) => {
                self.gone(&manager, &service, tell).await?;
                Ok(format!("the service {name}, which the deploy had created, is removed"))
            }
            Undone::Restored(spec, tasks) => {
                let image = image_of(&spec).unwrap_or("its image").to_owned();
                self.follow(&name, Aim::Without(release.deploy), &tasks, tell).end(&manager).await?;
                Ok(format!("{name} runs {image} again, {} of it", count(replicas(&spec))))
            }
        }
    }

    pub(in crate::runtime) async fn scale(&self, colour: Colour, instances: u32, tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        let manager = Manager::connect().await?;
        let name = self.name(colour);
        let Some(service) = manager.service(&name).await? else {
            return Err(RuntimeError::Refused(format!("there is no service {name} to scale: allswell deploy {colour} makes it")));
        };
        let tasks = manager.tasks(&service.id).await?;
        manager.write(&service, &scaled(&service.spec, u64::from(instances)), None).await?;
        match self.follow(&name, Aim::Any, &tasks, tell).end(&manager).await {
            Ok(_) => self.of_colour(&manager, colour).await,
            Err(error) => Err(with_last_words(&manager, &name, Aim::Any, error).await),
        }
    }

    pub(in crate::runtime) async fn last_lines(&self, colour: Colour, count: usize) -> Vec<(String, Vec<String>)> {
        match Manager::connect().await {
            Ok(manager) => lines_of(&manager, &self.name(colour), Aim::Any, count).await,
            Err(_) => Vec::new(),
        }
    }

    pub(in crate::runtime) async fn logs(
        &self,
        colour: Colour,
        lines: Option<usize>,
        follow: bool,
        each: Each<'_>,
    ) -> Result<(), RuntimeError> {
        let manager = Manager::connect().await?;
        said(&manager, &self.name(colour), lines, follow, each).await
    }

    fn name(&self, colour: Colour) -> String {
        self.settings.service(&self.app.name, colour)
    }

    fn follow<'a>(&self, service: &'a str, aim: Aim, before: &'a [TaskView], tell: Tell<'a>) -> Follow<'a> {
        Follow { service, aim, before, limit: self.settings.start_within + self.stop_grace, tell }
    }

    async fn tasks_of(&self, manager: &Manager, service: Option<&Service>) -> Result<Vec<TaskView>, RuntimeError> {
        match service {
            Some(service) => manager.tasks(&service.id).await,
            None => Ok(Vec::new()),
        }
    }

    async fn of_colour(&self, manager: &Manager, colour: Colour) -> Result<Vec<Instance>, RuntimeError> {
        let name = self.name(colour);
        let service = manager.service(&name).await?;
        let tasks = self.tasks_of(manager, service.as_ref()).await?;
        let shown = tasks.iter().filter(|task| task.is_wanted || task.holds_on());
        Ok(shown.map(|task| instance(colour, &name, task, &tasks)).collect())
    }

    /// Until a removed service has nothing left that runs.
    async fn gone(&self, manager: &Manager, service: &Service, tell: Tell<'_>) -> Result<(), RuntimeError> {
        let limit = self.settings.start_within + self.stop_grace;
        let emptied = async {
            while manager.remains(&service.id).await? > 0 {
                tell(Step::Working(format!("{} ends", service.name)));
                sleep(LOOK).await;
            }
            Ok(())
        };
        let late =
            || RuntimeError::Late(format!("{} is removed, and its tasks have not ended: see `docker ps` on the nodes", service.name));
        timeout(limit, emptied).await.unwrap_or_else(|_| Err(late()))
    }
}

async fn lines_of(manager: &Manager, name: &str, aim: Aim, count: usize) -> Vec<(String, Vec<String>)> {
    let Ok(Some(service)) = manager.service(name).await else { return Vec::new() };
    let mut tasks = manager.tasks(&service.id).await.unwrap_or_default();
    tasks.retain(|task| aim.takes(task));
    lines::last_lines(manager, name, &tasks, count).await
}

/// What the tasks said last is asked for before they are put back: then it is gone.
async fn with_last_words(manager: &Manager, name: &str, aim: Aim, error: RuntimeError) -> RuntimeError {
    let told = lines::words(&lines_of(manager, name, aim, LAST_LINES).await);
    match error {
        RuntimeError::Refused(text) => RuntimeError::Refused(text + &told),
        RuntimeError::Late(text) => RuntimeError::Late(text + &told),
        RuntimeError::Silent(_) | RuntimeError::Conflict(_) => error,
    }
}
