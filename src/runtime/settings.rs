//! `[runtime]`.

use std::time::Duration;

use super::command::settings::CommandSettings;
use super::docker::settings::DockerSettings;
use super::process::settings::ProcessSettings;
use super::swarm::settings::SwarmSettings;
use crate::net::reached::ReachedBy;
use crate::settings::{Secret, Section, address};

/// `[runtime]`: how a colour's instances are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// Which runtime, with what only it knows. Default: `process`.
    pub kind: RuntimeKind,
    /// The version of instances that were never deployed. Default: none.
    pub version: Option<String>,
    /// How long an instance may take to stop before it is killed. Default: 10 s.
    pub stop_grace: Duration,
    /// How long a deploy may take in all: until then the colour's checks are quiet. Default: 5 min.
    pub deploy_timeout: Duration,
}

/// What starts instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeKind {
    /// Processes on this machine, kept by `allswell up`.
    Process(ProcessSettings),
    /// Containers of one Docker engine.
    Docker(DockerSettings),
    /// Two services of a Docker Swarm.
    Swarm(SwarmSettings),
    /// Whatever the user's own commands start.
    Command(CommandSettings),
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Process,
    Docker,
    Swarm,
    Command,
}

impl RuntimeSettings {
    /// Reads `[runtime]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let words = [("process", Word::Process), ("docker", Word::Docker), ("swarm", Word::Swarm), ("command", Word::Command)];
        let kind = match section.one_of("kind", &words).unwrap_or(Word::Process) {
            Word::Process => RuntimeKind::Process(ProcessSettings::read(&mut section)),
            Word::Docker => RuntimeKind::Docker(DockerSettings::read(&mut section)),
            Word::Swarm => RuntimeKind::Swarm(SwarmSettings::read(&mut section)),
            Word::Command => RuntimeKind::Command(CommandSettings::read(&mut section)),
        };
        let version = match &kind {
            RuntimeKind::Process(_) | RuntimeKind::Docker(_) | RuntimeKind::Swarm(_) => section.text("version"),
            // There it is the command that says it.
            RuntimeKind::Command(_) => None,
        };
        let settings = Self {
            kind,
            version,
            stop_grace: section.duration_or("stop_grace", Duration::from_secs(10)),
            deploy_timeout: section.duration_or("deploy_timeout", Duration::from_secs(300)),
        };
        if let RuntimeKind::Command(commands) = &settings.kind
            && commands.longest() >= settings.deploy_timeout
        {
            section.error("deploy_timeout", "must be longer than replace_timeout and put_back_timeout together: a deploy may need both");
        }
        section.finish();
        settings
    }
}

impl RuntimeKind {
    /// Whether `allswell up` keeps the instances, and is expected to say that all's well.
    #[must_use]
    pub fn has_supervisor(&self) -> bool {
        match self {
            Self::Process(_) => true,
            Self::Docker(_) | Self::Swarm(_) | Self::Command(_) => false,
        }
    }

    /// Every secret that is named.
    pub fn secrets(&mut self) -> Vec<&mut Secret> {
        match self {
            Self::Docker(settings) => settings.secrets().collect(),
            Self::Process(_) | Self::Swarm(_) | Self::Command(_) => Vec::new(),
        }
    }

    /// The command of one process; empty where instances are no processes.
    #[must_use]
    pub fn process_command(&self) -> &[String] {
        match self {
            Self::Process(settings) => &settings.command,
            Self::Docker(_) | Self::Swarm(_) | Self::Command(_) => &[],
        }
    }

    /// As the config calls it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Docker(_) => "docker",
            Self::Swarm(_) => "swarm",
            Self::Command(_) => "command",
        }
    }
}

/// `[up]`: the supervisor of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpSettings {
    /// `/healthz` and `/metrics`. Default: none.
    pub health: Option<String>,
    /// The host by which others find that. Default: none, they know its address.
    pub reach: ReachedBy,
}

impl UpSettings {
    /// Reads `[up]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let health = address(&mut section, "health");
        let listeners: Vec<(&str, &str)> = health.iter().map(|listen| ("health", listen.as_str())).collect();
        let reach = ReachedBy::read(&mut section, &listeners);
        section.finish();
        Self { health, reach }
    }
}
