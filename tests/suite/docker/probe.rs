//! `allswell-heartbeat probe` in an empty root file system: no shell, no resolver's files, no certificates.

use std::time::Duration;

use crate::harness::{Demo, HealthUrl, Manner, Stage, Tls, within};

const LIMIT: Duration = Duration::from_secs(60);

/// The exit code and what it says.
async fn probe(stage: &Stage, options: &[&str], words: &[&str]) -> (i32, String) {
    let fixed = ["run", "--rm", "--network", &stage.name, "--read-only", "--cap-drop", "ALL"];
    let ran = stage.engine.try_docker(&[&fixed[..], options, &["allswell-heartbeat", "probe"], words].concat()).await;
    (ran.code, ran.out)
}

#[tokio::test]
async fn a_health_url_is_asked_by_a_dns_name_and_the_exit_code_says_how_it_is() {
    let stage = Stage::new().await;
    let ours = HealthUrl::start(&format!("{}:80", stage.here())).await;
    let by_address = format!("http://{}/healthz", stage.here());
    stage.run("blue", &[], &stage.demo(Demo::Bare("1")).await, &[]).await;
    within(LIMIT, "a good answer", || async {
        (probe(&stage, &[], &["http://blue:3000/healthz"]).await == (0, String::new())).then_some(())
    })
    .await;
    assert_eq!(probe(&stage, &[], &["http://blue:3000/nothing"]).await, (1, "answered 404\n".to_owned()));
    assert_eq!(probe(&stage, &[], &["http://blue:3001/healthz"]).await, (1, "connection refused\n".to_owned()));
    let (code, said) = probe(&stage, &[], &["http://red:3000/healthz"]).await;
    // The engine asks a resolver that is out of reach, and tells so at once or late.
    assert!(code == 1 && (said.starts_with("failed to lookup address") || said == "no answer in time\n"), "{code}: {said}");
    ours.set(Manner::Refuse(503));
    assert_eq!(probe(&stage, &[], &[&by_address]).await, (1, "answered 503\n".to_owned()));
    assert_eq!(probe(&stage, &[], &["blue:3000/healthz"]).await.0, 2);
    assert_eq!(probe(&stage, &[], &[]).await.0, 2);
}

#[tokio::test]
async fn https_is_verified_by_the_roots_that_are_built_in_and_those_of_ssl_cert_file() {
    let stage = Stage::new().await;
    // Docker's DNS knows containers: the server stands in the network of one that has both names.
    let aliases = ["--network-alias", "shop.test", "--network-alias", "other.test"];
    let front = stage.run("front", &aliases, "busybox", &["sleep", "600"]).await;
    let pid = stage.docker(&["inspect", "--format", "{{.State.Pid}}", &front]).await;
    let server = Tls::in_network_of(&stage.host, &pid, "shop.test");
    let mount = format!("{}:/authority.pem:ro", server.authority.display());
    let trust = ["--volume", &mount, "--env", "SSL_CERT_FILE=/authority.pem"];
    within(LIMIT, "a good answer", || async { (probe(&stage, &trust, &["https://shop.test/"]).await == (0, String::new())).then_some(()) })
        .await;
    let (code, said) = probe(&stage, &[], &["https://shop.test/"]).await;
    assert_eq!((code, said.contains("UnknownIssuer")), (1, true), "{said}");
    let (code, said) = probe(&stage, &trust, &["https://other.test/"]).await;
    assert_eq!((code, said.contains("not valid for name")), (1, true), "{said}");
    let (code, said) = probe(&stage, &["--env", "SSL_CERT_FILE=/nowhere.pem"], &["https://shop.test/"]).await;
    assert_eq!((code, said.contains("SSL_CERT_FILE /nowhere.pem")), (1, true), "{said}");
}
