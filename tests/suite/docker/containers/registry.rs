//! A real registry (Debian's docker-registry) that wants credentials, on the engine's own loopback, where plain HTTP is allowed.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::system::{LIMIT, System};
use crate::harness::{Demo, within};

/// In ordinary base64 it has a `+` and a `/`, which engines do not read.
const PASSWORD: &str = "pass~~~>>>???word";
const HTPASSWD: &str = "ann:$2y$05$JIZyO4ytFb1oZwqzwSsAYuJqE8HvM/EwoW.2DcIiHOcUoZtZFLyn6\n";

struct Registry {
    address: String,
}

impl Registry {
    /// Starts it with version 5 of the demo app in it, and nothing of it in the engine.
    async fn start(system: &System) -> Self {
        assert!(
            PathBuf::from("/usr/bin/docker-registry").exists(),
            "this story needs Debian's docker-registry: apt-get install docker-registry"
        );
        let stage = &system.stage;
        let rest = stage.here().split_once('.').map(|(_, rest)| rest.to_owned()).expect("an address");
        let address = format!("127.{rest}:5000");
        let folder = stage.host.path("registry");
        std::fs::create_dir(&folder).expect("a folder");
        std::fs::write(folder.join("htpasswd"), HTPASSWD).expect("it is written");
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /data\nhttp:\n  addr: {address}\nauth:\n  htpasswd:\n    realm: r\n    path: /c/htpasswd\n"
        );
        std::fs::write(folder.join("config.yml"), config).expect("it is written");
        let name = stage.name_of("registry");
        let volume = format!("{}:/c:ro", folder.display());
        let run = [
            "run",
            "--detach",
            "--name",
            &name,
            "--network",
            "host",
            "--volume",
            "/usr/bin/docker-registry:/registry:ro",
            "--volume",
            &volume,
        ];
        stage.docker(&[&run[..], &["debian:bookworm-slim", "/registry", "serve", "/c/config.yml"]].concat()).await;
        let registry = Self { address };
        registry.log_in(system, PASSWORD);
        let image = stage.demo(Demo::Bare("5")).await;
        let named = registry.image();
        stage.docker(&["tag", &image, &named]).await;
        within(LIMIT * 3, "the registry takes it", || async { registry.docker(system, &["push", &named]).await.then_some(()) }).await;
        registry.forget(system).await;
        registry
    }

    fn image(&self) -> String {
        format!("{}/shop:5", self.address)
    }

    /// What `docker login` writes.
    fn log_in(&self, system: &System, password: &str) {
        let folder = system.stage.host.path("docker");
        std::fs::create_dir_all(&folder).expect("a folder");
        let auth = STANDARD.encode(format!("ann:{password}"));
        let text = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", self.address);
        std::fs::write(folder.join("config.json"), text).expect("it is written");
    }

    /// Docker's own command line with the operator's config.
    async fn docker(&self, system: &System, arguments: &[&str]) -> bool {
        let mut command = tokio::process::Command::new("docker");
        command.args(arguments).env("DOCKER_HOST", system.stage.engine.host()).env("DOCKER_CONFIG", system.stage.host.path("docker"));
        command.output().await.expect("docker starts").status.success()
    }

    /// Removes the image from the engine, by every name that it has there.
    async fn forget(&self, system: &System) {
        let listed = system.stage.docker(&["images", "--digests", "--format", "{{.Repository}}@{{.Digest}}"]).await;
        for digest in listed.lines().filter(|line| line.starts_with(&self.address) && !line.ends_with("<none>")) {
            system.stage.docker(&["rmi", digest]).await;
        }
        let _ = system.stage.engine.try_docker(&["rmi", &self.image()]).await;
    }
}

#[tokio::test]
async fn an_image_is_pulled_with_dockers_own_credentials_and_pinned_to_its_digest() {
    let system = System::start("").await;
    let registry = Registry::start(&system).await;
    let deployed = system.allswell(&["deploy", "--image", &registry.image(), "--version", "5", "--switch", "--yes"]).await;
    assert_eq!(deployed.code, 0, "{deployed:?}");
    assert_eq!(system.whoami().await, "green 5");
    let image = system.inspect(&system.container("green", "1"), "{{.Config.Image}}").await;
    assert!(image.starts_with(&format!("{}/shop@sha256:", registry.address)), "{image}");
    assert!(deployed.out.contains(&format!("pulled      {image}")), "{deployed:?}");
    // The same image again, without being named: exactly that one.
    let again = system.allswell(&["deploy", "green", "--yes"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(system.inspect(&system.container("green", "1"), "{{.Config.Image}}").await, image);
}

#[tokio::test]
async fn a_registry_that_refuses_or_is_dead_is_told_apart_and_nothing_is_left_behind() {
    let system = System::start("").await;
    let registry = Registry::start(&system).await;
    // What runs came from no registry; from now on each image must.
    let config = system.stage.host.path("allswell.toml");
    let text = std::fs::read_to_string(&config).expect("the config").replace("kind = \"docker\"", "kind = \"docker\"\npull = \"always\"");
    std::fs::write(&config, text).expect("it is written");
    let before = system.containers().await;
    let refused = async |image: &str| {
        let ran = system.allswell(&["deploy", "green", "--image", image, "--yes"]).await;
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.err
    };
    let host = &registry.address;
    registry.log_in(&system, "wrong");
    let told = refused(&registry.image()).await;
    assert!(told.contains(&format!("{host} refuses the credentials of Docker's config.json")), "{told}");
    std::fs::remove_file(system.stage.host.path("docker/config.json")).expect("it is there");
    let told = refused(&registry.image()).await;
    assert!(told.contains(&format!("{host} wants credentials")) && told.contains(&format!("docker login {host}")), "{told}");
    registry.log_in(&system, PASSWORD);
    let told = refused(&format!("{host}/shop:none")).await;
    assert!(told.contains(&format!("{host} has no such image")), "{told}");
    system.stage.docker(&["rm", "--force", &system.stage.name_of("registry")]).await;
    let told = refused(&registry.image()).await;
    assert!(told.contains(&format!("{host} does not answer the engine")), "{told}");
    let left: Vec<_> = system.containers().await;
    assert_eq!(left, before);
}
