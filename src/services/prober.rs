//! The wiring of the prober.

mod engine;
mod link;
mod lookout;
mod outcome;
mod past;
mod report;
mod stall;
mod telling;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use self::engine::EngineWatch;
use self::link::Link;
use self::lookout::Lookout;
use self::report::Report;
use self::stall::Stall;
use self::telling::{Telling, Work};
use super::beat_key::beat_key;
use super::reload::{Ground, Handle, Renewed};
use super::tasks::{failed, to_its_end};
use crate::config::Config;
use crate::domain::beat::ExpectedInstances;
use crate::files;
use crate::http::connections::serve;
use crate::http::control::{Control, router};
use crate::http::serve::{OwnHosts, guarded, healthz};
use crate::net::manager::ServiceManager;
use crate::proxy::ProxyDriver;
use crate::release::targets::ORDER_LIMIT;
use crate::release::{Cluster, Desk, Memory, ProberSettings, Targets};
use crate::signing::Key;
use crate::store::{Journal, Store};

/// What is answering gets so long to finish.
const FINISHING: Duration = Duration::from_secs(2);

/// A prober that is bound and not yet running.
#[derive(Debug)]
pub struct Prober {
    desk: Desk,
    lookout: Arc<Lookout>,
    stall: Arc<Stall>,
    engine: Option<EngineWatch>,
    telling: Work,
    control: (TcpListener, Router),
    health: (TcpListener, Router),
}

impl Renewed for Prober {
    fn listeners(config: &Config) -> Vec<(&'static str, String)> {
        vec![("prober.listen", config.prober.listen.clone()), ("prober.health", config.prober.health.clone())]
    }

    fn fixed(config: &Config) -> Vec<(&'static str, String)> {
        let ProberSettings { listen, health, store, .. } = &config.prober;
        vec![("prober.listen", listen.clone()), ("prober.health", health.clone()), ("prober.store", store.clone())]
    }

    async fn build(ground: &Ground<'_>) -> anyhow::Result<Self> {
        let Ground { config, state, sockets, orders, .. } = *ground;
        let store =
            Store::open_journal(&config.prober.store, state.path()).await.context("the prober's store (prober.store) cannot be opened")?;
        let [control, health] = sockets else { anyhow::bail!("it has not its two sockets") };
        let (control, health) = (control.listener()?, health.listener()?);
        let probe_token = files::token(&state.probe_token()).context("the probe token cannot be read")?;
        let proxy = |limit| ProxyDriver::new(&config.proxy, &config.app, state, limit);
        proxy(ORDER_LIMIT).prepare(config.proxy.first_live).context("what the proxy's config includes cannot be written")?;
        let targets = Targets::new(&config.app, &config.proxy, &config.probe, &probe_token, proxy(config.probe.timeout))?;
        let key = Key::new(&beat_key(config, state)?);
        let cluster = Arc::new(Cluster {
            journal: Journal::new(store.clone()),
            proxy: proxy(ORDER_LIMIT),
            targets,
            memory: Arc::new(Memory::default()),
            settings: config.switch.clone(),
            watchers: config.prober.watchers.clone(),
            key: key.clone(),
            probe: config.probe,
            configured: ExpectedInstances { blue: config.app.blue.instances, green: config.app.green.instances },
            changed: Notify::new(),
            left: watch::Sender::new(false),
        });
        let links = links(config, &key)?;
        let stall = Arc::new(Stall::new());
        let (teller, telling) = Telling::new(config, &store, &links, Arc::clone(&stall));
        let report = Arc::new(Report::new(Arc::clone(&cluster.memory), links, teller, config.probe.every, &config.log));
        let engine = EngineWatch::new(config, &cluster, &report, &store)?;
        let lookout = Arc::new(Lookout::new(Arc::clone(&cluster), report, Arc::clone(&stall)));
        let desk = Desk::new(cluster);
        let token = files::token(&state.prober_token()).context("the prober's token cannot be read")?;
        let own = own_hosts(config);
        let routes = router(Control { desk: desk.clone(), token, reload: orders.clone() }, own.clone());
        let watched = Arc::clone(&lookout);
        let health_routes = Router::new().route("/healthz", get(move || async move { healthz(watched.trouble()) }));
        let health_routes = guarded(health_routes, own);
        Ok(Self { desk, lookout, stall, engine, telling, control: (control, routes), health: (health, health_routes) })
    }

    fn handle(&self) -> Handle {
        Handle { tells: None, desk: Some(self.desk.clone()) }
    }

    async fn work(self, manager: ServiceManager, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let (end, ended) = watch::channel(false);
        let mut work = JoinSet::new();
        for link in self.lookout.links() {
            let link = Arc::clone(link);
            work.spawn(to_its_end(async move { link.run().await }));
        }
        work.spawn(to_its_end(Arc::clone(&self.lookout).run(manager.clone())));
        let stall = self.stall;
        work.spawn(to_its_end(async move { stall.run().await }));
        if let Some(engine) = self.engine {
            work.spawn(to_its_end(engine.run(ended.clone())));
        }
        let mut serving = JoinSet::new();
        for (listener, routes) in [self.control, self.health] {
            let mut ended = ended.clone();
            // The sender lives until the end of this function.
            serving.spawn(serve(listener, None, routes, async move {
                let _ = ended.wait_for(|ended| *ended).await;
            }));
        }
        let mut telling = JoinSet::new();
        telling.spawn(self.telling.run(ended));
        let (desk, recovering) = (self.desk.clone(), self.desk);
        work.spawn(to_its_end(async move { recovering.recover().await }));
        let mut told = signal(SignalKind::user_defined1()).context("SIGUSR1 cannot be heard")?;
        manager.ready();
        let mut stop = std::pin::pin!(stop);
        let came = tokio::select! {
            () = &mut stop => Ok(()),
            _ = told.recv() => {
                desk.leave();
                stop.await;
                Ok(())
            }
            error = failed(&mut work) => Err(error),
            error = failed(&mut telling) => Err(error),
        };
        desk.leave();
        let _ = end.send(true);
        // Whoever follows a switch hears that it stands in the journal, and is cut off after this.
        let _ = tokio::time::timeout(FINISHING, serving.join_all()).await;
        work.shutdown().await;
        // Whatever is not told by then is in the store.
        let _ = tokio::time::timeout(FINISHING, telling.join_all()).await;
        came
    }
}

/// By whatever name others find the prober.
fn own_hosts(config: &Config) -> OwnHosts {
    let ProberSettings { listen, health, reach, url, .. } = &config.prober;
    let named = reach.host().map(str::to_owned).into_iter().chain(url.clone());
    OwnHosts::new([listen.clone(), health.clone()].into_iter().chain(named))
}

fn links(config: &Config, key: &Key) -> anyhow::Result<Vec<Arc<Link>>> {
    let link = |url: &String| Ok(Arc::new(Link::new(url, key.clone(), config.probe.every)?));
    config.prober.watchers.iter().map(link).collect()
}
