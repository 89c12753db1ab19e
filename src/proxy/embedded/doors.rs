//! The listeners: bound by us or passed by systemd, in the clear or with a certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpListener;

use crate::files::StateDir;
use crate::net::listen::{ListenError, passed_or_tcp};
use crate::net::passed::Passed;
use crate::net::tls::{Certificate, TlsError, TlsFiles};
use crate::proxy::ProxySettings;

/// By these names systemd passes sockets; the last one where there is a redirect.
static NAMES: [&str; 3] = ["live", "idle", "redirect"];

/// What is bound and not yet served.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) live: (TcpListener, SocketAddr),
    pub(super) idle: (TcpListener, SocketAddr),
    /// Where visitors are sent on to HTTPS.
    pub(super) redirect: Option<(TcpListener, SocketAddr)>,
    pub(super) live_tls: Option<Arc<ServerConfig>>,
    pub(super) idle_tls: Option<Arc<ServerConfig>>,
    /// By listener.
    pub(super) certificates: Vec<(&'static str, Arc<Certificate>)>,
}

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Something else listens there.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Doors {
    /// Binds all of them. A relative path is relative to the state directory.
    ///
    /// # Errors
    /// Where one cannot be bound, or a certificate cannot be used.
    pub(super) async fn bind(settings: &ProxySettings, state: &StateDir) -> Result<Self, DoorError> {
        let mut passed = Passed::of_environment();
        let wanted = if settings.redirect.is_some() { NAMES.as_slice() } else { &NAMES[..2] };
        for name in passed.nobodys(wanted) {
            tracing::warn!(
                "nobody takes the clients of a socket that systemd has passed as {name:?}: its unit says FileDescriptorName= with one of {}, \
                 and has one ListenStream=",
                wanted.join(", ")
            );
        }
        let live = passed_or_tcp(&mut passed, "live", "proxy.live", &settings.live).await?;
        let idle = passed_or_tcp(&mut passed, "idle", "proxy.idle", &settings.idle).await?;
        let redirect = match &settings.redirect {
            Some(address) => Some(passed_or_tcp(&mut passed, "redirect", "proxy.redirect", address).await?),
            None => None,
        };
        let mut doors = Self { live, idle, redirect, live_tls: None, idle_tls: None, certificates: Vec::new() };
        doors.live_tls = doors.certified("live", settings.live_tls.as_ref(), state)?;
        doors.idle_tls = doors.certified("idle", settings.idle_tls.as_ref(), state)?;
        Ok(doors)
    }

    fn certified(
        &mut self,
        listener: &'static str,
        files: Option<&TlsFiles>,
        state: &StateDir,
    ) -> Result<Option<Arc<ServerConfig>>, TlsError> {
        let Some(files) = files else { return Ok(None) };
        let certificate = files.load(state)?;
        let config = certificate.server()?;
        self.certificates.push((listener, certificate));
        Ok(Some(config))
    }
}
