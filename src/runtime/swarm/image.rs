//! Which image, and by which digest.

use bollard::Docker;
use bollard::auth::DockerCredentials;

/// An image as a service is to name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pinned {
    /// `NAME:TAG@sha256:...`, or as it was given where no registry knows it.
    pub(super) name: String,
    /// Whether every node runs the same bytes.
    pub(super) by_digest: bool,
}

/// Asks the registry which digest the name stands for now. Where none knows it, every node has its own idea of it.
pub(super) async fn pinned(engine: &Docker, name: &str, credentials: Option<DockerCredentials>) -> Pinned {
    if name.contains('@') {
        return Pinned { name: name.to_owned(), by_digest: true };
    }
    let known = engine.inspect_registry_image(name, credentials).await.ok().and_then(|found| found.descriptor.digest);
    match known {
        Some(digest) => Pinned { name: format!("{name}@{digest}"), by_digest: true },
        None => Pinned { name: name.to_owned(), by_digest: false },
    }
}
