//! The wiring of the watcher.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::beat_key::beat_key;
use super::certificate::{self, Certificates};
use super::expected;
use super::outside::OutsideLoop;
use super::outward::OutwardLoop;
use super::reload::{Ground, Handle, Kept, Renewed};
use super::site::SiteLoop;
use super::tasks::{failed, to_its_end};
use crate::config::{Config, unheard};
use crate::files::{self, StateDir};
use crate::http::connections::serve;
use crate::http::directory::Directory;
use crate::http::keys::ApiKey;
use crate::http::pings::Pings;
use crate::http::serve::OwnHosts;
use crate::http::visit::door::Door;
use crate::http::visit::public_router;
use crate::http::watcher::answers;
use crate::http::watching::{Needs, Watching};
use crate::monitor::{Loops, May, Monitor, MonitorSettings, WatcherSettings};
use crate::net::manager::ServiceManager;
use crate::notify::Channel;
use crate::signing::Key;
use crate::store::Store;

/// What is running ends within this time.
const LAST_CALL: Duration = Duration::from_secs(5);

/// A watcher that is bound and not yet running.
#[derive(Debug)]
pub struct Watcher {
    listener: TcpListener,
    /// For the public view alone.
    public: Option<TcpListener>,
    own: OwnHosts,
    watching: Watching,
    loops: Loops,
    sites: Vec<SiteLoop>,
    outside: Option<OutsideLoop>,
    outward: Option<OutwardLoop>,
    certificates: Certificates,
    metric_checks: u32,
}

impl Renewed for Watcher {
    fn listeners(config: &Config) -> Vec<(&'static str, String)> {
        let public = config.public.listen.iter().map(|listen| ("public.listen", listen.clone()));
        [("watcher.listen", config.watcher.listen.clone())].into_iter().chain(public).collect()
    }

    fn fixed(config: &Config) -> Vec<(&'static str, String)> {
        let WatcherSettings { listen, name, store, .. } = &config.watcher;
        let public = config.public.listen.clone().unwrap_or_default();
        vec![
            ("watcher.listen", listen.clone()),
            ("watcher.name", name.clone()),
            ("watcher.store", store.clone()),
            ("public.listen", public),
        ]
    }

    async fn build(ground: &Ground<'_>) -> anyhow::Result<Self> {
        let Ground { config, view, state, sockets, orders } = *ground;
        let listener = sockets.first().context("it has no socket")?.listener()?;
        let public = sockets.get(1).map(Kept::listener).transpose()?;
        let (key, token) = (Key::new(&beat_key(config, state)?), token(config, state)?);
        let channels = config.channels.iter().map(Channel::new).collect::<Result<Vec<_>, _>>()?;
        let store = Store::open(&config.watcher.store, state.path()).await.context("watcher.store cannot be opened")?;
        let settings = MonitorSettings {
            name: config.watcher.name.clone(),
            app: config.app.name.clone(),
            page_url: Some(config.watcher.page_url()),
            checks: expected::of_watcher(config).into_iter().collect(),
            channels: expected::channel_rules(config),
            own_channels: config.built_in_channels(),
            own_plan: config.watcher.plan.clone(),
            maintenance: config.maintenance.clone(),
            most_made: config.pings.most_made,
            keep: config.watcher.keep,
            strangers_after: config.watcher.strangers_after,
        };
        let monitor = Monitor::new(store, settings);
        let (ingest, loops) = monitor.loops(channels);
        let unheard = Arc::new(unheard(config));
        for gap in unheard.iter() {
            tracing::warn!("{gap}");
        }
        Ok(Self {
            listener,
            public,
            own: own_hosts(config),
            sites: SiteLoop::all(config, &monitor, &ingest)?,
            outside: OutsideLoop::build(config, &monitor)?,
            outward: OutwardLoop::build(config, &monitor)?,
            certificates: certificates(config, state)?,
            watching: Watching::new(Needs {
                monitor,
                ingest,
                pings: Arc::new(pings(config, &key)?),
                key,
                door: Arc::new(Door {
                    settings: config.page.clone(),
                    public: config.public.clone(),
                    key: Key::new(&token),
                    url: config.watcher.page_url(),
                    is_tls: config.watcher.tls.is_some(),
                }),
                token: token.into(),
                config: view.clone(),
                reload: orders.clone(),
                unheard,
            }),
            loops,
            metric_checks: config.watcher.metric_checks,
        })
    }

