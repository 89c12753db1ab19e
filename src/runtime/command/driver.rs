//! The user's own commands, as a deploy drives them.

use std::sync::{Mutex as Plain, MutexGuard, PoisonError};

use tokio::sync::Mutex;

use super::call::{Call, Facts};
use super::failure::{cannot_start, ended, failed, late};
use super::run::{Ending, Outlet, Running, run};
use super::said::Said;
use super::settings::{CommandSettings, Order};
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;
use crate::runtime::instance::Instance;
use crate::runtime::process::command::check_version;
use crate::runtime::release::{Each, Pending, Release, Step, Tell};
use crate::settings::AppSettings;

/// How many of a command's last lines a failure tells.
const LAST_LINES: usize = 8;
/// How many of an instance's lines are asked for where nobody says how many.
const LINES: usize = 1_000;

/// What drives them.
#[derive(Debug)]
pub struct CommandDriver {
    app: AppSettings,
    settings: CommandSettings,
    /// One at a time. What is still in here was left by somebody who stopped waiting.
    running: Mutex<Option<Running>>,
    /// What the commands of this act have said.
    said: Plain<Said>,
    /// Set as soon as `replace` has been started.
    before: Plain<Option<Before>>,
}

/// What ran before a replacement.
#[derive(Debug, Clone)]
struct Before {
    version: Option<String>,
}

impl CommandDriver {
    /// For this app.
    #[must_use]
    pub fn new(app: AppSettings, settings: CommandSettings) -> Self {
        Self { app, settings, running: Mutex::default(), said: Plain::default(), before: Plain::default() }
    }

    /// What the commands have said so far, for the journal.
    #[must_use]
    pub(in crate::runtime) fn said(&self) -> Option<String> {
        lock(&self.said).text()
    }

    /// What `version` says of each colour; without it nobody knows.
    pub(in crate::runtime) async fn instances(&self) -> Result<Vec<Instance>, RuntimeError> {
        let Some(order) = &self.settings.version else { return Ok(Vec::new()) };
        let mut instances = Vec::new();
        for colour in Colour::BOTH {
            instances.push(self.colour_of(order, colour).await?);
        }
        Ok(instances)
    }

    /// The commands take the old ones' place: whether that leaves a moment without instances is theirs to say.
    pub(in crate::runtime) async fn replace(&self, release: &Release, tell: Tell<'_>) -> Result<Pending, RuntimeError> {
        if let Some(version) = &release.version {
            check_version(version).map_err(|error| RuntimeError::Refused(error.to_string()))?;
        }
        let before = Before { version: self.version(release.colour).await? };
        let mut facts = self.facts(release, before.version.clone());
        facts.version = release.version.clone().or(before.version.clone());
        self.act(&facts.call(&self.settings.replace), tell, || *lock(&self.before) = Some(before)).await?;
        Ok(Pending { instances: Vec::new(), at: Vec::new() })
    }

    /// By the user's own command, else by replacing once more with the version before.
    pub(in crate::runtime) async fn put_back(&self, release: &Release, tell: Tell<'_>) -> Result<String, RuntimeError> {
        self.end_left_over(tell).await;
        let Some(Before { version: previous }) = lock(&self.before).take() else { return Ok(String::new()) };
        let colour = release.colour;
        let facts = self.facts(release, previous.clone());
        if let Some(order) = &self.settings.put_back {
            let facts = Facts { version: release.version.clone(), ..facts };
            self.act(&facts.call(order), tell, || ()).await?;
            return Ok(format!("the command of [runtime] put_back has put {colour} back"));
        }
        match previous {
            Some(previous) if release.image.is_none() && release.version.as_ref().is_some_and(|version| *version != previous) => {
                let facts = Facts { version: Some(previous.clone()), ..facts };
                self.act(&facts.call(&self.settings.replace), tell, || ()).await?;
                Ok(format!("the command of [runtime] replace has given {colour} version {previous} again, as before"))
            }
            Some(_) | None => Err(RuntimeError::Refused(format!(
                "[runtime] put_back is not set, and replace cannot lead back: {}. {colour} is as its commands have left it; \
                 deploy what works: allswell deploy {colour} --version V",
                why_not(previous.as_deref(), release)
            ))),
        }
    }

    pub(in crate::runtime) async fn scale(&self, colour: Colour, instances: u32, tell: Tell<'_>) -> Result<Vec<Instance>, RuntimeError> {
        let Some(order) = &self.settings.scale else {
            return Err(RuntimeError::Refused(
                "[runtime] scale is not set: say there which command gives {colour} so many {instances}".to_owned(),
            ));
        };
        let facts = Facts { instances: Some(instances), ..self.of(colour) };
        self.act(&facts.call(order), tell, || ()).await?;
        self.instances().await
    }

    pub(in crate::runtime) async fn stop(&self, colour: Colour, tell: Tell<'_>) -> Result<(), RuntimeError> {
        let Some(order) = self.settings.stop.as_ref().or(self.settings.scale.as_ref()) else {
            return Err(RuntimeError::Refused("[runtime] stop is not set: say there which command ends {colour}".to_owned()));
        };
        let facts = Facts { instances: Some(0), ..self.of(colour) };
        self.act(&facts.call(order), tell, || ()).await
    }

