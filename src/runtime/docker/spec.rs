//! What a new container is made of: the config's keys, else what is carried over.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig, NetworkingConfig, RestartPolicy,
    RestartPolicyNameEnum,
};

use super::carried::Carried;
use super::settings::{CareKeys, DockerSettings, HealthKeys, LimitKeys, Restart, StorageKeys};

/// What is the same for every container of one colour.
#[derive(Debug)]
pub(super) struct Common<'a> {
    /// The config.
    pub(super) settings: &'a DockerSettings,
    /// What is carried over.
    pub(super) carried: &'a Carried,
    /// What it is made of.
    pub(super) image: String,
    /// The network on which the proxy finds it.
    pub(super) network: String,
    /// allswell's labels.
    pub(super) labels: Vec<(&'static str, String)>,
}

/// The container that the engine is asked for: with this environment, found by this name on its network, if any.
pub(super) fn body(common: &Common<'_>, environment: Vec<String>, alias: Option<&str>) -> ContainerCreateBody {
    let Common { settings, carried, .. } = common;
    let process = &settings.process;
    let old = carried.config.clone();
    let endpoint = EndpointSettings { aliases: alias.map(|alias| vec![alias.to_owned()]), ..Default::default() };
    ContainerCreateBody {
        image: Some(common.image.clone()),
        env: Some(environment),
        labels: Some(labels(settings, carried, &common.labels)),
        cmd: process.command.clone().or(old.cmd),
        entrypoint: process.entrypoint.clone().or(old.entrypoint),
        user: process.user.clone().or(old.user),
        working_dir: process.working_directory.clone().or(old.working_dir),
        stop_signal: process.stop_signal.clone().or(old.stop_signal),
        stop_timeout: old.stop_timeout,
        hostname: old.hostname,
        domainname: old.domainname,
        tty: old.tty,
        open_stdin: old.open_stdin,
        healthcheck: settings.care.health.as_ref().map(health).or(old.healthcheck),
        host_config: Some(host(settings, &carried.host, &common.network)),
        networking_config: Some(NetworkingConfig { endpoints_config: Some(HashMap::from([(common.network.clone(), endpoint)])) }),
        ..Default::default()
    }
}

/// The networks besides the proxy's, each with the names that it has there.
pub(super) fn other_networks(settings: &DockerSettings, carried: &Carried, network: &str) -> Vec<(String, Vec<String>)> {
    let named = |names: &Vec<String>| names.iter().map(|name| (name.clone(), Vec::new())).collect();
    let all: Vec<_> = settings.networks.as_ref().map_or_else(|| carried.networks.clone(), named);
    all.into_iter().filter(|(name, _)| name != network).collect()
}

