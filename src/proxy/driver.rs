//! One set of orders for every proxy. What was ordered last is found again in the proxy itself, never in our own memory.

use std::time::Duration;

use super::caddy::Caddy;
use super::control::{
    ControlError, HoldOrder, Load, MaintenanceOrder, Pauses, Permit, ProxyControl, ProxyState, Reach, ReachOrder, ShiftOrder,
};
use super::haproxy::Haproxy;
use super::nginx::Nginx;
use super::settings::{ProxyKind, ProxySettings};
use crate::domain::answers::BothAnswers;
use crate::domain::colour::Colour;
use crate::domain::switch::ProxyAnswer;
use crate::files::StateDir;
use crate::settings::AppSettings;

/// What stands in front of both colours, as whoever drives it sees it.
#[derive(Debug, Clone)]
pub enum ProxyDriver {
    /// Ours, by its control socket.
    Embedded(ProxyControl),
    /// HAProxy, by its runtime socket.
    Haproxy(Haproxy),
    /// nginx, by a file that its config includes.
    Nginx(Box<Nginx>),
    /// Caddy, by its admin API.
    Caddy(Box<Caddy>),
}

impl ProxyDriver {
    /// Of this config, with its files and sockets in `state`; each call gives up after `limit`.
    #[must_use]
    pub fn new(settings: &ProxySettings, app: &AppSettings, state: &StateDir, limit: Duration) -> Self {
        match &settings.kind {
            ProxyKind::Embedded => Self::Embedded(ProxyControl::new(&state.proxy_socket(), limit)),
            ProxyKind::Haproxy(haproxy) => Self::Haproxy(Haproxy::new(haproxy, state.path(), limit)),
            ProxyKind::Nginx(nginx) => {
                Self::Nginx(Box::new(Nginx::new(nginx, app, settings.reach.found(&settings.live), state.path(), limit)))
            }
            ProxyKind::Caddy(caddy) => Self::Caddy(Box::new(Caddy::new(caddy, app, state.path(), limit))),
        }
    }

