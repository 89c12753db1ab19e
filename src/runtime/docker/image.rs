//! An image: whether it is here, its pull, and the digest that stands for exactly this one.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::credentials::{for_image, registry};
use super::engine::{Engine, is_gone};
use super::settings::Pull;
use crate::runtime::error::RuntimeError;
use crate::runtime::release::{Step, Tell};

/// Makes sure that an image is here, and says what a container is made of: `NAME@sha256:...` where a registry has given it a digest, else as it
/// was named.
///
/// # Errors
/// Where it is not here and cannot be had.
pub(super) async fn ready(engine: &Engine, named: &str, pull: Pull, tell: Tell<'_>) -> Result<String, RuntimeError> {
    let here = here(engine, named).await?;
    match (here, pull) {
        (Some(inspect), Pull::Missing | Pull::Never) => {
            let image = reference(named, &inspect);
            tell(Step::Done(format!("image       {} is here", image)));
            return Ok(image);
        }
        (Some(inspect), Pull::Always) if is_fixed(named) => return Ok(reference(named, &inspect)),
        (None, Pull::Never) => {
            return Err(RuntimeError::Refused(format!(
                "the image {named} is not here, and runtime.pull is \"never\": build it or load it on this engine"
            )));
        }
        (None, Pull::Missing | Pull::Always) | (Some(_), Pull::Always) => {}
    }
    pull_it(engine, named, tell).await?;
    let inspect = self::here(engine, named).await?;
    let inspect = inspect.ok_or_else(|| RuntimeError::Refused(format!("{named} was pulled, and the engine does not have it")))?;
    let image = reference(named, &inspect);
    tell(Step::Done(format!("pulled      {}", image)));
    Ok(image)
}

