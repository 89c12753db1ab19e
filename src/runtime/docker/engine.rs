//! The engine, found as Docker's own command line finds it: `DOCKER_HOST`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`.

use std::error::Error as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::runtime::error::RuntimeError;

/// Where the engine listens unless something else is said.
const DEFAULT: &str = "unix:///var/run/docker.sock";
/// How long the engine may take to say that it is there.
const GREETING: Duration = Duration::from_secs(10);
/// How long it may take over anything else, besides the grace that a container is given.
const PATIENCE: Duration = Duration::from_secs(120);

/// An engine that answers.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Engine {
    /// Its calls.
    pub(in crate::runtime) docker: Docker,
    host: String,
}

/// Where it is, and whether it must prove who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    host: String,
    certificates: Option<PathBuf>,
}

impl Place {
    /// As the environment says it.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let host = given("DOCKER_HOST").unwrap_or_else(|| DEFAULT.to_owned());
        let wanted = given("DOCKER_TLS_VERIFY").is_some() || host.starts_with("https://");
        let folder = || given("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| Some(Path::new(&given("HOME")?).join(".docker")));
        let certificates = if wanted && !host.starts_with("unix://") { folder() } else { None };
        Self { host, certificates }
    }

    fn client(&self, limit: Duration) -> Result<Docker, RuntimeError> {
        let seconds = limit.as_secs();
        let Place { host, certificates } = self;
        if let Some(folder) = certificates {
            let [key, cert, ca] = ["key.pem", "cert.pem", "ca.pem"].map(|name| folder.join(name));
            for path in [&key, &cert, &ca] {
                std::fs::metadata(path).map_err(|error| {
                    RuntimeError::Refused(format!(
                        "{} cannot be read: {error}. DOCKER_TLS_VERIFY is set, so DOCKER_CERT_PATH must be a folder with ca.pem, cert.pem and key.pem",
                        path.display()
                    ))
                })?;
            }
            return Docker::connect_with_ssl(host, &key, &cert, &ca, seconds, API_DEFAULT_VERSION).map_err(|error| self.trouble(&error));
        }
        let client = match host.split_once("://").map(|(scheme, _)| scheme) {
            Some("unix") => Docker::connect_with_unix(host, seconds, API_DEFAULT_VERSION),
            Some("tcp" | "http") => Docker::connect_with_http(host, seconds, API_DEFAULT_VERSION),
            Some(_) | None => {
                return Err(RuntimeError::Refused(format!("DOCKER_HOST is {host}: it must begin with unix:// or tcp://")));
            }
        };
        client.map_err(|error| self.trouble(&error))
    }

    fn trouble(&self, error: &Error) -> RuntimeError {
        trouble(&self.host, error)
    }
}

impl Engine {
    /// The engine that the environment names, when it has answered. `grace` is how long it may take to stop a container.
    ///
    /// # Errors
    /// Where nobody answers, or not to us.
    pub(in crate::runtime) async fn connect(grace: Duration) -> Result<Self, RuntimeError> {
        let place = Place::of(|name| std::env::var(name).ok());
        let client = place.client(PATIENCE + grace)?.with_request_modifier(mend_credentials);
        let greeted = tokio::time::timeout(GREETING, client.negotiate_version()).await;
        let docker = greeted.map_err(|_| silent(&place.host, "no answer in time"))?.map_err(|error| place.trouble(&error))?;
        Ok(Self { docker, host: place.host })
    }

    /// What an error means, in the user's words.
    pub(in crate::runtime) fn trouble(&self, error: &Error) -> RuntimeError {
        trouble(&self.host, error)
    }
}

/// bollard writes credentials in the alphabet of ordinary base64, and engines read that of URLs: a password with `~` would get lost.
fn mend_credentials(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    if let Some(header) = request.headers_mut().get_mut("x-registry-auth")
        && let Ok(text) = header.to_str()
        && let Ok(mended) = text.replace('+', "-").replace('/', "_").parse()
    {
        *header = mended;
    }
    request
}

