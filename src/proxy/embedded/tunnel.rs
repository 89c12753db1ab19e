//! After 101: bytes both ways, until one side ends or nothing moves.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::claim::Claim;
use super::client::Activity;
use crate::proxy::ProxyTimeouts;

/// The two ends of a stream that both have agreed to.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// Towards the client.
    pub(super) client: OnUpgrade,
    /// Towards the app.
    pub(super) app: OnUpgrade,
    /// What the client's connection does.
    pub(super) activity: Arc<Activity>,
    /// What the stream holds.
    pub(super) claim: Claim,
}

impl Tunnel {
    /// Copies until both sides have ended, one breaks, or nothing has moved for the idle limit.
    pub(super) async fn run(self, limits: ProxyTimeouts) {
        let Ok((client, app)) = tokio::try_join!(self.client, self.app) else { return };
        let (mut client, mut app) = (TokioIo::new(client), TokioIo::new(app));
        self.activity.answers();
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut app) => {}
            () = self.activity.stands_still(&limits) => {}
        }
        drop(self.claim);
    }
}
