//! `DOCKER_HOST` over TLS: a dockerd with `--tlsverify` and an authority of the test's own. It has no network, and needs none.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::system::{LIMIT, System};
use crate::harness::within;

struct Dockerd(Child);

impl Dockerd {
    fn start(folder: &Path, certificates: &Path, address: &str) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        let certificate = |name: &str| certificates.join(name).display().to_string();
        let mut command = Command::new("dockerd");
        command.args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false", "--tlsverify"]);
        command.args([
            "--data-root",
            &at("data"),
            "--exec-root",
            &at("exec"),
            "--pidfile",
            &at("pid"),
            "--host",
            &format!("tcp://{address}"),
        ]);
        command.args([
            "--tlscacert",
            &certificate("ca.pem"),
            "--tlscert",
            &certificate("server.pem"),
            "--tlskey",
            &certificate("server-key.pem"),
        ]);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dockerd starts"))
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // Its containerd ends with it, in good order.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// An authority, and what it says of a server at this address and of a client.
fn certificates(folder: PathBuf, ip: &str) -> PathBuf {
    std::fs::create_dir(&folder).expect("a folder");
    let script = r#"set -e
        request() { openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$2" -out "$1.csr"; }
        sign() { openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile "$1.ext" -out "$2"; }
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca-key.pem -out ca.pem
        printf 'subjectAltName=IP:%s\nextendedKeyUsage=serverAuth\n' "$1" >server.ext
        printf 'extendedKeyUsage=clientAuth\n' >client.ext
        request server server-key.pem; sign server server.pem
        request client key.pem; sign client cert.pem"#;
    let made = Command::new("bash").args(["-c", script, "bash", ip]).current_dir(&folder).output().expect("openssl starts");
    assert!(made.status.success(), "{made:?}");
    folder
}

#[tokio::test]
async fn an_engine_is_spoken_to_over_tls_and_only_where_each_knows_the_other() {
    let system = System::empty("").await;
    let ip = system.stage.host.ip.clone();
    let address = format!("{ip}:2376");
    let ours = certificates(system.stage.host.path("ours"), &ip);
    let others = certificates(system.stage.host.path("others"), &ip);
    let _dockerd = Dockerd::start(&system.stage.host.path("dockerd"), &ours, &address);
    let run = async |verify: &str, certificates: &Path| {
        let mut command = system.command(&["deploy", "green", "--image", "nobody/has-made-this:1", "--yes"]);
        command.env("DOCKER_HOST", format!("tcp://{address}")).env("DOCKER_TLS_VERIFY", verify).env("DOCKER_CERT_PATH", certificates);
        let output = command.output().await.expect("it starts");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // Only an engine can say that it has no such image.
    let told = within(LIMIT, "dockerd answers", || async { Some(run("1", &ours).await).filter(|(code, _)| *code != 8) }).await;
    assert_eq!(told.0, 1, "{told:?}");
    assert!(told.1.contains("the image nobody/has-made-this:1 cannot be pulled"), "{told:?}");
    let told = run("1", &others).await;
    assert_eq!(told.0, 8, "{told:?}");
    assert!(told.1.contains("certificate"), "{told:?}");
    let told = run("", &ours).await;
    assert_eq!(told.0, 8, "{told:?}");
    assert!(told.1.contains("speaks TLS: DOCKER_TLS_VERIFY=1"), "{told:?}");
    let told = run("1", Path::new("/nowhere")).await;
    assert_eq!(told.0, 1, "{told:?}");
    assert!(told.1.contains("/nowhere/key.pem cannot be read"), "{told:?}");
}
