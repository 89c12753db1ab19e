//! The filter before Docker's socket: HAProxy with the config that is deployed, before an engine that says what it was asked.

use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use tokio::net::UnixListener;

use crate::harness::{Host, Process, Raw, within};

const ALLOWED: [&str; 10] = [
    "GET /_ping",
    "HEAD /_ping",
    "GET /version",
    "GET /v1.41/events?filters=x",
    "GET /containers/json?all=1",
    "GET /v1.41/containers/shop-blue-1/json",
    "GET /containers/shop-blue-1/logs?tail=5",
    "GET /nodes",
    "GET /v1.41/services",
    "GET /tasks",
];

const DENIED: [&str; 16] = [
    "POST /containers/create",
    "POST /v1.41/containers/shop-blue-1/stop",
    "POST /containers/shop-blue-1/exec",
    "DELETE /containers/shop-blue-1",
    "PUT /containers/shop-blue-1/archive?path=/",
    "GET /containers/shop-blue-1/archive?path=/",
    "GET /containers/shop-blue-1/export",
    "GET /containers/shop-blue-1/attach/ws",
    "GET /secrets",
    "GET /configs",
    "GET /swarm",
    "GET /info",
    "GET /images/json",
    "POST /events",
    "GET /events/../secrets",
    "GET /containers/%2e%2e/json",
];

/// HAProxy by our config, with its address and the engine's socket put in.
async fn filter(host: &Host) -> Process {
    let socket = host.path("docker.sock");
    let engine = UnixListener::bind(&socket).unwrap();
    let said = |request: Request| async move { format!("{} {}", request.method(), request.uri()) };
    tokio::spawn(async move { axum::serve(engine, Router::new().fallback(said)).await });
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/docker-socket/haproxy.cfg")).unwrap();
    assert!(text.contains("bind :2375\n") && text.contains("unix@/var/run/docker.sock\n"), "{text}");
    let text =
        text.replace("bind :2375", &format!("bind {}", host.at(2375))).replace("/var/run/docker.sock", &socket.display().to_string());
    std::fs::write(host.path("haproxy.cfg"), text).unwrap();
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(host.path("haproxy.cfg"));
    let process = Process::start(&mut command, &host.path("haproxy.log"));
    within(Duration::from_secs(20), "haproxy listens", || async { tokio::net::TcpStream::connect(host.at(2375)).await.ok() }).await;
    process
}

async fn status(host: &Host, line: &str) -> u16 {
    let mut raw = Raw::connect(&host.at(2375)).await.expect("haproxy accepts");
    raw.send(format!("{line} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")).await.expect("haproxy reads");
    raw.head().await.expect("an answer").status
}

#[tokio::test]
async fn the_socket_filter_passes_the_named_questions_and_nothing_else() {
    let host = Host::new();
    let _filter = filter(&host).await;
    for line in ALLOWED {
        assert_eq!(status(&host, line).await, 200, "{line}");
    }
    for line in DENIED {
        assert_eq!(status(&host, line).await, 403, "{line}");
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md")).unwrap();
    for path in [
        "/_ping",
        "/version",
        "/events",
        "/containers/json",
        "/containers/NAME/json",
        "/containers/NAME/logs",
        "/nodes",
        "/services",
        "/tasks",
    ] {
        assert!(page.contains(&format!("`{path}`")), "docs/security.md does not tell of {path}");
    }
}
