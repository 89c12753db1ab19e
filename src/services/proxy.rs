//! The wiring of the proxy.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use super::doors;
use crate::clock;
use crate::config::Config;
use crate::files::StateDir;
use crate::http::connections::serve;
use crate::http::serve::{OwnHosts, guarded, healthz};
use crate::net::listen;
use crate::net::manager::ServiceManager;
use crate::proxy::embedded::{Embedded, Look, refresh_metrics};

/// The system's clock is looked at so often.
const CLOCK_EVERY: Duration = Duration::from_secs(1);

/// A proxy that is bound and not yet running.
#[derive(Debug)]
pub struct Proxy {
    embedded: Embedded,
    health: (TcpListener, SocketAddr),
    own: OwnHosts,
}

impl Proxy {
    /// Binds everything.
    ///
    /// # Errors
    /// Where something cannot be bound, opened or read; says what to do.
    pub async fn build(config: &Config, state: &StateDir) -> anyhow::Result<Self> {
        anyhow::ensure!(
            config.proxy.kind.is_ours(),
            "proxy.kind is not \"embedded\": the proxy runs by itself, and there is none to run here"
        );
        let health = listen::tcp("proxy.health", &config.proxy.health).await?;
        let embedded = Embedded::build(&config.proxy, &config.app, state, (config.switch.drain, config.switch.streams)).await?;
        if let Err(error) = state.link_proxy_socket() {
            tracing::warn!("a command that knows the state directory alone does not find the proxy: {error}");
        }
        let own = OwnHosts::new(config.proxy.reach.host().map(str::to_owned).into_iter().chain([config.proxy.health.clone()]));
        Ok(Self { embedded, health, own })
    }

    /// Where it listens: a name and an address each, for the log and for tests.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, String)> {
        let mut addresses = self.embedded.addresses();
        addresses.push(("health", self.health.1.to_string()));
        addresses
    }

    /// Runs until `shutdown`, then ends in order: no new clients, running requests finish, `/healthz` last.
    ///
    /// # Errors
    /// Where it could not go on.
    pub async fn run(self, manager: ServiceManager, shutdown: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let router = guarded(health_router(self.embedded.look()), self.own);
        let look = self.embedded.look();
        let router = router.layer(from_fn(move |request: Request, next: Next| {
            refresh_metrics(&look.state());
            next.run(request)
        }));
        let (end, ended) = oneshot::channel::<()>();
        let health = tokio::spawn(serve(self.health.0, None, router, async {
            // Dropped or sent: it is over.
            let _ = ended.await;
        }));
        let vouching = tokio::spawn(doors::vouch(self.embedded.doors(), manager.clone()));
        let following = tokio::spawn(follow_clock());
        manager.ready();
        let told = async move {
            shutdown.await;
            manager.stopping();
            vouching.abort();
        };
        let served = self.embedded.run(told).await;
        following.abort();
        drop(end);
        // Whoever still reads /metrics does not hold up the end.
        health.abort();
        Ok(served?)
    }
}

/// Goes by the system's clock where that was set, as it is on a machine that starts the proxy before it hears what time it is: by the old one the
/// access log would be dated, and the end of certificates told. Nothing that the proxy waits for is a time of day.
async fn follow_clock() {
    let mut ticks = interval(CLOCK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(step_ms) = clock::take_step() {
            tracing::warn!(step_ms, "the system's clock has stepped");
        }
    }
}

/// `/healthz` says whether the proxy is well, `/livez` only that it runs: a manager that kills what is not well would take the preview too, and
/// the switch that cures an undefined live colour.
fn health_router(look: Look) -> Router {
    Router::new().route("/healthz", get(move || async move { healthz(look.trouble()) })).route("/livez", get(|| async { healthz(None) }))
}
