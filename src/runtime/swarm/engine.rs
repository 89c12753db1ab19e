//! The Docker engine that the operator's environment names, and its errors in the user's words.

use bollard::Docker;
use bollard::errors::Error;

use crate::runtime::error::RuntimeError;

/// Connects as `docker` itself does: `DOCKER_HOST`, else the usual socket. Nothing is sent yet.
pub(super) fn connect() -> Result<Docker, RuntimeError> {
    Docker::connect_with_defaults().map_err(|error| silent(&error))
}

/// What an error of the engine means, said after what was being done.
pub(super) fn explain(doing: &str, error: &Error) -> RuntimeError {
    match error {
        Error::DockerResponseServerError { message, .. } => RuntimeError::Refused(format!("{doing}: the engine says: {}", message.trim())),
        other => silent(other),
    }
}

/// The status with which the engine refused, if it answered at all.
pub(super) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// What the engine said, where it answered.
pub(super) fn said(error: &Error) -> &str {
    match error {
        Error::DockerResponseServerError { message, .. } => message,
        _ => "",
    }
}

fn silent(error: &Error) -> RuntimeError {
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "/var/run/docker.sock".to_owned());
    RuntimeError::Silent(format!(
        "the Docker engine does not answer at {host}: {error}. Does it run, and may you use it (group docker, or DOCKER_HOST)?"
    ))
}
