//! What a colour's service is to be: pure functions of what it was, the config and the release.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    EndpointSpec, EndpointSpecModeEnum, HealthConfig, Mount, MountType, NetworkAttachmentConfig, ServiceSpec, ServiceSpecMode,
    ServiceSpecModeReplicated, ServiceSpecUpdateConfig, ServiceSpecUpdateConfigFailureActionEnum, ServiceSpecUpdateConfigOrderEnum,
    TaskSpec, TaskSpecContainerSpec, TaskSpecContainerSpecFile, TaskSpecContainerSpecSecrets,
};

use super::settings::{SwarmSettings, mount};
use crate::runtime::release::Release;

/// Labels of a service and of its containers.
pub(super) const APP: &str = "allswell.app";
pub(super) const COLOUR: &str = "allswell.colour";
pub(super) const VERSION: &str = "allswell.version";
pub(super) const DEPLOY: &str = "allswell.deploy";
/// The label of a service in which its spec before the last deploy stands, so that anybody can put it back; [`NOTHING`]: there was no service.
pub(super) const BEFORE: &str = "allswell.before";
const NOTHING: &str = "nothing";

/// What goes into a service beside what it had.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    pub(super) app: &'a str,
    pub(super) settings: &'a SwarmSettings,
    pub(super) release: &'a Release,
    /// Of a service that was never deployed.
    pub(super) version: Option<&'a str>,
    /// Pinned.
    pub(super) image: String,
    /// By id; empty: as it is.
    pub(super) networks: Vec<NetworkAttachmentConfig>,
    /// Name and id of each secret.
    pub(super) secrets: Vec<(String, String)>,
    /// How many tasks a service gets that had none.
    pub(super) replicas: u32,
    pub(super) stop_grace: Duration,
}

/// What a service was before a deploy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Before {
    /// It was not there.
    Nothing,
    /// This.
    Spec(Box<ServiceSpec>),
}

/// The deploy that made something with these labels.
pub(super) fn deploy_of(labels: &HashMap<String, String>) -> Option<i64> {
    labels.get(DEPLOY)?.parse().ok()
}

/// The deploy that a service was last changed by.
pub(super) fn last_deploy(spec: &ServiceSpec) -> Option<i64> {
    deploy_of(spec.labels.as_ref()?)
}

/// What a service was before its last deploy, where it knows.
pub(super) fn before(spec: &ServiceSpec) -> Option<Before> {
    let text = spec.labels.as_ref()?.get(BEFORE)?;
    if text == NOTHING { Some(Before::Nothing) } else { serde_json::from_str(text).ok().map(|spec| Before::Spec(Box::new(spec))) }
}

/// The image of a service.
pub(super) fn image_of(spec: &ServiceSpec) -> Option<&str> {
    spec.task_template.as_ref()?.container_spec.as_ref()?.image.as_deref()
}

/// How many tasks a service of this spec has.
pub(super) fn replicas(spec: &ServiceSpec) -> u64 {
    let replicated = spec.mode.as_ref().and_then(|mode| mode.replicated.as_ref());
    replicated.and_then(|replicated| replicated.replicas).and_then(|count| u64::try_from(count).ok()).unwrap_or(1)
}

/// The spec of a service with so many tasks in place of those that it has.
pub(super) fn scaled(spec: &ServiceSpec, replicas: u64) -> ServiceSpec {
    let replicated = ServiceSpecModeReplicated { replicas: i64::try_from(replicas).ok() };
    ServiceSpec { mode: Some(ServiceSpecMode { replicated: Some(replicated), ..ServiceSpecMode::default() }), ..spec.clone() }
}

/// A service as a release wants it: what it was, with what the config and the release say.
pub(super) fn next(was: Option<&ServiceSpec>, name: &str, wanted: &Wanted<'_>) -> ServiceSpec {
    let mut spec = was.cloned().unwrap_or_default();
    let had = || spec.labels.as_ref()?.get(VERSION).cloned();
    let version = wanted.release.version.clone().or_else(had).or_else(|| wanted.version.map(str::to_owned));
    spec.name = Some(name.to_owned());
    let labels = spec.labels.get_or_insert_default();
    labels.insert(BEFORE.to_owned(), kept(was));
    label(labels, wanted, version.as_deref());
    let task = spec.task_template.get_or_insert_default();
    fill_task(task, wanted, version.as_deref());
    let health = task.container_spec.as_ref().and_then(|container| container.health_check.as_ref());
    spec.update_config = Some(update_config(wanted.settings, health));
    spec.endpoint_spec = Some(EndpointSpec { mode: Some(EndpointSpecModeEnum::DNSRR), ports: None });
    let has_tasks = was.is_some_and(|was| replicas(was) > 0);
    if has_tasks { spec } else { scaled(&spec, u64::from(wanted.replicas)) }
}

