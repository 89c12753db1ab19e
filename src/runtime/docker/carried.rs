//! What a new container takes over from the one that runs, as far as it did not come from its image.

use std::collections::HashMap;

use bollard::models::{ContainerConfig, ContainerInspectResponse, EndpointSettings, HostConfig, ImageConfig};

/// A running container's own: not its image's, and not what can only be once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Carried {
    /// Environment, labels, command, user, health check, ...
    pub(super) config: ContainerConfig,
    /// Limits, mounts, rights, restart policy, log, ...
    pub(super) host: HostConfig,
    /// Its networks, each with the names that it was given there.
    pub(super) networks: Vec<(String, Vec<String>)>,
    /// Whether it published ports, which its successor does not.
    pub(super) had_ports: bool,
}

impl Carried {
    /// Of this container, made of an image with this config.
    pub(super) fn of(container: &ContainerInspectResponse, image: &ImageConfig) -> Self {
        let id = container.id.as_deref().unwrap_or_default();
        let host = container.host_config.clone().unwrap_or_default();
        let had_ports = host.publish_all_ports == Some(true) || host.port_bindings.as_ref().is_some_and(|ports| !ports.is_empty());
        let networks = container.network_settings.as_ref().and_then(|settings| settings.networks.clone()).unwrap_or_default();
        let mut networks: Vec<_> = networks.into_iter().map(|(name, endpoint)| (name, own_aliases(&endpoint, container))).collect();
        networks.sort();
        Self { config: own(container.config.clone().unwrap_or_default(), image, id), host: repeatable(host), networks, had_ports }
    }
}

fn own(config: ContainerConfig, image: &ImageConfig, id: &str) -> ContainerConfig {
    let not_short_id = |name: &String| !name.is_empty() && !id.starts_with(name.as_str());
    let labels: HashMap<_, _> = minus(config.labels.unwrap_or_default(), image.labels.as_ref());
    ContainerConfig {
        hostname: config.hostname.filter(not_short_id),
        domainname: config.domainname.filter(|name| !name.is_empty()),
        user: unless(config.user, image.user.as_ref()),
        tty: config.tty,
        open_stdin: config.open_stdin,
        env: config.env.map(|env| env.into_iter().filter(|pair| !image.env.iter().flatten().any(|of_image| of_image == pair)).collect()),
        cmd: unless(config.cmd, image.cmd.as_ref()),
        healthcheck: unless(config.healthcheck, image.healthcheck.as_ref()),
        working_dir: unless(config.working_dir, image.working_dir.as_ref()).filter(|path| !path.is_empty()),
        entrypoint: unless(config.entrypoint, image.entrypoint.as_ref()),
        labels: Some(labels),
        stop_signal: unless(config.stop_signal, image.stop_signal.as_ref()),
        stop_timeout: config.stop_timeout,
        ..Default::default()
    }
}

fn unless<T: PartialEq>(own: Option<T>, of_image: Option<&T>) -> Option<T> {
    own.filter(|own| Some(own) != of_image)
}

fn minus(own: HashMap<String, String>, of_image: Option<&HashMap<String, String>>) -> HashMap<String, String> {
    own.into_iter().filter(|(name, value)| of_image.and_then(|labels| labels.get(name)) != Some(value)).collect()
}

/// Without what two containers cannot have at the same time, and what would end it behind our back.
fn repeatable(host: HostConfig) -> HostConfig {
    HostConfig {
        port_bindings: None,
        publish_all_ports: None,
        auto_remove: None,
        links: None,
        container_id_file: None,
        network_mode: None,
        ..host
    }
}

/// The names that somebody gave it on a network; the engine adds its id and its name by itself.
fn own_aliases(endpoint: &EndpointSettings, container: &ContainerInspectResponse) -> Vec<String> {
    let id = container.id.as_deref().unwrap_or_default();
    let name = container.name.as_deref().unwrap_or_default().trim_start_matches('/');
    endpoint.aliases.iter().flatten().filter(|alias| *alias != name && !id.starts_with(alias.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(text: &str) -> ContainerInspectResponse {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_came_from_the_image_stays_with_the_image() {
        let running = container(
            r#"{"Id":"0123456789abcdef","Name":"/shop-blue-1","Config":{"Hostname":"0123456789ab","User":"7","Env":["PATH=/bin","PORT=3000"],
            "Cmd":["/shop"],"Entrypoint":["/wrap"],"WorkingDir":"/w","Labels":{"made-of":"x","team":"a"},"StopSignal":"INT"}}"#,
        );
        let image: ImageConfig = serde_json::from_str(
            r#"{"User":"7","Env":["PATH=/bin"],"Cmd":["/shop"],"Entrypoint":["/other"],"WorkingDir":"/w","Labels":{"made-of":"x"}}"#,
        )
        .unwrap();
        let Carried { config, .. } = Carried::of(&running, &image);
        assert_eq!((config.hostname, config.user, config.cmd, config.working_dir), (None, None, None, None));
        assert_eq!(config.env.unwrap(), ["PORT=3000"]);
        assert_eq!(config.entrypoint.unwrap(), ["/wrap"]);
        assert_eq!(config.labels.unwrap(), HashMap::from([("team".to_owned(), "a".to_owned())]));
        assert_eq!(config.stop_signal.as_deref(), Some("INT"));
    }

    #[test]
    fn what_can_only_be_once_is_not_carried_over() {
        let running = container(
            r#"{"Id":"0123456789abcdef","Name":"/shop-blue-1","HostConfig":{"Memory":64,"Binds":["data:/data"],"AutoRemove":true,
            "NetworkMode":"shop","PortBindings":{"3000/tcp":[{"HostPort":"80"}]}},"NetworkSettings":{"Networks":{
            "shop":{"Aliases":["0123456789ab","shop-blue"]},"data":{"Aliases":["shop-blue-1","api"]}}}}"#,
        );
        let carried = Carried::of(&running, &ImageConfig::default());
        assert_eq!((carried.host.memory, carried.host.binds), (Some(64), Some(vec!["data:/data".to_owned()])));
        assert_eq!((carried.host.port_bindings, carried.host.auto_remove, carried.host.network_mode), (None, None, None));
        assert_eq!(carried.networks, [("data".to_owned(), vec!["api".to_owned()]), ("shop".to_owned(), vec!["shop-blue".to_owned()])]);
        assert!(carried.had_ports);
    }
}