fn labels(settings: &DockerSettings, carried: &Carried, own: &[(&'static str, String)]) -> HashMap<String, String> {
    let old = || carried.config.labels.clone().unwrap_or_default();
    let mut labels: HashMap<_, _> = settings.labels.as_ref().map_or_else(old, |given| given.iter().cloned().collect());
    labels.retain(|name, _| !name.starts_with("allswell."));
    labels.extend(own.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    labels
}

fn host(settings: &DockerSettings, old: &HostConfig, network: &str) -> HostConfig {
    let DockerSettings { limits, storage, care, .. } = settings;
    let mut host = HostConfig { network_mode: Some(network.to_owned()), ..old.clone() };
    limit(&mut host, limits);
    store(&mut host, storage);
    host.restart_policy =
        care.restart.map(policy).or(host.restart_policy.filter(has_name)).or_else(|| Some(policy(Restart::UnlessStopped)));
    host.log_config = log(care, host.log_config);
    host
}

fn limit(host: &mut HostConfig, limits: &LimitKeys) {
    let LimitKeys { memory, nano_cpus, pids, cap_add, cap_drop, security } = limits;
    if memory.is_some() {
        // What may be swapped besides is the engine's to say: an old number may be below the new one, which it refuses.
        (host.memory, host.memory_swap, host.memory_reservation) = (*memory, None, None);
    }
    if nano_cpus.is_some() {
        (host.nano_cpus, host.cpu_period, host.cpu_quota) = (*nano_cpus, None, None);
    }
    host.pids_limit = pids.or(host.pids_limit);
    host.cap_add = cap_add.clone().or(host.cap_add.take());
    host.cap_drop = cap_drop.clone().or(host.cap_drop.take());
    host.security_opt = security.clone().or(host.security_opt.take());
}

fn store(host: &mut HostConfig, storage: &StorageKeys) {
    if let Some(volumes) = &storage.volumes {
        (host.binds, host.mounts) = (Some(volumes.clone()), None);
    }
    if let Some(tmpfs) = &storage.tmpfs {
        let split =
            |text: &String| text.split_once(':').map_or((text.clone(), String::new()), |(path, options)| (path.into(), options.into()));
        host.tmpfs = Some(tmpfs.iter().map(split).collect());
    }
    host.readonly_rootfs = storage.read_only.or(host.readonly_rootfs);
}

/// The engine says an empty name where none was given.
fn has_name(policy: &RestartPolicy) -> bool {
    policy.name.is_some_and(|name| name != RestartPolicyNameEnum::EMPTY)
}

fn policy(restart: Restart) -> RestartPolicy {
    let name = match restart {
        Restart::No => RestartPolicyNameEnum::NO,
        Restart::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        Restart::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
        Restart::Always => RestartPolicyNameEnum::ALWAYS,
    };
    RestartPolicy { name: Some(name), maximum_retry_count: None }
}

/// The options belong to their driver: another driver begins without.
fn log(care: &CareKeys, old: Option<HostConfigLogConfig>) -> Option<HostConfigLogConfig> {
    let mut log = old.unwrap_or_default();
    if let Some(driver) = &care.log_driver
        && log.typ.as_ref() != Some(driver)
    {
        log = HostConfigLogConfig { typ: Some(driver.clone()), config: None };
    }
    if let Some(options) = &care.log_options {
        log.config = Some(options.iter().cloned().collect());
    }
    (log.typ.is_some() || log.config.is_some()).then_some(log)
}

fn health(keys: &HealthKeys) -> HealthConfig {
    let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).ok();
    let none = matches!(&keys.test[..], [word] if word.eq_ignore_ascii_case("none"));
    let test = if none { vec!["NONE".to_owned()] } else { [vec!["CMD".to_owned()], keys.test.clone()].concat() };
    HealthConfig {
        test: Some(test),
        interval: nanos(keys.interval),
        timeout: nanos(keys.timeout),
        retries: Some(i64::from(keys.retries)),
        start_period: nanos(keys.start_period),
        start_interval: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::docker::settings::ProcessKeys;

    fn made(settings: &DockerSettings, carried: &Carried) -> ContainerCreateBody {
        let labels = vec![("allswell.app", "shop".to_owned())];
        body(
            &Common { settings, carried, image: "shop@sha256:1".into(), network: "shop".into(), labels },
            vec!["A=1".into()],
            Some("shop-blue"),
        )
    }

    fn running() -> Carried {
        let config = serde_json::from_str(r#"{"Cmd":["/old"],"User":"7","Labels":{"team":"a","allswell.deploy":"3"}}"#).unwrap();
        let host = serde_json::from_str(
            r#"{"Memory":64,"MemorySwap":128,"Binds":["data:/data"],"CapDrop":["ALL"],"RestartPolicy":{"Name":"always","MaximumRetryCount":0},
            "LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"NetworkMode":"other","Sysctls":{"a":"1"}}"#,
        )
        .unwrap();
        Carried { config, host, networks: vec![("db".into(), vec!["shop".into()]), ("shop".into(), Vec::new())], had_ports: false }
    }

    #[test]
    fn what_the_config_does_not_say_is_carried_over() {
        let made = made(&DockerSettings::default(), &running());
        assert_eq!((made.cmd, made.user.as_deref()), (Some(vec!["/old".to_owned()]), Some("7")));
        assert_eq!(made.labels.unwrap(), [("team", "a"), ("allswell.app", "shop")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        let host = made.host_config.unwrap();
        assert_eq!((host.memory, host.memory_swap, host.network_mode.as_deref()), (Some(64), Some(128), Some("shop")));
        assert_eq!(host.restart_policy.unwrap().name, Some(RestartPolicyNameEnum::ALWAYS));
        assert_eq!(host.sysctls.unwrap()["a"], "1");
        assert_eq!(host.log_config.unwrap().config.unwrap()["max-size"], "1m");
    }

    #[test]
    fn what_the_config_says_rules() {
        let settings = DockerSettings {
            process: ProcessKeys { command: Some(vec!["/new".into()]), ..Default::default() },
            limits: LimitKeys { memory: Some(32), cap_drop: Some(Vec::new()), ..Default::default() },
            storage: StorageKeys {
                volumes: Some(Vec::new()),
                tmpfs: Some(vec!["/tmp:size=1m".into(), "/run".into()]),
                read_only: Some(true),
            },
            care: CareKeys { restart: Some(Restart::No), log_driver: Some("local".into()), ..Default::default() },
            labels: Some(Vec::new()),
            ..Default::default()
        };
        let made = made(&settings, &running());
        assert_eq!((made.cmd, made.labels.unwrap().len()), (Some(vec!["/new".to_owned()]), 1));
        let host = made.host_config.unwrap();
        assert_eq!((host.memory, host.memory_swap, host.binds, host.cap_drop), (Some(32), None, Some(vec![]), Some(vec![])));
        assert_eq!(host.tmpfs.unwrap(), HashMap::from([("/tmp".to_owned(), "size=1m".to_owned()), ("/run".to_owned(), String::new())]));
        assert_eq!((host.readonly_rootfs, host.log_config.unwrap().config), (Some(true), None));
        assert_eq!(host.restart_policy.unwrap().name, Some(RestartPolicyNameEnum::NO));
    }

    #[test]
    fn a_container_is_started_again_unless_somebody_says_otherwise() {
        let host = made(&DockerSettings::default(), &Carried::default()).host_config.unwrap();
        assert_eq!(host.restart_policy.unwrap().name, Some(RestartPolicyNameEnum::UNLESS_STOPPED));
        assert_eq!(host.log_config, None);
    }

    #[test]
    fn the_other_networks_keep_their_names_and_the_proxys_is_not_among_them() {
        let settings = DockerSettings::default();
        assert_eq!(other_networks(&settings, &running(), "shop"), [("db".to_owned(), vec!["shop".to_owned()])]);
        let settings = DockerSettings { networks: Some(vec!["cache".into(), "shop".into()]), ..settings };
        assert_eq!(other_networks(&settings, &running(), "shop"), [("cache".to_owned(), Vec::new())]);
    }

    #[test]
    fn a_health_check_is_a_command_or_none() {
        let keys = HealthKeys {
            test: vec!["/probe".into()],
            interval: std::time::Duration::from_secs(5),
            timeout: std::time::Duration::from_secs(2),
            retries: 3,
            start_period: std::time::Duration::ZERO,
        };
        assert_eq!(health(&keys).test.unwrap(), ["CMD", "/probe"]);
        assert_eq!(health(&keys).interval, Some(5_000_000_000));
        assert_eq!(health(&HealthKeys { test: vec!["none".into()], ..keys }).test.unwrap(), ["NONE"]);
    }
}
