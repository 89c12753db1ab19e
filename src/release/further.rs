//! What the gate asks of a colour beyond its probes: answers, a WebSocket, heartbeats, a command.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::cluster::Cluster;
use super::criteria::Criteria;
use super::targets::{Seen, Targets};
use crate::domain::colour::Colour;
use crate::net::client::http;
use crate::net::question;
use crate::probe::{Target, websocket};
use crate::program;
use crate::proxy::control::{Reach, ReachOrder};

/// How often watchers are asked.
const PACE: Duration = Duration::from_millis(200);

/// Whether every instance at these addresses answers as is wanted.
///
/// # Errors
/// Which does not, and why.
pub(super) async fn answers(cluster: &Cluster, addresses: &[String]) -> Result<(), String> {
    let criteria = &cluster.settings.gate;
    if !criteria.asks() && criteria.websocket.is_none() {
        return Ok(());
    }
    for seen in cluster.targets.instances(addresses).await {
        answers_at(&cluster.targets, criteria, &seen, cluster.probe.timeout).await?;
    }
    Ok(())
}

/// Each question goes to where the instance is, by the name that it is known by, as its probes do.
async fn answers_at(targets: &Targets, criteria: &Criteria, Seen { at, name, .. }: &Seen, limit: Duration) -> Result<(), String> {
    if criteria.asks() {
        let path = criteria.path.as_deref().unwrap_or(targets.health());
        let target = Target::new(format!("http://{at}{path}"));
        let target = if let Some(name) = name { target.with_header("host", name) } else { target };
        let judged = targets.http().hear(&target).await.and_then(|heard| criteria.wanted.judge(&heard));
        judged.map_err(|why| format!("{at}{path}: {why}"))?;
    }
    if let Some(path) = &criteria.websocket {
        let opened = websocket::handshake(at, name.as_ref().unwrap_or(at), path, limit).await;
        opened.map_err(|why| format!("{at}{path}: no WebSocket opens: {why}"))?;
    }
    Ok(())
}

/// Whether the proxy reaches the colour too: it may stand elsewhere than we do, and know an older address. One that does not answer says
/// nothing here: it refuses the shift itself.
///
/// # Errors
/// What it has tried.
pub(super) async fn is_reached(cluster: &Cluster, colour: Colour) -> Result<(), String> {
    match cluster.proxy.reach(ReachOrder { colour }).await {
        Ok(Some(Reach { taken, failed })) if taken.is_empty() => Err(unreached(colour, &failed)),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn unreached(colour: Colour, failed: &[String]) -> String {
    match failed {
        [] => format!("the proxy finds no address of {colour}"),
        failed => format!("the proxy reaches {colour} at none of its addresses: {}", failed.join(", ")),
    }
}

/// As much of a watcher's overview as is needed here.
#[derive(Debug, Deserialize)]
struct Overview {
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    status: String,
    #[serde(default)]
    reason: Option<String>,
}

/// Waits until a watcher sees the colour's heartbeats well.
///
/// # Errors
/// Why none does, after `within`.
pub(super) async fn heartbeats(cluster: &Cluster, colour: Colour, within: Duration) -> Result<(), String> {
    let mut why = "no watcher has answered".to_owned();
    let waiting = async {
        loop {
            match beats(cluster, colour).await {
                Beats::Well => return,
                Beats::Bad(reason) | Beats::Unknown(reason) => why = reason,
            }
            sleep(PACE).await;
        }
    };
    let beats = timeout(within, waiting).await.is_ok();
    if beats { Ok(()) } else { Err(format!("the heartbeats of {colour} are not well: {why}")) }
}

/// What the watchers see of a colour's heartbeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Beats {
    /// One that answers sees them well.
    Well,
    /// None does, and one says why.
    Bad(String),
    /// Nobody says anything about them.
    Unknown(String),
}

/// Asks the watchers.
pub(super) async fn beats(cluster: &Cluster, colour: Colour) -> Beats {
    let client = match http(cluster.probe.timeout) {
        Ok(client) => client,
        Err(error) => return Beats::Unknown(error.to_string()),
    };
    let name = format!("heartbeat-{colour}");
    let mut seen = Beats::Unknown("no watcher answers".to_owned());
    for watcher in &cluster.watchers {
        let asked = question::overview(&client, watcher, Some(&cluster.key)).send().await;
        let Ok(answer) = asked else { continue };
        if !answer.status().is_success() {
            seen = Beats::Unknown(format!("the watcher on {watcher} answers {}", answer.status().as_u16()));
            continue;
        }
        let Ok(overview) = answer.json::<Overview>().await else { continue };
        match overview.checks.into_iter().find(|check| check.name == name) {
            Some(check) if matches!(check.status.as_str(), "up" | "late") => return Beats::Well,
            Some(check) => seen = Beats::Bad(check.reason.filter(|reason| !reason.is_empty()).unwrap_or(check.status)),
            None => seen = Beats::Unknown(format!("the watcher knows no check {name}: is app.heartbeats off?")),
        }
    }
    seen
}

/// Runs the smoke command, where there is one.
///
/// # Errors
/// How it ended, with its last lines.
pub(super) async fn smoke(cluster: &Cluster, colour: Colour) -> Result<(), String> {
    let criteria = &cluster.settings.gate;
    if criteria.smoke.is_empty() {
        return Ok(());
    }
    let address = cluster.targets.addresses(colour).first().cloned().unwrap_or_default();
    let filled = |word: &String| word.replace("{colour}", colour.as_str()).replace("{address}", &address);
    let words: Vec<String> = criteria.smoke.iter().map(filled).collect();
    let environment = [("ALLSWELL_COLOUR", colour.to_string()), ("ALLSWELL_ADDRESS", address.clone())];
    let ran = program::run(&words, &environment, criteria.smoke_timeout).await;
    ran.map(drop).map_err(|error| format!("the smoke command refuses {colour}: {error}"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::{Request, WebSocketUpgrade};
    use axum::http::StatusCode;
    use axum::middleware::{Next, from_fn};
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;
    use crate::probe::Probed;
    use crate::proxy::ProxyDriver;

    /// Nobody is known here by another name.
    async fn by_name(request: Request, next: Next) -> Response {
        if request.headers()["host"] == "shop-blue:3000" { next.run(request).await } else { StatusCode::NOT_FOUND.into_response() }
    }

    #[tokio::test]
    async fn whatever_is_asked_of_an_instance_is_asked_by_the_name_that_it_is_known_by() {
        let router = Router::new()
            .route("/ready", get(|| async { "ok" }))
            .route("/ws", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(|_| async {}) }))
            .layer(from_fn(by_name));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let state = crate::files::StateDir::open(folder.path()).unwrap();
        let limit = Duration::from_secs(20);
        let gates = [("path = \"/ready\"", "/ready: answered 404"), ("websocket = \"/ws\"", "/ws: no WebSocket opens: answered 404")];
        for (gate, words) in gates {
            let config = Config::parse(&format!("[runtime]\ncommand = \"x\"\n[switch.gate]\n{gate}\n")).unwrap().config;
            let control = ProxyDriver::new(&config.proxy, &config.app, &state, limit);
            let targets = Targets::new(&config.app, &config.proxy, &config.probe, "token", control).unwrap();
            let mut seen = Seen { at: at.clone(), name: Some("shop-blue:3000".to_owned()), probed: Probed::Unable(String::new()) };
            assert_eq!(answers_at(&targets, &config.switch.gate, &seen, limit).await, Ok(()), "{gate}");
            seen.name = None;
            let refused = answers_at(&targets, &config.switch.gate, &seen, limit).await.unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