/// Whether the engine does not know what was named.
pub(in crate::runtime) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether what was asked for is so already, or is being done.
pub(in crate::runtime) fn is_so_already(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 304, .. })
        || matches!(error, Error::DockerResponseServerError { status_code: 409, message } if message.contains("already in progress"))
}

fn silent(host: &str, why: &str) -> RuntimeError {
    RuntimeError::Silent(format!(
        "the Docker engine does not answer on {host}: {why}. Is it running? DOCKER_HOST says where it is; `docker version` asks it as well"
    ))
}

fn trouble(host: &str, error: &Error) -> RuntimeError {
    match error {
        Error::DockerResponseServerError { status_code: 409, message } => {
            RuntimeError::Conflict(format!("the Docker engine refused: {message}"))
        }
        Error::DockerResponseServerError { message, .. } if message.contains("HTTPS server") => {
            RuntimeError::Silent(format!("the Docker engine on {host} speaks TLS: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH are needed"))
        }
        Error::DockerResponseServerError { message, .. } | Error::DockerStreamError { error: message } => {
            RuntimeError::Refused(format!("the Docker engine refused: {}", message.trim()))
        }
        Error::RequestTimeoutError => silent(host, "no answer in time"),
        Error::SocketNotFoundError(_) => silent(host, "there is no such socket"),
        error if cause(error) == Some(ErrorKind::PermissionDenied) => RuntimeError::Silent(format!(
            "the Docker engine on {host} is not open to you: permission denied. Be root or in the group that owns the socket (mostly `docker`), and know that this is as good as root"
        )),
        error => silent(host, &deepest(error)),
    }
}

fn chain(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| (*error).source())
}

fn cause(error: &Error) -> Option<ErrorKind> {
    chain(error).find_map(|error| error.downcast_ref::<std::io::Error>()).map(std::io::Error::kind)
}

/// The first words of an error are often only that there was one.
fn deepest(error: &Error) -> String {
    error.source().map_or_else(|| error.to_string(), |_| chain(error).last().map(ToString::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Place {
        Place::of(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_engine_is_where_dockers_own_command_line_finds_it() {
        assert_eq!(place(&[("HOME", "/home/ann")]), Place { host: DEFAULT.into(), certificates: None });
        assert_eq!(place(&[("DOCKER_HOST", "")]).host, DEFAULT);
        let tls = place(&[("DOCKER_HOST", "tcp://a:2376"), ("DOCKER_TLS_VERIFY", "1"), ("HOME", "/home/ann")]);
        assert_eq!(tls.certificates, Some("/home/ann/.docker".into()));
        let named = place(&[("DOCKER_HOST", "tcp://a:2376"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/certs")]);
        assert_eq!(named.certificates, Some("/certs".into()));
        let plain = place(&[("DOCKER_HOST", "tcp://a:2375"), ("DOCKER_TLS_VERIFY", ""), ("DOCKER_CERT_PATH", "/certs")]);
        assert_eq!(plain.certificates, None);
        assert_eq!(place(&[("DOCKER_TLS_VERIFY", "1"), ("HOME", "/home/ann")]).certificates, None);
    }

    #[test]
    fn a_place_that_cannot_be_is_told() {
        for (host, words) in [("ssh://host", "must begin with unix:// or tcp://"), ("nonsense", "must begin with")] {
            let told = place(&[("DOCKER_HOST", host)]).client(PATIENCE).unwrap_err().to_string();
            assert!(told.contains(words), "{told}");
        }
        let told = place(&[("DOCKER_HOST", "tcp://a:1"), ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/nowhere")]).client(PATIENCE);
        assert!(told.unwrap_err().to_string().starts_with("/nowhere/key.pem cannot be read"));
    }

    #[tokio::test]
    async fn a_socket_that_is_not_there_is_told_with_what_to_do() {
        let place = place(&[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
        let told = match place.client(PATIENCE) {
            Ok(client) => client.negotiate_version().await.map(drop).map_err(|error| place.trouble(&error)).unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(told, RuntimeError::Silent(_)), "{told:?}");
        let told = told.to_string();
        assert!(told.contains("/nowhere/docker.sock") && told.contains("Is it running?"), "{told}");
    }
}