    pub(in crate::runtime) async fn logs(
        &self,
        colour: Colour,
        lines: Option<usize>,
        follow: bool,
        each: Each<'_>,
    ) -> Result<(), RuntimeError> {
        let (key, order) = if follow { ("follow", &self.settings.follow) } else { ("logs", &self.settings.logs) };
        let Some(order) = order else {
            return Err(RuntimeError::Refused(format!(
                "[runtime] {key} is not set: say there which command prints the last {{lines}} of {{colour}}{}",
                if follow { " and goes on" } else { "" }
            )));
        };
        let call = Facts { lines: Some(lines.unwrap_or(LINES)), ..self.of(colour) }.call(order);
        let name = colour.as_str();
        let mut said = Said::default();
        let told = |outlet, line: &str| match outlet {
            Outlet::Output => each(name, line),
            Outlet::Errors => {
                each(name, line);
                said.keep(line);
            }
        };
        let ending = self.carry_out(&call, || (), told).await?;
        well(&call, ending, &said)
    }

    /// What `logs` prints, where it is set and does what it should.
    pub(in crate::runtime) async fn last_lines(&self, colour: Colour, count: usize) -> Vec<(String, Vec<String>)> {
        let Some(order) = &self.settings.logs else { return Vec::new() };
        let call = Facts { lines: Some(count), ..self.of(colour) }.call(order);
        let mut said = Said::default();
        let ran = self.carry_out(&call, || (), |_, line| drop(said.keep(line))).await;
        if matches!(ran, Ok(Ending::Ended(status)) if status.success()) { vec![(colour.to_string(), said.last(count))] } else { Vec::new() }
    }

    fn of(&self, colour: Colour) -> Facts {
        Facts { app: self.app.name.clone(), colour: Some(colour), ..Facts::default() }
    }

    fn facts(&self, release: &Release, previous: Option<String>) -> Facts {
        let instances = u32::try_from(self.app.colour(release.colour).addresses.len()).ok();
        Facts { image: release.image.clone(), instances, previous, ..self.of(release.colour) }
    }

    /// The version that a colour runs, where somebody knows.
    async fn version(&self, colour: Colour) -> Result<Option<String>, RuntimeError> {
        let Some(order) = &self.settings.version else { return Ok(None) };
        Ok(self.colour_of(order, colour).await?.version)
    }

    /// A colour that runs nothing makes `version` fail: that is no failure of ours.
    async fn colour_of(&self, order: &Order, colour: Colour) -> Result<Instance, RuntimeError> {
        let call = self.of(colour).call(order);
        let (mut output, mut errors) = (Said::default(), Said::default());
        let ending = self
            .carry_out(
                &call,
                || (),
                |outlet, line| match outlet {
                    Outlet::Output => drop(output.keep(line)),
                    Outlet::Errors => drop(errors.keep(line)),
                },
            )
            .await?;
        let status = match ending {
            Ending::Ended(status) => status,
            Ending::Late => return Err(late(&call, &errors.last(LAST_LINES))),
        };
        let version = output.last(1).pop().filter(|version| status.success() && check_version(version).is_ok());
        let why = errors.last(1).pop().or_else(|| output.last(1).pop()).map(|line| format!(": {line}")).unwrap_or_default();
        Ok(Instance {
            colour,
            name: colour.to_string(),
            address: None,
            running: status.success(),
            note: (!status.success()).then(|| format!("version {}{why}", ended(status))),
            version,
            image: None,
            node: None,
            id: None,
            since: None,
            restarts: 0,
        })
    }

    /// Runs a command that changes something: each line is told, and kept for the journal. `started` is called when it runs.
    async fn act(&self, call: &Call, tell: Tell<'_>, started: impl FnOnce()) -> Result<(), RuntimeError> {
        tell(Step::Working(format!("{}: {}", call.key, call.shown())));
        lock(&self.said).keep(&format!("{}: {}", call.key, call.shown()));
        let mut own = Said::default();
        let ending = self.carry_out(call, started, |_, line| {
            if let Some(line) = own.keep(line) {
                lock(&self.said).keep(&line);
                tell(Step::Done(line));
            }
        });
        let done = match ending.await {
            Ok(ending) => well(call, ending, &own),
            Err(error) => Err(error),
        };
        if let Err(error) = &done {
            let first = error.to_string();
            lock(&self.said).keep(first.lines().next().unwrap_or_default());
        }
        done
    }

    async fn carry_out(&self, call: &Call, started: impl FnOnce(), each: impl FnMut(Outlet, &str)) -> Result<Ending, RuntimeError> {
        let mut slot = self.running.lock().await;
        run(&mut slot, call, started, each).await.map_err(|error| cannot_start(call, &error))
    }

    /// Ends what was left by an interruption, so that two commands never work against each other.
    async fn end_left_over(&self, tell: Tell<'_>) {
        let mut slot = self.running.lock().await;
        if let Some(mut left) = slot.take() {
            tell(Step::Working("ending the command that was interrupted".to_owned()));
            left.end(&mut |_, line: &str| drop(lock(&self.said).keep(line))).await;
            lock(&self.said).keep("interrupted: it was ended with all that it had started");
        }
    }
}

fn well(call: &Call, ending: Ending, said: &Said) -> Result<(), RuntimeError> {
    match ending {
        Ending::Ended(status) if status.success() => Ok(()),
        Ending::Ended(status) => Err(failed(call, status, &said.last(LAST_LINES))),
        Ending::Late => Err(late(call, &said.last(LAST_LINES))),
    }
}

fn why_not(previous: Option<&str>, release: &Release) -> String {
    match (previous, &release.image) {
        (None, _) => "the version before is not known ([runtime] version is not set, or knew none)".to_owned(),
        (Some(_), Some(image)) => format!("what ran before the image {image} is known by its version alone"),
        (Some(previous), None) => format!("version {previous} ran before, too"),
    }
}

fn lock<T>(mutex: &Plain<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
