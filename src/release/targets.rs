//! Everything that the prober probes in its own cluster.

use std::time::Duration;

use futures_util::future::join_all;
use hyper::HeaderMap;

use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::colour::Colour;
use crate::domain::gate::Observation;
use crate::domain::role::worse;
use crate::net::client::ClientError;
use crate::net::names::{NameError, Place, literal, resolve};
use crate::net::plain::Opened;
use crate::net::tls::TlsFiles;
use crate::probe::{HttpProbe, ProbeSettings, Probed, Target, held_up, local};
use crate::proxy::control::{COLOUR_HEADER, EPOCH_HEADER, ProxyState, TOKEN_HEADER};
use crate::proxy::{ProxyDriver, ProxySettings};
use crate::settings::AppSettings;

/// The name of the live listener, as a target.
pub const FRONT_DOOR: &str = "front door";
/// The name of the idle listener.
pub const PREVIEW: &str = "preview";
/// The name of the proxy's control socket.
pub const CONTROL: &str = "control";

/// The targets of one cluster, and how to look at them.
#[derive(Debug, Clone)]
pub struct Targets {
    probe: HttpProbe,
    blue: Vec<String>,
    green: Vec<String>,
    health: String,
    front_door: Target,
    preview: Target,
    control: ProxyDriver,
    timeout: Duration,
    /// A name that takes longer to resolve does not resolve. Within an interval, so that no round is later than the watcher expects it.
    lookup: Duration,
}

/// What one instance showed, and where it is: an address, or a name that stands for none.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where it is.
    pub at: String,
    /// The name that it is known by, and that it hears when it is asked; none where that is where it is.
    pub name: Option<String>,
    /// What it showed.
    pub probed: Probed,
}

/// What the front door showed.
#[derive(Debug, Clone)]
pub struct FrontDoor {
    /// The answer.
    pub probed: Probed,
    /// The colour that answered, and the epoch under which it was claimed; none where the proxy did not say.
    pub claim: Option<(Colour, u64)>,
}

impl FrontDoor {
    fn of((probed, headers): (Probed, HeaderMap)) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let claim = text(COLOUR_HEADER).and_then(|word| word.parse().ok()).zip(text(EPOCH_HEADER).and_then(|word| word.parse().ok()));
        Self { probed, claim }
    }
}