/// What is in an image that may not be here.
pub(super) async fn here(engine: &Engine, named: &str) -> Result<Option<ImageInspect>, RuntimeError> {
    match engine.docker.inspect_image(named).await {
        Ok(inspect) => Ok(Some(inspect)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(engine.trouble(&error)),
    }
}

fn reference(named: &str, inspect: &ImageInspect) -> String {
    let mut digests = inspect.repo_digests.iter().flatten();
    let digest = digests.find(|digest| repository(digest) == repository(named)).cloned();
    digest.filter(|_| !is_fixed(named)).unwrap_or_else(|| named.to_owned())
}

/// Whether a name can only ever mean one image.
fn is_fixed(named: &str) -> bool {
    named.contains('@') || named.starts_with("sha256:")
}

/// A name without its tag and digest, as the engine keeps it.
fn repository(named: &str) -> &str {
    let name = named.split('@').next().unwrap_or(named);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        Some(_) | None => name,
    };
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

async fn pull_it(engine: &Engine, named: &str, tell: Tell<'_>) -> Result<(), RuntimeError> {
    let credentials = for_image(named).await?;
    let known = credentials.is_some();
    tell(Step::Working(format!("pull {named}")));
    let tagged = if is_fixed(named) || repository_has_tag(named) { named.to_owned() } else { format!("{named}:latest") };
    let options = CreateImageOptionsBuilder::default().from_image(&tagged).build();
    let mut layers = Layers::default();
    let mut pulling = std::pin::pin!(engine.docker.create_image(Some(options), None, credentials));
    while let Some(heard) = pulling.next().await {
        layers.hear(&heard.map_err(|error| refused(engine, named, known, &error))?);
        let (done, total) = layers.sum();
        if total > 0 {
            tell(Step::Pulling { image: named.to_owned(), done, total });
        }
    }
    Ok(())
}

fn repository_has_tag(named: &str) -> bool {
    named.rsplit_once(':').is_some_and(|(_, tag)| !tag.contains('/'))
}

/// Why it could not be pulled, and what to do.
fn refused(engine: &Engine, named: &str, known: bool, error: &Error) -> RuntimeError {
    let said = match error {
        Error::DockerResponseServerError { message, .. } | Error::DockerStreamError { error: message } => message.trim().to_owned(),
        other => return engine.trouble(other),
    };
    RuntimeError::Refused(why(named, known, &said))
}

fn why(named: &str, known: bool, said: &str) -> String {
    let registry = registry(named);
    let says = |words: &[&str]| words.iter().any(|word| said.to_ascii_lowercase().contains(word));
    let login = if registry == "docker.io" { "docker login".to_owned() } else { format!("docker login {registry}") };
    let advice = if says(&["manifest unknown", "not found: manifest", "name unknown", "repository name not known"]) {
        format!("{registry} has no such image: is its name right, and was it pushed?")
    } else if says(&["unauthorized", "no basic auth", "authentication required", "denied", "forbidden", "incorrect username"]) {
        if known {
            format!("{registry} refuses the credentials of Docker's config.json, or has no such image: {login}")
        } else {
            format!("{registry} wants credentials, and Docker's config.json has none for it (or there is no such image): {login}")
        }
    } else if says(&[
        "no such host",
        "connection refused",
        "timeout",
        "deadline",
        "i/o",
        "unreachable",
        "network",
        "server misbehaving",
        "dial tcp",
    ]) {
        format!("{registry} does not answer the engine: is it up, and does the engine reach it?")
    } else {
        "the registry or the engine refused".to_owned()
    };
    format!("the image {named} cannot be pulled: {advice} (it said: {said})")
}

/// How far the layers of one pull have come.
#[derive(Debug, Default)]
struct Layers {
    by_id: HashMap<String, (u64, u64)>,
}

impl Layers {
    fn hear(&mut self, heard: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&heard.id, &heard.status) else { return };
        let progress = heard.progress_detail.as_ref();
        let amount = |of: Option<i64>| of.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        let total = progress.and_then(|progress| amount(progress.total));
        let current = progress.and_then(|progress| amount(progress.current));
        match (status.as_str(), total) {
            ("Downloading", Some(total)) => {
                self.by_id.insert(id.clone(), (current.unwrap_or(0).min(total), total));
            }
            ("Download complete" | "Extracting" | "Pull complete" | "Verifying Checksum", _) => {
                if let Some(layer) = self.by_id.get_mut(id) {
                    layer.0 = layer.1;
                }
            }
            _ => {}
        }
    }

    fn sum(&self) -> (u64, u64) {
        self.by_id.values().fold((0, 0), |(done, total), layer| (done + layer.0, total + layer.1))
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn heard(id: &str, status: &str, current: i64, total: i64) -> CreateImageInfo {
        let progress_detail = Some(ProgressDetail { current: Some(current), total: Some(total) });
        CreateImageInfo { id: Some(id.into()), status: Some(status.into()), progress_detail, ..Default::default() }
    }

    #[test]
    fn a_pulls_progress_is_the_sum_of_its_layers() {
        let mut layers = Layers::default();
        for event in [heard("a", "Downloading", 10, 100), heard("b", "Downloading", 5, 50), heard("c", "Waiting", 0, 0)] {
            layers.hear(&event);
        }
        assert_eq!(layers.sum(), (15, 150));
        layers.hear(&heard("a", "Download complete", 0, 0));
        layers.hear(&heard("a", "Extracting", 3, 100));
        assert_eq!(layers.sum(), (105, 150));
    }

    #[test]
    fn an_image_is_known_by_the_digest_of_the_repository_that_was_named() {
        let digests = ["r.example.org:5000/shop@sha256:1".to_owned(), "shop@sha256:2".to_owned()].to_vec();
        let of = |named: &str| reference(named, &ImageInspect { repo_digests: Some(digests.clone()), ..Default::default() });
        assert_eq!(of("r.example.org:5000/shop:1"), "r.example.org:5000/shop@sha256:1");
        assert_eq!(of("r.example.org:5000/shop"), "r.example.org:5000/shop@sha256:1");
        assert_eq!(of("docker.io/library/shop:1"), "shop@sha256:2");
        assert_eq!(of("other:1"), "other:1");
        assert_eq!(of("shop@sha256:9"), "shop@sha256:9");
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let hub = "pull access denied for shop, repository does not exist or may require 'docker login': denied";
        for (known, said, words) in [
            (false, hub, "docker.io wants credentials"),
            (true, "unauthorized: authentication required", "refuses the credentials"),
            (false, "manifest for shop:9 not found: manifest unknown", "has no such image"),
            (
                false,
                "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
                "does not answer the engine",
            ),
            (false, "toomanyrequests: slow down", "(it said: toomanyrequests: slow down)"),
        ] {
            let told = why("shop:9", known, said);
            assert!(told.contains(words), "{told}");
        }
        assert!(why("r.example.org/shop", false, "no basic auth credentials").contains("docker login r.example.org"));
    }
}