    fn handle(&self) -> Handle {
        Handle { tells: Some(self.watching.monitor.clone()), desk: None }
    }

    async fn work(self, manager: ServiceManager, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self { listener, public, own, watching, loops, sites, outside, outward, certificates, metric_checks } = self;
        let tls = |listener: &str| certificates.iter().find(|(of, _)| *of == listener).map(|(_, shown)| shown.server()).transpose();
        let (tls, public_tls) = (tls("watcher").context("watcher.tls")?, tls("public").context("public.tls")?);
        let monitor = watching.monitor.clone();
        if !monitor.is_one_of_many() {
            monitor.release_claims().await.context("watcher.store does not work")?;
        }
        monitor.find_time().await.context("watcher.store does not work")?;
        monitor.start(monitor.now()).await.context("watcher.store does not work")?;
        let (ending, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let looping = loops.vouching(manager.clone()).showing(metric_checks).run(stopped.clone());
        tasks.spawn(async { Ok(looping.await?) });
        for site in sites {
            tasks.spawn(to_its_end(site.run(stopped.clone())));
        }
        if let Some(outside) = outside {
            tasks.spawn(to_its_end(outside.run(stopped.clone())));
        }
        if let Some(outward) = outward {
            tasks.spawn(to_its_end(outward.run(stopped.clone())));
        }
        tasks.spawn(to_its_end(certificate::follow(certificates, monitor.clone(), stopped.clone())));
        let mut serving = JoinSet::new();
        if let Some(public) = public {
            serving.spawn(serve(public, public_tls, public_router(watching.clone(), own.clone()), is_over(stopped.clone())));
        }
        serving.spawn(serve(listener, tls, answers(watching, own, stopped.clone()), is_over(stopped)));
        manager.ready();
        let came = tokio::select! {
            () = stop => Ok(()),
            error = failed(&mut tasks) => Err(error),
        };
        ending.send_replace(true);
        // Connections that are kept open would keep the listener: they have their time, and no more.
        if tokio::time::timeout(LAST_CALL, async { while serving.join_next().await.is_some() {} }).await.is_err() {
            serving.abort_all();
        }
        if tokio::time::timeout(LAST_CALL, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!("something was still running at the end; the store has whatever is not done");
        }
        came?;
        monitor.stop(monitor.now()).await.context("the end is not written down")
    }
}

async fn is_over(mut stopped: watch::Receiver<bool>) {
    // The sender is gone: that is a stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn token(config: &Config, state: &StateDir) -> anyhow::Result<String> {
    let given = config.watcher.token.as_ref().map(|secret| secret.reveal_if_set()).transpose().context("watcher.token")?;
    let path = state.watcher_token();
    given.flatten().map_or_else(|| files::token(&path).with_context(|| format!("{} cannot be made or read", path.display())), Ok)
}

fn pings(config: &Config, key: &Key) -> anyhow::Result<Pings> {
    let own = config.pings.key.as_ref().map(|secret| secret.reveal_if_set()).transpose().context("pings.key")?;
    let own = own.flatten().map(|secret| ApiKey { name: "pings.key".to_owned(), may: May::Ping, secret });
    let named = config.keys.iter().map(|key| {
        let secret = key.secret.as_ref().map(|secret| secret.reveal().with_context(|| format!("the secret of key {}", key.name)));
        Ok(ApiKey { name: key.name.clone(), may: key.may, secret: secret.transpose()?.unwrap_or_default() })
    });
    let keys = named.chain(own.map(Ok)).collect::<anyhow::Result<_>>()?;
    let url = config.watcher.page_url().trim_end_matches('/').to_owned();
    Ok(Pings::new(Directory::new(&config.checks, key), config.pings.clone(), keys, url))
}

/// Of each listener that has one.
fn certificates(config: &Config, state: &StateDir) -> anyhow::Result<Certificates> {
    let of = [("watcher", "watcher.tls", &config.watcher.tls), ("public", "public.tls", &config.public.tls)];
    let given = of.into_iter().filter_map(|(listener, key, files)| Some((listener, key, files.as_ref()?)));
    given.map(|(listener, key, files)| Ok((listener, files.load(state).context(key)?))).collect()
}

/// Whatever the prober calls its watchers, one of them is this one.
fn own_hosts(config: &Config) -> OwnHosts {
    let own = [config.watcher.listen.clone(), config.watcher.page_url()].into_iter().chain(config.prober.watchers.clone());
    OwnHosts::new(own.chain(config.public.listen.clone()).chain(config.public.url.clone()))
}
