//! Everything that the prober probes in its own cluster.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;

use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::colour::Colour;
use crate::domain::gate::Observation;
use crate::domain::role::worse;
use crate::net::client::ClientError;
use crate::probe::{HttpProbe, ProbeSettings, Probed, Target, held_up, local};
use crate::proxy::ProxySettings;
use crate::proxy::control::{COLOUR_HEADER, EPOCH_HEADER, ProxyControl, ProxyState, TOKEN_HEADER};
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
    blue: Vec<Instance>,
    green: Vec<Instance>,
    front_door: Target,
    preview: Target,
    control: ProxyControl,
    timeout: Duration,
}

/// One address of a colour.
#[derive(Debug, Clone)]
struct Instance {
    address: String,
    target: Target,
}

/// What the front door showed.
#[derive(Debug, Clone)]
pub struct FrontDoor {
    /// The answer.
    pub probed: Probed,
    /// The colour that answered, and the epoch under which it was claimed; none where the proxy did not say.
    pub claim: Option<(Colour, u64)>,
}

/// What a listener's address is called from beside it: `0.0.0.0:8000` is found at `127.0.0.1:8000`.
#[must_use]
pub fn beside(listen: &str) -> String {
    let Ok(address) = listen.parse::<SocketAddr>() else { return listen.to_owned() };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port()).to_string()
}

impl Targets {
    /// Of this config. `token` is the one by which the proxy knows the prober's requests, `socket` the proxy's control.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(
        app: &AppSettings,
        proxy: &ProxySettings,
        probe: &ProbeSettings,
        token: &str,
        socket: &std::path::Path,
    ) -> Result<Self, ClientError> {
        let instances = |colour| app.colour(colour).addresses.iter().map(|address| Instance::new(address, &app.health)).collect();
        let listener = |listen: &str| Target::new(format!("http://{}{}", beside(listen), app.health)).with_header(TOKEN_HEADER, token);
        Ok(Self {
            probe: HttpProbe::new(probe)?,
            blue: instances(Colour::Blue),
            green: instances(Colour::Green),
            front_door: listener(&proxy.live),
            preview: listener(&proxy.idle),
            control: ProxyControl::new(socket, probe.timeout),
            timeout: probe.timeout,
        })
    }

    /// What probes anything else over HTTP, by the same limits.
    #[must_use]
    pub fn http(&self) -> &HttpProbe {
        &self.probe
    }

    /// A colour shows what its worst instance shows.
    pub async fn colour(&self, colour: Colour) -> Probed {
        let instances = match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        };
        let several = instances.len() > 1;
        let look = async |instance: &Instance| match self.probe.probe(&instance.target).await {
            Probed::Observed(observation) if several => Probed::Observed(named(observation, &instance.address)),
            Probed::Observed(observation) => Probed::Observed(observation),
            Probed::Unable(why) => Probed::Unable(why),
        };
        join_all(instances.iter().map(look)).await.into_iter().reduce(worst).unwrap_or_else(|| Probed::Unable("it has no address".into()))
    }

    /// The live listener, through the health path.
    pub async fn front_door(&self) -> FrontDoor {
        let (probed, headers) = self.probe.probe_headers(&self.front_door).await;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let claim = text(COLOUR_HEADER).and_then(|word| word.parse().ok()).zip(text(EPOCH_HEADER).and_then(|word| word.parse().ok()));
        FrontDoor { probed, claim }
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
        if let Some(why) = held_up(latency, self.timeout) {
            return (Probed::Unable(why), None);
        }
        let observed = |showing, reason| {
            let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
            Probed::Observed(Observation { at: clock::now(), showing, status: None, latency_ms, reason })
        };
        match answered {
            Ok(state) if state.live.is_some() => (observed(Showing::Good, None), Some(state)),
            Ok(state) => (observed(Showing::Bad, Some("the live colour is undefined".to_owned())), Some(state)),
            Err(error) => (observed(Showing::Bad, Some(error.to_string())), None),
        }
    }
}

impl Instance {
    fn new(address: &str, health: &str) -> Self {
        Self { address: address.to_owned(), target: Target::new(format!("http://{address}{health}")) }
    }
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
    use super::*;
    use crate::domain::moment::Moment;

    fn seen(showing: Showing, reason: &str) -> Probed {
        Probed::Observed(Observation { at: Moment::default(), showing, status: None, latency_ms: 1, reason: Some(reason.into()) })
    }

    #[test]
    fn a_listener_on_every_address_is_found_on_loopback() {
        assert_eq!(beside("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(beside("[::]:8000"), "[::1]:8000");
        assert_eq!(beside("127.9.9.9:8000"), "127.9.9.9:8000");
        assert_eq!(beside("shop.internal:80"), "shop.internal:80");
    }

    #[test]
    fn the_worst_instance_speaks_for_its_colour() {
        let bad = seen(Showing::Bad, "127.0.0.1:2: answered 500");
        assert_eq!(worst(seen(Showing::Good, ""), bad.clone()), bad);
        assert_eq!(worst(Probed::Unable("out of descriptors".into()), bad.clone()), bad);
        assert_eq!(worst(seen(Showing::Good, ""), Probed::Unable("out".into())), Probed::Unable("out".into()));
    }
}