impl Targets {
    /// Of this config. `token` is the one by which the proxy knows the prober's requests, `control` what drives the proxy.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(
        app: &AppSettings,
        proxy: &ProxySettings,
        probe: &ProbeSettings,
        token: &str,
        control: ProxyDriver,
    ) -> Result<Self, ClientError> {
        let listener = |listen, tls: Option<&TlsFiles>| {
            let at = format!("{}{}", proxy.reach.found(listen), app.health);
            let target = if tls.is_some() { Target::of_our_own(format!("https://{at}")) } else { Target::new(format!("http://{at}")) };
            target.with_header(TOKEN_HEADER, token)
        };
        Ok(Self {
            probe: HttpProbe::new(probe)?,
            blue: app.blue.addresses.clone(),
            green: app.green.addresses.clone(),
            health: app.health.clone(),
            front_door: listener(&proxy.live, proxy.live_tls.as_ref()),
            preview: listener(&proxy.idle, proxy.idle_tls.as_ref()),
            control,
            timeout: probe.timeout,
            lookup: probe.timeout.min(probe.every),
        })
    }

    /// The path that says whether an instance is well.
    #[must_use]
    pub fn health(&self) -> &str {
        &self.health
    }

    /// Where a colour's instances are, as the config says it.
    #[must_use]
    pub fn addresses(&self, colour: Colour) -> &[String] {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }

    /// What probes anything else over HTTP, by the same limits.
    #[must_use]
    pub fn http(&self) -> &HttpProbe {
        &self.probe
    }

    /// A colour shows what its worst instance shows.
    pub async fn colour(&self, colour: Colour) -> Probed {
        let seen = self.instances(self.addresses(colour)).await;
        let several = seen.len() > 1;
        let named = |Seen { at, probed, .. }| match probed {
            Probed::Observed(observation) if several => Probed::Observed(named(observation, &at)),
            Probed::Observed(_) | Probed::Unable(_) => probed,
        };
        seen.into_iter().map(named).reduce(worst).unwrap_or_else(|| Probed::Unable("it has no address".into()))
    }

    /// Every instance at these addresses (`HOST:PORT`), all at once; a name stands for as many as it resolves to.
    pub async fn instances(&self, addresses: &[String]) -> Vec<Seen> {
        join_all(addresses.iter().map(|at| self.behind(at))).await.into_iter().flatten().collect()
    }

    async fn behind(&self, at: &str) -> Vec<Seen> {
        let started = clock::elapsed();
        let resolved = resolve(at, self.lookup).await;
        let latency = clock::elapsed().saturating_sub(started);
        match resolved {
            Ok(places) if places.iter().any(|place| place.addresses().len() > 1) || literal(at).is_some() => {
                // One instance, which is told by its name.
                let probed = self.probe.probe(&Target::new(format!("http://{at}{}", self.health))).await;
                vec![Seen { at: at.to_owned(), name: None, probed }]
            }
            Ok(places) => join_all(places.iter().map(|place| self.at_place(at, place))).await,
            Err(error) => vec![Seen { at: at.to_owned(), name: None, probed: self.unresolved(&error, latency) }],
        }
    }

    /// The instance hears the name that it is known by, wherever it is.
    async fn at_place(&self, name: &str, place: &Place) -> Seen {
        let target = Target::new(format!("http://{place}{}", self.health)).with_header("host", name);
        Seen { at: place.to_string(), name: Some(name.to_owned()), probed: self.probe.probe(&target).await }
    }

    fn unresolved(&self, error: &NameError, latency: Duration) -> Probed {
        match held_up(latency, self.lookup).or_else(|| local::fault(error)) {
            Some(ours) => Probed::Unable(ours),
            None => bad(error.to_string(), latency),
        }
    }

    /// Connects to the live listener for a look that comes after a shift; none by TLS, and where what would answer is what took the connection, with
    /// the config that it had then: an old worker of nginx, for one.
    pub async fn open_front_door(&self) -> Option<Opened> {
        if matches!(self.control, ProxyDriver::Embedded(_)) { self.probe.open(&self.front_door).await } else { None }
    }

    /// The live listener, through the health path.
    pub async fn front_door(&self) -> FrontDoor {
        FrontDoor::of(self.probe.probe_headers(&self.front_door).await)
    }

    /// The same over this connection, and over a fresh one where there is none or it breaks, for it may have stood for too long.
    pub async fn front_door_over(&self, opened: Option<Opened>) -> FrontDoor {
        if let Some(opened) = opened
            && let Some(seen) = self.probe.probe_over(opened, &self.front_door).await
        {
            return FrontDoor::of(seen);
        }
        self.front_door().await
    }

    /// The idle listener, through the health path.
    pub async fn preview(&self) -> Probed {
        self.probe.probe(&self.preview).await
    }

    /// The proxy's control, and what it says. A live colour that is undefined is bad.
    pub async fn control(&self) -> (Probed, Option<ProxyState>) {
        if let Err(ours) = local::able() {
            return (Probed::Unable(ours), None);
        }
        let started = clock::elapsed();
        let answered = self.control.state().await;
        let latency = clock::elapsed().saturating_sub(started);
        // It serves, and somebody should look at it: doing poorly. One that does not answer is not waited for twice.
        let warning = if answered.is_ok() { self.control.warning().await.ok().flatten() } else { None };
        if let Some(why) = held_up(latency, self.timeout) {
            return (Probed::Unable(why), None);
        }
        match answered {
            Ok(state) if state.live.is_some() => {
                let showing = if warning.is_some() { Showing::Slow } else { Showing::Good };
                (observed(showing, latency, warning), Some(state))
            }
            Ok(state) => (bad("the live colour is undefined".to_owned(), latency), Some(state)),
            Err(error) => (bad(error.to_string(), latency), None),
        }
    }
}