/// What a service was, as its own label keeps it: without what it was before that.
fn kept(was: Option<&ServiceSpec>) -> String {
    let Some(was) = was else { return NOTHING.to_owned() };
    let mut was = was.clone();
    if let Some(labels) = &mut was.labels {
        labels.remove(BEFORE);
    }
    serde_json::to_string(&was).unwrap_or_default()
}

fn label(labels: &mut HashMap<String, String>, wanted: &Wanted<'_>, version: Option<&str>) {
    labels.insert(APP.to_owned(), wanted.app.to_owned());
    labels.insert(COLOUR.to_owned(), wanted.release.colour.to_string());
    labels.insert(DEPLOY.to_owned(), wanted.release.deploy.to_string());
    if let Some(version) = version {
        labels.insert(VERSION.to_owned(), version.to_owned());
    }
}

fn fill_task(task: &mut TaskSpec, wanted: &Wanted<'_>, version: Option<&str>) {
    let settings = wanted.settings;
    if !settings.constraints.is_empty() {
        task.placement.get_or_insert_default().constraints = Some(settings.constraints.clone());
    }
    if !wanted.networks.is_empty() {
        task.networks = Some(wanted.networks.clone());
    }
    let container = task.container_spec.get_or_insert_default();
    label(container.labels.get_or_insert_default(), wanted, version);
    fill_container(container, wanted, version);
}

fn fill_container(container: &mut TaskSpecContainerSpec, wanted: &Wanted<'_>, version: Option<&str>) {
    let settings = wanted.settings;
    container.image = Some(wanted.image.clone());
    container.stop_grace_period = Some(nanos(wanted.stop_grace));
    container.env = Some(environment(container.env.as_deref().unwrap_or_default(), wanted, version));
    if !settings.volumes.is_empty() {
        container.mounts = Some(settings.volumes.iter().filter_map(|entry| mount(entry)).map(as_mount).collect());
    }
    if !wanted.secrets.is_empty() {
        container.secrets = Some(wanted.secrets.iter().map(|(name, id)| as_secret(name, id)).collect());
    }
}

/// What a service had, with what the config says, with what a task must know of itself.
fn environment(had: &[String], wanted: &Wanted<'_>, version: Option<&str>) -> Vec<String> {
    let colour = wanted.release.colour;
    let mut own = vec![
        format!("ALLSWELL_COLOUR={colour}"),
        format!("ALLSWELL_APP={}", wanted.app),
        format!("ALLSWELL_CHECK=heartbeat-{colour}"),
        // The container's name, and another one for each task: old and new stand beside each other for a moment.
        "ALLSWELL_INSTANCE={{.Task.Name}}".to_owned(),
        "ALLSWELL_NODE={{.Node.Hostname}}".to_owned(),
    ];
    own.extend(version.map(|version| format!("ALLSWELL_VERSION={version}")));
    let key = |entry: &str| entry.split('=').next().unwrap_or_default().to_owned();
    let mut entries: Vec<String> = Vec::new();
    let given = wanted.settings.env.iter().map(|(name, value)| format!("{name}={value}"));
    for entry in had.iter().cloned().chain(given).chain(own) {
        entries.retain(|other| key(other) != key(&entry));
        entries.push(entry);
    }
    entries
}

fn as_mount((source, target, read_only): (&str, &str, bool)) -> Mount {
    let typ = if source.starts_with('/') { MountType::BIND } else { MountType::VOLUME };
    Mount {
        source: Some(source.to_owned()),
        target: Some(target.to_owned()),
        typ: Some(typ),
        read_only: Some(read_only),
        ..Mount::default()
    }
}

/// As `docker service create --secret NAME` has it.
fn as_secret(name: &str, id: &str) -> TaskSpecContainerSpecSecrets {
    let (uid, gid) = (Some("0".to_owned()), Some("0".to_owned()));
    let file = TaskSpecContainerSpecFile { name: Some(name.to_owned()), uid, gid, mode: Some(0o444) };
    TaskSpecContainerSpecSecrets { file: Some(file), secret_id: Some(id.to_owned()), secret_name: Some(name.to_owned()) }
}

/// The new beside the old; what fails stops the update and is left for us to put back.
fn update_config(settings: &SwarmSettings, health: Option<&HealthConfig>) -> ServiceSpecUpdateConfig {
    ServiceSpecUpdateConfig {
        parallelism: Some(i64::from(settings.parallelism)),
        delay: Some(0),
        failure_action: Some(ServiceSpecUpdateConfigFailureActionEnum::PAUSE),
        monitor: Some(nanos(monitor(health))),
        max_failure_ratio: Some(0.0),
        order: Some(ServiceSpecUpdateConfigOrderEnum::START_FIRST),
    }
}

