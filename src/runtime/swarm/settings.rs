//! `[runtime]` with `kind = "swarm"`.

use std::time::Duration;

use crate::domain::colour::Colour;
use crate::settings::Section;

/// What only this runtime needs. What is not given here stays as the service has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwarmSettings {
    /// What a colour's service is called; `{app}` and `{colour}` are replaced. Default: `{app}-{colour}`.
    pub service: String,
    /// The image; `{version}` is replaced. Default: none, `deploy --image` names it.
    pub image: Option<String>,
    /// The overlay networks on which proxy and prober find the tasks. Needed for a service that is not there yet.
    pub networks: Vec<String>,
    /// `[runtime.env]`: the app's environment, for everybody to see who may look at the service; what is secret is a secret of the Swarm.
    pub env: Vec<(String, String)>,
    /// Secrets of the Swarm, by name: found in `/run/secrets/NAME`.
    pub secrets: Vec<String>,
    /// `VOLUME:PATH[:ro]` or `/NODE/PATH:PATH[:ro]`: both are the node's own.
    pub volumes: Vec<String>,
    /// Where tasks may run, as `docker service create --constraint` has it.
    pub constraints: Vec<String>,
    /// How many tasks are replaced at once. Default: 1.
    pub parallelism: u32,
    /// How long tasks may take until they run, the pull of the image and their health check included. Default: 2 min.
    pub start_within: Duration,
}

impl SwarmSettings {
    pub(in crate::runtime) fn read(section: &mut Section<'_>) -> Self {
        let settings = Self {
            service: section.text_or("service", "{app}-{colour}"),
            image: section.text("image"),
            networks: section.texts("networks"),
            env: section.named_texts("env").unwrap_or_default(),
            secrets: section.texts("secrets"),
            volumes: section.texts("volumes"),
            constraints: section.texts("constraints"),
            parallelism: section.count_or("parallelism", 1),
            start_within: section.duration_or("start_within", Duration::from_secs(120)),
        };
        settings.check(section);
        settings
    }

    fn check(&self, section: &Section<'_>) {
        if !self.service.contains("{colour}") {
            section.error("service", "must have {colour} in it: each colour is a service of its own");
        }
        for wrong in self.volumes.iter().filter(|entry| mount(entry).is_none()) {
            section.error("volumes", format!("\"{wrong}\" is not VOLUME:/PATH or VOLUME:/PATH:ro"));
        }
    }

    /// The name of a colour's service.
    pub(super) fn service(&self, app: &str, colour: Colour) -> String {
        self.service.replace("{app}", app).replace("{colour}", colour.as_str())
    }
}

/// Source, target, and whether it can only be read.
pub(super) fn mount(entry: &str) -> Option<(&str, &str, bool)> {
    let (rest, read_only) = entry.strip_suffix(":ro").map_or((entry, false), |rest| (rest, true));
    let (source, target) = rest.split_once(':')?;
    (!source.is_empty() && target.starts_with('/') && !target.contains(':')).then_some((source, target, read_only))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (SwarmSettings, Vec<String>) {
        let document = Document::parse(text);
        let mut root = document.root();
        let settings = SwarmSettings::read(&mut root);
        root.finish();
        (settings, document.finish().0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn each_colour_has_a_service_of_its_own() {
        let (settings, errors) = read("");
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(settings.service("shop", Colour::Green), "shop-green");
        let (_, errors) = read("service = \"shop\"\nvolumes = [\"data:/data:ro\", \"data\"]\n");
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert_eq!(mount("/srv/x:/data:ro"), Some(("/srv/x", "/data", true)));
        assert_eq!(mount("data:/data"), Some(("data", "/data", false)));
    }
}
