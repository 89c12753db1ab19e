//! What a check watches, what may be the cause of its trouble, and how grave that is.

use super::beat::Showing;
use super::colour::Colour;
use super::flip::Reason;
use super::severity::Severity;

/// What a check stands for. The built-in checks are known by their names; everything else is the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// `blue`, `green`: the app of a colour, probed directly.
    Colour(Colour),
    /// `heartbeat-blue`, `heartbeat-green`: the heartbeat beside a colour's instances.
    Heartbeat(Colour),
    /// `proxy`: the front door and the proxy's control.
    Proxy,
    /// `preview`: the idle listener.
    Preview,
    /// `site`: the public URL seen from outside.
    Site,
    /// `prober`.
    Prober,
    /// `watcher` or `watcher-NAME`.
    Watcher,
    /// `up`: the supervisor of one machine.
    Up,
    /// `instances-blue`, `instances-green`: the instances of a colour, as the engine that runs them knows them.
    Instances(Colour),
    /// `nodes`: the nodes of the Swarm.
    Nodes,
    /// `engine`: the Docker engine that the prober watches.
    Engine,
    /// `channel-NAME`: a channel that takes nothing.
    Channel,
    /// `config`: the config that a part was told to read anew.
    Config,
    /// `group-WHEN`: many incidents that are told as one.
    Group,
    /// A check of the user's own.
    Own,
}

/// Whether another check's state explains this check's trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PossibleCause {
    /// The check that may be the cause.
    pub role: Role,
    /// It explains silence only: what it feeds falls silent with it.
    pub of_silence_only: bool,
}

impl Role {
    /// The role of the check with this name.
    #[must_use]
    pub fn of(check: &str) -> Self {
        match check {
            "blue" => Self::Colour(Colour::Blue),
            "green" => Self::Colour(Colour::Green),
            "heartbeat-blue" => Self::Heartbeat(Colour::Blue),
            "heartbeat-green" => Self::Heartbeat(Colour::Green),
            "instances-blue" => Self::Instances(Colour::Blue),
            "instances-green" => Self::Instances(Colour::Green),
            "nodes" => Self::Nodes,
            "engine" => Self::Engine,
            "proxy" => Self::Proxy,
            "preview" => Self::Preview,
            "site" => Self::Site,
            "prober" => Self::Prober,
            "watcher" => Self::Watcher,
            "up" => Self::Up,
            "config" => Self::Config,
            name if name.starts_with("watcher-") => Self::Watcher,
            name if name.starts_with("channel-") => Self::Channel,
            name if name.starts_with("group-") => Self::Group,
            _ => Self::Own,
        }
    }

    /// The word in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Colour(_) => "colour",
            Self::Heartbeat(_) => "heartbeat",
            Self::Proxy => "proxy",
            Self::Preview => "preview",
            Self::Site => "site",
            Self::Prober => "prober",
            Self::Watcher => "watcher",
            Self::Up => "up",
            Self::Instances(_) => "instances",
            Self::Nodes => "nodes",
            Self::Engine => "engine",
            Self::Channel => "channel",
            Self::Config => "config",
            Self::Group => "group",
            Self::Own => "own",
        }
    }

    /// The colour that the check belongs to, where it belongs to one for ever.
    #[must_use]
    pub fn colour(self) -> Option<Colour> {
        match self {
            Self::Colour(colour) | Self::Heartbeat(colour) | Self::Instances(colour) => Some(colour),
            Self::Proxy
            | Self::Preview
            | Self::Site
            | Self::Prober
            | Self::Watcher
            | Self::Up
            | Self::Nodes
            | Self::Engine
            | Self::Channel
            | Self::Config
            | Self::Group
            | Self::Own => None,
        }
    }

    /// The checks whose trouble may be the cause of this one's, with `live` as the live colour.
    #[must_use]
    pub fn possible_causes(self, live: Option<Colour>) -> Vec<PossibleCause> {
        let failure = |role| PossibleCause { role, of_silence_only: false };
        let silence = |role| PossibleCause { role, of_silence_only: true };
        let of = |colour: Option<Colour>| colour.map(|colour| failure(Self::Colour(colour)));
        match self {
            // An engine that ends takes its containers with it.
            Self::Colour(colour) => vec![failure(Self::Instances(colour)), failure(Self::Engine), silence(Self::Prober)],
            Self::Heartbeat(colour) => vec![failure(Self::Instances(colour)), failure(Self::Colour(colour)), failure(Self::Engine)],
            // While the engine does not answer, nobody knows.
            Self::Instances(_) | Self::Nodes => vec![failure(Self::Engine), silence(Self::Prober)],
            // The prober looks at every watcher; one that hears nobody knows nothing of them.
            Self::Engine | Self::Watcher => vec![silence(Self::Prober)],
            Self::Proxy => of(live).into_iter().chain([silence(Self::Prober)]).collect(),
            Self::Preview => of(live.map(Colour::other)).into_iter().chain([failure(Self::Proxy), silence(Self::Prober)]).collect(),
            Self::Site => of(live).into_iter().chain([failure(Self::Proxy)]).collect(),
            Self::Prober | Self::Up | Self::Channel | Self::Config | Self::Group | Self::Own => Vec::new(),
        }
    }

    /// How grave it is that this check is down: critical where the live colour or what serves it is down. Undefined counts as live.
    #[must_use]
    pub fn severity(self, live: Option<Colour>) -> Severity {
        match self {
            Self::Proxy | Self::Site | Self::Engine => Severity::Critical,
            Self::Colour(colour) | Self::Heartbeat(colour) | Self::Instances(colour) if live.is_none_or(|live| live == colour) => {
                Severity::Critical
            }
            Self::Colour(_)
            | Self::Heartbeat(_)
            | Self::Instances(_)
            | Self::Preview
            | Self::Prober
            | Self::Watcher
            | Self::Up
            | Self::Nodes
            | Self::Channel
            | Self::Config
            | Self::Group
            | Self::Own => Severity::Warning,
        }
    }
}

impl PossibleCause {
    /// Whether a cause that is in trouble for `cause` explains a dependent that is in trouble for `dependent`:
    /// failure explains failure and silence; silence explains silence alone, for what is silent may still be well.
    #[must_use]
    pub fn explains(self, cause: &Reason, dependent: &Reason) -> bool {
        if self.of_silence_only || cause.is_silence() { dependent.is_silence() } else { true }
    }
}

/// The worse of two showings: what a colour shows is what its worst instance shows.
#[must_use]
pub fn worse(one: Showing, other: Showing) -> Showing {
    let rank = |showing| match showing {
        Showing::Good => 0,
        Showing::Slow => 1,
        Showing::Bad => 2,
        Showing::Exited => 3,
    };
    if rank(one) >= rank(other) { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_the_prober_explains_silence_and_no_failure() {
        let silence = Reason::Silent { last_heard: None, farewell: None, forgiven: false };
        let failure = Reason::Failing { what: "connection refused".into(), times: 3 };
        let causes = Role::of("blue").possible_causes(None);
        let cause = causes.into_iter().find(|cause| cause.role == Role::Prober).unwrap();
        assert!(cause.explains(&silence, &silence));
        assert!(!cause.explains(&silence, &failure));
    }

    #[test]
    fn the_live_colour_is_critical_and_the_idle_one_is_not() {
        let live = Some(Colour::Green);
        assert_eq!(Role::of("green").severity(live), Severity::Critical);
        assert_eq!(Role::of("blue").severity(live), Severity::Warning);
        assert_eq!(Role::of("blue").severity(None), Severity::Critical);
    }
}
