//! Our own images, from `deploy/Dockerfile` as users build it but for the profile: one that compiles fast.

use super::shared::Client;

/// Every target, in the order of the file. Its image is `allswell-TARGET`; that of `allswell` is `allswell`.
pub(super) const TARGETS: [&str; 5] = ["heartbeat", "prober", "watcher", "proxy", "allswell"];

/// Builds all of them; what has not changed is taken from the engine's cache.
pub(super) fn make(docker: &Client) -> Result<(), String> {
    // The last one builds every stage that the others need: they come from the cache.
    TARGETS.iter().rev().try_for_each(|target| build(docker, target))
}

/// The image of a target.
pub(super) fn name_of(target: &str) -> String {
    if target == "allswell" { target.to_owned() } else { format!("allswell-{target}") }
}

fn build(docker: &Client, target: &str) -> Result<(), String> {
    let arguments = [
        &["build", "--quiet", "--file", concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Dockerfile"), "--target", target][..],
        &["--tag", &name_of(target), "--build-arg", "PROFILE=dev", "--build-arg", "HEARTBEAT_PROFILE=dev"],
        // One compilation instead of two: the profiles are the same.
        &["--build-arg", "BUILD_ON=build-heartbeat", env!("CARGO_MANIFEST_DIR")],
    ];
    docker.run(&arguments.concat()).map(drop)
}