fn observed(showing: Showing, latency: Duration, reason: Option<String>) -> Probed {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    Probed::Observed(Observation { at: clock::now(), showing, status: None, latency_ms, reason })
}

fn bad(reason: String, latency: Duration) -> Probed {
    observed(Showing::Bad, latency, Some(reason))
}

/// The same with a name before its reason.
#[must_use]
pub fn named(mut observation: Observation, name: &str) -> Observation {
    observation.reason = observation.reason.map(|reason| format!("{name}: {reason}"));
    observation
}

/// The worse of two: bad is known, whatever could not be seen beside it.
#[must_use]
pub fn worst(one: Probed, other: Probed) -> Probed {
    match (one, other) {
        (Probed::Observed(one), Probed::Observed(other)) => {
            let latency_ms = one.latency_ms.max(other.latency_ms);
            let at = one.at.max(other.at);
            let worse = if worse(one.showing, other.showing) == one.showing { one } else { other };
            Probed::Observed(Observation { at, latency_ms, ..worse })
        }
        (Probed::Observed(seen), Probed::Unable(_)) | (Probed::Unable(_), Probed::Observed(seen)) if !seen.passed() => {
            Probed::Observed(seen)
        }
        (Probed::Unable(why), _) | (_, Probed::Unable(why)) => Probed::Unable(why),
    }
}

/// How long an order to the proxy may take.
pub const ORDER_LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;
    use crate::domain::moment::Moment;

    /// Of a config whose proxy is this.
    fn targets(proxy: &str) -> Targets {
        let config = Config::parse(&format!("[proxy]\n{proxy}\n[runtime]\ncommand = \"x\"\n")).unwrap().config;
        let folder = tempfile::tempdir().unwrap();
        let state = crate::files::StateDir::open(folder.path()).unwrap();
        let control = ProxyDriver::new(&config.proxy, &config.app, &state, config.probe.timeout);
        Targets::new(&config.app, &config.proxy, &config.probe, "token", control).unwrap()
    }

    #[tokio::test]
    async fn nobody_is_connected_before_a_shift_that_a_connection_does_not_hear_of() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = format!("live = \"{}\"", listener.local_addr().unwrap());
        assert!(targets(&live).open_front_door().await.is_some());
        assert!(targets(&format!("kind = \"nginx\"\n{live}")).open_front_door().await.is_none());
    }

    #[tokio::test]
    async fn an_instance_is_asked_where_it_is_by_the_name_that_it_is_known_by() {
        let by_name =
            |headers: HeaderMap| async move { if headers["host"] == "shop-blue:3000" { StatusCode::OK } else { StatusCode::NOT_FOUND } };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = literal(&listener.local_addr().unwrap().to_string()).unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/healthz", get(by_name))).await });
        let targets = targets("");
        let seen = targets.at_place("shop-blue:3000", &place).await;
        assert_eq!((seen.at, seen.name.as_deref()), (place.to_string(), Some("shop-blue:3000")));
        assert_eq!(seen.probed.observation().unwrap().status, Some(200));
    }

    fn seen(showing: Showing, reason: &str) -> Probed {
        Probed::Observed(Observation { at: Moment::default(), showing, status: None, latency_ms: 1, reason: Some(reason.into()) })
    }

    #[test]
    fn the_worst_instance_speaks_for_its_colour() {
        let bad = seen(Showing::Bad, "127.0.0.1:2: answered 500");
        assert_eq!(worst(seen(Showing::Good, ""), bad.clone()), bad);
        assert_eq!(worst(Probed::Unable("out of descriptors".into()), bad.clone()), bad);
        assert_eq!(worst(seen(Showing::Good, ""), Probed::Unable("out".into())), Probed::Unable("out".into()));
    }
}