/// Longer than a health check needs to say no: else the Swarm takes a sick task for a good one. What is not given is Docker's default, which
/// also stands for a check of the image's own, unseen from here.
fn monitor(health: Option<&HealthConfig>) -> Duration {
    let given = |value: Option<i64>, default: u64| match value.and_then(|nanos| u64::try_from(nanos).ok()) {
        None | Some(0) => Duration::from_secs(default),
        Some(nanos) => Duration::from_nanos(nanos),
    };
    let health = health.cloned().unwrap_or_default();
    let round = given(health.interval, 30) + given(health.timeout, 30);
    let retries = health.retries.and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0).unwrap_or(3);
    given(health.start_period, 0) + round * retries + Duration::from_secs(5)
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::colour::Colour;
    use crate::settings::Document;

    fn settings(text: &str) -> SwarmSettings {
        let document = Document::parse(text);
        let mut root = document.root();
        SwarmSettings::read(&mut root)
    }

    fn release(deploy: i64, version: Option<&str>) -> Release {
        Release { deploy, colour: Colour::Green, version: version.map(str::to_owned), image: None, serves: false }
    }

    fn spec(was: Option<&ServiceSpec>, settings: &SwarmSettings, release: &Release) -> ServiceSpec {
        let wanted = Wanted {
            app: "shop",
            settings,
            release,
            version: None,
            image: "shop:2@sha256:00".to_owned(),
            networks: Vec::new(),
            secrets: Vec::new(),
            replicas: 2,
            stop_grace: Duration::from_secs(30),
        };
        next(was, "shop-green", &wanted)
    }

    fn container(spec: &ServiceSpec) -> &TaskSpecContainerSpec {
        spec.task_template.as_ref().unwrap().container_spec.as_ref().unwrap()
    }

    #[test]
    fn a_service_knows_its_deploy_and_what_it_was_before_and_no_more() {
        let settings = settings("");
        let first = spec(None, &settings, &release(7, Some("1")));
        assert_eq!((last_deploy(&first), before(&first)), (Some(7), Some(Before::Nothing)));
        let second = spec(Some(&first), &settings, &release(8, Some("2")));
        let Some(Before::Spec(kept)) = before(&second) else { panic!("it knows") };
        assert_eq!((last_deploy(&kept), before(&kept)), (Some(7), None));
        assert_eq!(ServiceSpec { labels: None, ..*kept }, ServiceSpec { labels: None, ..first });
        assert_eq!(deploy_of(container(&second).labels.as_ref().unwrap()), Some(8));
    }

    #[test]
    fn each_task_is_told_who_it_is_and_keeps_what_the_service_had() {
        let had = spec(None, &settings("[env]\nPORT = \"3000\"\nMODE = \"old\"\n"), &release(7, Some("1")));
        let now = spec(Some(&had), &settings("[env]\nMODE = \"new\"\n"), &release(8, None));
        let env = container(&now).env.clone().unwrap();
        for entry in ["PORT=3000", "MODE=new", "ALLSWELL_COLOUR=green", "ALLSWELL_VERSION=1", "ALLSWELL_INSTANCE={{.Task.Name}}"] {
            assert_eq!(env.iter().filter(|one| *one == entry).count(), 1, "{entry}: {env:?}");
        }
        assert!(!env.contains(&"MODE=old".to_owned()), "{env:?}");
    }

    #[test]
    fn a_deploy_keeps_the_number_of_tasks_and_starts_a_stopped_colour() {
        let settings = settings("");
        let made = spec(None, &settings, &release(7, None));
        assert_eq!(replicas(&made), 2);
        let again = spec(Some(&scaled(&made, 5)), &settings, &release(8, None));
        assert_eq!(replicas(&again), 5);
        let started = spec(Some(&scaled(&made, 0)), &settings, &release(9, None));
        assert_eq!(replicas(&started), 2);
        let config = made.update_config.unwrap();
        assert_eq!(config.order, Some(ServiceSpecUpdateConfigOrderEnum::START_FIRST));
        assert_eq!(config.failure_action, Some(ServiceSpecUpdateConfigFailureActionEnum::PAUSE));
        assert_eq!(made.endpoint_spec.unwrap().mode, Some(EndpointSpecModeEnum::DNSRR));
    }

    #[test]
    fn the_swarm_watches_a_task_for_longer_than_its_health_check_needs() {
        let seconds = |count: i64| Some(count * 1_000_000_000);
        let health = HealthConfig {
            interval: seconds(10),
            timeout: seconds(2),
            retries: Some(4),
            start_period: seconds(20),
            ..HealthConfig::default()
        };
        assert_eq!(monitor(Some(&health)), Duration::from_secs(20 + 4 * 12 + 5));
        assert_eq!(monitor(None), Duration::from_secs(185), "Docker's own defaults, where nothing is known");
    }
}