    /// Writes what the proxy's own config includes, where there is nothing yet.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn prepare(&self, first_live: Colour) -> std::io::Result<()> {
        match self {
            Self::Embedded(_) | Self::Caddy(_) => Ok(()),
            Self::Haproxy(driver) => driver.prepare(first_live),
            Self::Nginx(driver) => driver.prepare(first_live),
        }
    }

    /// What is live, and what each colour has to do as far as the proxy can tell.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn state(&self) -> Result<ProxyState, ControlError> {
        match self {
            Self::Embedded(control) => control.state().await,
            Self::Haproxy(driver) => driver.state().await,
            Self::Nginx(driver) => driver.state().await,
            Self::Caddy(driver) => driver.state().await,
        }
    }

    /// The same as recovery sees it.
    pub async fn answer(&self) -> ProxyAnswer {
        self.state().await.map_or(ProxyAnswer::Silent, |state| ProxyAnswer::Live(state.live))
    }

    /// What a colour has to do.
    ///
    /// # Errors
    /// Where the proxy does not answer, or where it cannot be seen.
    pub async fn load(&self, colour: Colour) -> Result<Load, ControlError> {
        match self {
            Self::Embedded(control) => control.state().await.map(|state| state.load(colour)),
            Self::Haproxy(driver) => driver.load(colour).await,
            Self::Nginx(driver) => driver.load(),
            Self::Caddy(driver) => driver.load(colour).await,
        }
    }

    /// Which addresses of a colour take connections from the proxy now; none where it cannot say. What it does not reach is to stay idle.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn reach(&self, order: ReachOrder) -> Result<Option<Reach>, ControlError> {
        match self {
            Self::Embedded(control) => control.reach(order).await.map(Some),
            Self::Haproxy(_) | Self::Nginx(_) | Self::Caddy(_) => Ok(None),
        }
    }

    /// The longest that an order takes, with the question of what stands that comes before it. Whoever waits for less does not hear how it
    /// ends.
    #[must_use]
    pub fn longest_order(&self) -> Duration {
        match self {
            Self::Embedded(control) => control.longest_order(),
            Self::Haproxy(driver) => driver.longest_order(),
            Self::Nginx(driver) => driver.longest_order(),
            Self::Caddy(driver) => driver.longest_order(),
        }
    }

    /// Makes a colour live. On a refusal the proxy does what it did before; on silence, and where what it does is not known, whoever orders has
    /// to find out. `still_ours` is asked last, right before anything is written: what was looked at before took its time. What is begun then
    /// goes on to its end, also where nobody waits for it any more.
    ///
    /// # Errors
    /// Where the proxy does not answer, has seen a higher epoch, or does not do it; where `still_ours` says why not.
    pub async fn shift(&self, order: ShiftOrder, still_ours: impl Permit) -> Result<ProxyState, ControlError> {
        self.shift_for(order, None, still_ours).await
    }

    /// The same for whoever asks for it: user and host, which the embedded proxy keeps and no other does.
    ///
    /// # Errors
    /// As [`ProxyDriver::shift`].
    pub async fn shift_for(&self, order: ShiftOrder, by: Option<&str>, still_ours: impl Permit) -> Result<ProxyState, ControlError> {
        match self {
            Self::Embedded(control) => {
                still_ours.await.map_err(ControlError::Withdrawn)?;
                control.shift_for(order, by).await
            }
            Self::Haproxy(driver) => driver.shift(order, still_ours).await,
            Self::Nginx(driver) => driver.shift(order, still_ours).await,
            Self::Caddy(driver) => driver.shift(order, still_ours).await,
        }
    }

    /// Ends what is still running on a colour that is not live.
    ///
    /// # Errors
    /// Where the proxy does not answer or cannot, or where the colour is live.
    pub async fn cut(&self, colour: Colour) -> Result<ProxyState, ControlError> {
        match self {
            Self::Embedded(control) => control.cut(colour).await,
            Self::Haproxy(driver) => driver.cut(colour).await,
            Self::Nginx(_) => {
                Err(ControlError::Refused("nginx ends what is left by its worker_shutdown_timeout, and by nothing else".to_owned()))
            }
            Self::Caddy(_) => Err(ControlError::Refused("Caddy cannot end what runs on one colour".to_owned())),
        }
    }

    /// What somebody should look at though the proxy serves; none too where it cannot say. A file that the next reload goes by, and that says
    /// something else than what is served, is set right first: it is the prober that asks.
    ///
    /// # Errors
    /// Where the proxy does not answer.
    pub async fn warning(&self) -> Result<Option<String>, ControlError> {
        match self {
            Self::Embedded(control) => control.warning().await,
            Self::Haproxy(driver) => driver.warning().await,
            Self::Nginx(driver) => driver.warning().await,
            Self::Caddy(driver) => driver.warning().await,
        }
    }

    /// Keeps new requests waiting, or lets them go on.
    ///
    /// # Errors
    /// Where the proxy does not answer or cannot.
    pub async fn hold(&self, order: &HoldOrder) -> Result<Pauses, ControlError> {
        match self {
            Self::Embedded(control) => control.hold(order).await,
            Self::Haproxy(_) | Self::Nginx(_) | Self::Caddy(_) => Err(only_ours("keeps requests waiting")),
        }
    }

    /// Begins or ends maintenance.
    ///
    /// # Errors
    /// Where the proxy does not answer or cannot.
    pub async fn maintenance(&self, order: &MaintenanceOrder) -> Result<Pauses, ControlError> {
        match self {
            Self::Embedded(control) => control.maintenance(order).await,
            Self::Haproxy(_) | Self::Nginx(_) | Self::Caddy(_) => Err(only_ours("answers for maintenance")),
        }
    }

    /// What the colours have answered since the proxy's start; none where it does not answer, or does not count by colour.
    pub async fn answers(&self) -> Option<BothAnswers> {
        self.state().await.ok()?.answers
    }

    /// What is still running on a colour, in words.
    #[must_use]
    pub fn left(&self, load: Load, colour: Colour) -> String {
        match self {
            Self::Embedded(_) => format!("{} requests and {} streams still run on {colour} and are left", load.in_flight, load.streams),
            Self::Haproxy(_) | Self::Caddy(_) => format!("{} requests and streams still run on {colour} and are left", load.in_flight),
            Self::Nginx(_) => format!("{} old workers of nginx still finish what they have, and are left", load.in_flight),
        }
    }
}

fn only_ours(does: &str) -> ControlError {
    ControlError::Refused(format!("only the embedded proxy {does} ([proxy] kind = \"embedded\"): do it in the config of yours"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Of a driver with these settings whose every call gives up after 5 s.
    fn longest_order(proxy: &str) -> Duration {
        let config = Config::parse(&format!("[runtime]\ncommand = \"x\"\n[proxy]\n{proxy}\n")).unwrap().config;
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        ProxyDriver::new(&config.proxy, &config.app, &state, Duration::from_secs(5)).longest_order()
    }

    #[test]
    fn the_longest_order_counts_every_wait_that_it_may_be_made_of() {
        for (kind, calls) in [("embedded", 2), ("haproxy", 8), ("nginx", 3), ("caddy", 8)] {
            let longest = longest_order(&format!("kind = \"{kind}\""));
            assert!(longest >= Duration::from_secs(5) * calls, "{kind}: {longest:?}");
        }
        // Test, reload and proof, the wait for the master, and the reload and the proof of what is put back.
        assert!(longest_order("kind = \"nginx\"\nreload_timeout = \"10m\"") >= Duration::from_secs(6 * 600));
    }
}
