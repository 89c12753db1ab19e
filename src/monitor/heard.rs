//! What the prober said last of the cluster.

use serde::{Deserialize, Serialize};

use crate::domain::beat::Live;
use crate::domain::colour::Colour;
use crate::domain::moment::Moment;
use crate::domain::role::Role;
use crate::store::{Connection, StoreError, facts};

pub(super) const FACT: &str = "live";

/// The last thing heard of the cluster, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveHeard {
    /// What was said.
    pub live: Live,
    /// When. None: never.
    pub heard_at: Option<Moment>,
}

impl LiveHeard {
    /// Until when a check of this role is quiet, because a deploy replaces what it watches.
    #[must_use]
    pub fn quiet_until(&self, role: Role) -> Option<Moment> {
        let deploy = self.live.deploy.as_ref()?;
        let concerned = match role {
            Role::Colour(colour) | Role::Heartbeat(colour) | Role::Instances(colour) => colour == deploy.colour,
            Role::Preview => self.live.colour != Some(deploy.colour),
            Role::Proxy
            | Role::Site
            | Role::Prober
            | Role::Watcher
            | Role::Up
            | Role::Nodes
            | Role::Engine
            | Role::Channel
            | Role::Config
            | Role::Group
            | Role::Own => false,
        };
        concerned.then_some(deploy.until)
    }

    /// Whether what a check of this role watches was stopped on purpose: its colour expects no instance.
    #[must_use]
    pub fn is_stopped(&self, role: Role) -> bool {
        let Some(expected) = self.live.expected else { return false };
        let colour = match role {
            Role::Colour(colour) | Role::Heartbeat(colour) | Role::Instances(colour) => Some(colour),
            Role::Preview => self.live.colour.map(Colour::other),
            Role::Site => self.live.colour,
            Role::Proxy
            | Role::Prober
            | Role::Watcher
            | Role::Up
            | Role::Nodes
            | Role::Engine
            | Role::Channel
            | Role::Config
            | Role::Group
            | Role::Own => None,
        };
        colour.is_some_and(|colour| expected.of(colour) == 0)
    }

    /// The colours that are stopped on purpose.
    #[must_use]
    pub fn stopped(&self) -> Vec<Colour> {
        Colour::BOTH.into_iter().filter(|colour| self.is_stopped(Role::Colour(*colour))).collect()
    }
}

/// Reads it.
pub(super) async fn read(connection: &mut Connection) -> Result<LiveHeard, StoreError> {
    Ok(facts::get(connection, FACT).await?.unwrap_or_default())
}

/// For people: `blue`, `green` or `undefined`.
#[must_use]
pub(super) fn word(colour: Option<Colour>) -> &'static str {
    colour.map_or("undefined", Colour::as_str)
}
