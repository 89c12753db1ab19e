//! Who we are to a registry, from Docker's own config: `auths`, `credHelpers`, `credsStore`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use crate::domain::moment::humane;
use crate::program::Running;
use crate::runtime::error::RuntimeError;

/// Docker Hub's name among credentials.
const HUB: &str = "https://index.docker.io/v1/";
/// How long a helper may take, which may ask a person: a deploy keeps everybody else out meanwhile.
const HELPED: Duration = Duration::from_secs(60);

/// `config.json`, as far as it is about registries.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: HashMap<String, Auth>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(hidden)")
    }
}

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The registry that an image's name names; Docker Hub where it names none.
pub(in crate::runtime) fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        Some(_) | None => "docker.io",
    }
}

/// The credentials for an image, if there are any: Docker's own config is in `DOCKER_CONFIG`, else in `~/.docker`.
///
/// # Errors
/// Where the config or its helper cannot be used.
pub(in crate::runtime) async fn for_image(image: &str) -> Result<Option<DockerCredentials>, RuntimeError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")));
    let Some(path) = folder.map(|folder| folder.join("config.json")) else { return Ok(None) };
    let registry = registry(image);
    read(&path)?.of(registry).await
}

fn read(path: &Path) -> Result<DockerConfig, RuntimeError> {
    let refused = |why: String| RuntimeError::Refused(format!("{} cannot be used: {why}", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| refused(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(DockerConfig::default()),
        Err(error) => Err(refused(error.to_string())),
    }
}

impl DockerConfig {
    async fn of(&self, registry: &str) -> Result<Option<DockerCredentials>, RuntimeError> {
        let key = if registry == "docker.io" { HUB } else { registry };
        let helper = self.cred_helpers.get(registry).or(self.creds_store.as_ref());
        if let Some(helper) = helper.filter(|helper| !helper.is_empty())
            && let Some(found) = ask(&format!("docker-credential-{helper}"), key, HELPED).await?
        {
            return Ok(Some(found));
        }
        let found = self.auths.iter().find(|(name, _)| host(name) == host(key)).and_then(|(_, auth)| auth.credentials(key));
        Ok(found)
    }
}

/// `https://registry.example.org/v2/` and `registry.example.org` are the same.
fn host(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    name.split('/').next().unwrap_or(name)
}

impl Auth {
    fn credentials(&self, registry: &str) -> Option<DockerCredentials> {
        let decoded = self.auth.as_ref().and_then(|auth| STANDARD.decode(auth).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded
            .as_deref()
            .and_then(|pair| pair.split_once(':'))
            .map(|(name, word)| (name.to_owned(), word.trim_matches('\0').to_owned()));
        let pair = pair.or_else(|| Some((self.username.clone()?, self.password.clone()?)));
        let token = self.identitytoken.clone().filter(|token| !token.is_empty());
        if pair.is_none() && token.is_none() {
            return None;
        }
        let (username, password) = pair.unzip();
        Some(DockerCredentials { username, password, identitytoken: token, serveraddress: Some(registry.to_owned()), ..Default::default() })
    }
}

/// Asks a helper, as Docker's own command line does. At its limit it is ended, with all that it has started.
async fn ask(program: &str, registry: &str, limit: Duration) -> Result<Option<DockerCredentials>, RuntimeError> {
    let refused =
        |why: String| RuntimeError::Refused(format!("{program}, which Docker's config.json names for {registry}, cannot be used: {why}"));
    let mut command = Command::new(program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(&mut command).map_err(|error| refused(error.to_string()))?;
    let (mut said, mut errors) = (Vec::new(), Vec::new());
    let answered = timeout(limit, running.answer(registry.as_bytes(), &mut said, &mut errors)).await;
    let ended = answered.map_err(|_| refused(format!("it did not answer within {}", humane(limit))))?;
    let status = ended.map_err(|error| refused(error.to_string()))?;
    let said = String::from_utf8_lossy(&said);
    if !status.success() {
        let said = format!("{} {}", said.trim(), String::from_utf8_lossy(&errors).trim());
        return if said.contains("credentials not found") { Ok(None) } else { Err(refused(said.trim().to_owned())) };
    }
    let Helped { username, secret } = serde_json::from_str(&said).map_err(|_| refused("its answer was not understood".to_owned()))?;
    let server = Some(registry.to_owned());
    Ok(Some(if username == "<token>" {
        DockerCredentials { identitytoken: Some(secret), serveraddress: server, ..Default::default() }
    } else {
        DockerCredentials { username: Some(username), password: Some(secret), serveraddress: server, ..Default::default() }
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn config(text: &str) -> DockerConfig {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_registry_is_the_first_part_where_that_can_be_a_host() {
        for (image, wanted) in [
            ("shop", "docker.io"),
            ("ann/shop:1", "docker.io"),
            ("registry.example.org/shop:1", "registry.example.org"),
            ("localhost/shop", "localhost"),
            ("127.0.0.1:5000/a/b@sha256:0", "127.0.0.1:5000"),
        ] {
            assert_eq!(registry(image), wanted, "{image}");
        }
    }

    #[tokio::test]
    async fn a_registry_is_found_however_its_key_is_written() {
        let auth = STANDARD.encode("ann:pass:word");
        for key in ["registry.example.org", "https://registry.example.org", "https://registry.example.org/v2/"] {
            let found =
                config(&format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{auth}\"}}}}}}")).of("registry.example.org").await.unwrap().unwrap();
            assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("ann"), Some("pass:word")), "{key}");
        }
        let hub = config(&format!("{{\"auths\":{{\"{HUB}\":{{\"auth\":\"{auth}\"}}}}}}"));
        assert_eq!(hub.of("docker.io").await.unwrap().unwrap().username.as_deref(), Some("ann"));
        assert_eq!(hub.of("registry.example.org").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_helper_is_asked_first_and_one_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("docker-credential-test");
        let answers = |word: &str| {
            format!("#!/bin/sh\nread registry\necho \"{{\\\"Username\\\":\\\"{word}\\\",\\\"Secret\\\":\\\"of $registry\\\"}}\"\n")
        };
        let asked = async |script: &str| {
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            ask(program.to_str().unwrap(), "r.example.org", Duration::from_secs(20)).await
        };
        let found = asked(&answers("ann")).await.unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("ann"), Some("of r.example.org")));
        let found = asked(&answers("<token>")).await.unwrap().unwrap();
        assert_eq!((found.username, found.identitytoken.as_deref()), (None, Some("of r.example.org")));
        assert_eq!(asked("#!/bin/sh\necho credentials not found in native keychain\nexit 1\n").await.unwrap(), None);
        assert!(
            asked("#!/bin/sh\necho the keychain is locked >&2\nexit 1\n").await.unwrap_err().to_string().contains("the keychain is locked")
        );
        let missing = config("{\"credsStore\":\"surely-not-there\"}").of("r.example.org").await.unwrap_err().to_string();
        assert!(missing.starts_with("docker-credential-surely-not-there, which Docker's config.json names for r.example.org"), "{missing}");
    }

    #[tokio::test]
    async fn a_helper_that_does_not_answer_is_given_up_and_what_it_leaves_running_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let helper = |name: &str, script: &str| {
            let program = folder.path().join(name);
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            program.to_str().unwrap().to_owned()
        };
        let silent = ask(&helper("silent", "sleep 600"), "r.example.org", Duration::from_millis(300)).await.unwrap_err().to_string();
        assert!(
            silent.contains("which Docker's config.json names for r.example.org") && silent.contains("did not answer within"),
            "{silent}"
        );
        let leaving = "sleep 30 &\necho '{\"Username\":\"ann\",\"Secret\":\"word\"}'";
        let found = ask(&helper("leaving", leaving), "r.example.org", Duration::from_secs(10)).await.unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("ann"), Some("word")));
    }
}
