//! The built-in checks that a config stands for, and its own.

use std::time::Duration;

use crate::config::Config;
use crate::domain::check::Check;
use crate::domain::follow_up::Plan;
use crate::domain::role::Role;
use crate::domain::schedule::Schedule;
use crate::monitor::{ChannelRule, Expected};
use crate::net::listen::beside;
use crate::runtime::RuntimeKind;

/// A heartbeat is due so often until it says otherwise.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What every watcher expects.
#[must_use]
pub fn of_watcher(config: &Config) -> Vec<Expected> {
    let probe = &config.probe;
    let watched = |rise, fall| Check { schedule: Schedule::Every(probe.every), grace: probe.grace(), rise, fall, apart: None };
    let probed = watched(probe.rise, probe.fall);
    let heartbeat = Check { schedule: Schedule::Every(HEARTBEAT), grace: HEARTBEAT * 2, rise: 1, fall: probe.fall, apart: None };
    let mut checks: Vec<(String, Check)> = ["blue", "green", "proxy", "preview"].map(|name| (name.to_owned(), probed.clone())).into();
    checks.push(("prober".to_owned(), watched(1, 1)));
    if config.runtime.kind.has_supervisor() {
        checks.push(("up".to_owned(), watched(1, 1)));
    }
    if config.app.heartbeats {
        checks.extend(["heartbeat-blue", "heartbeat-green"].map(|name| (name.to_owned(), heartbeat.clone())));
    }
    if config.watcher.site.is_some() {
        checks.push(("site".to_owned(), probed.clone()));
    }
    checks.extend(of_engine(config));
    let mut watchers: Vec<String> = peers(config).into_iter().map(|(_, name)| name).chain(other_watchers(config)).collect();
    watchers.sort();
    watchers.dedup();
    // Down by three intervals at the latest, however patient the config is with an app.
    checks.extend(watchers.into_iter().map(|name| (name, watched(1, probe.fall.min(3)))));
    let channels = config.built_in_channels();
    let built_in = checks.into_iter().map(|(name, check)| Expected {
        instances: instances(config, &name),
        name,
        check,
        channels: channels.clone(),
        plan: config.watcher.plan.clone(),
        behind: Vec::new(),
    });
    built_in.chain(own(config)).collect()
}

/// What the prober tells of the engine that it watches: what it says counts at once, for it has waited itself.
#[must_use]
pub fn of_engine(config: &Config) -> Vec<(String, Check)> {
    let mut names = Vec::new();
    if config.prober.engine.is_some() {
        names.extend(["engine", "instances-blue", "instances-green"]);
        names.extend(matches!(config.runtime.kind, RuntimeKind::Swarm(_)).then_some("nodes"));
    }
    let probe = &config.probe;
    let check = Check { schedule: Schedule::Every(probe.every), grace: probe.grace(), rise: 1, fall: 1, apart: None };
    names.into_iter().map(|name| (name.to_owned(), check.clone())).collect()
}

/// A heartbeat stands beside each instance of its colour, and the engine knows each; of everything else, whoever beats stands for all.
#[must_use]
pub fn instances(config: &Config, check: &str) -> Option<u32> {
    let (Role::Heartbeat(colour) | Role::Instances(colour)) = Role::of(check) else { return None };
    Some(config.app.colour(colour).instances)
}

/// The check that stands for the watcher at this URL: `watcher-HOST:PORT`.
#[must_use]
pub fn watcher_at(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    format!("watcher-{}", host.rsplit('@').next().unwrap_or_default())
}

/// Other watchers that this one probes itself: URL and check.
#[must_use]
pub fn peers(config: &Config) -> Vec<(String, String)> {
    config.watcher.peers.iter().map(|url| (url.trim_end_matches('/').to_owned(), watcher_at(url))).collect()
}

/// The watchers that the prober tells this one about: all of its others. None where this one is not found among them, for then
/// one of them is this one under another name, and nobody would ever be told of it.
fn other_watchers(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = config.prober.watchers.iter().map(|url| watcher_at(url)).collect();
    let own = [watcher_at(&config.watcher.page_url()), watcher_at(&config.watcher.listen), watcher_at(&beside(&config.watcher.listen))];
    let all = names.len();
    names.retain(|name| !own.contains(name));
    if names.len() < all {
        return names;
    }
    if all > 1 {
        tracing::warn!(
            "none of prober.watchers is this watcher: set watcher.url to the one that is, or nobody hears from here of the others' death"
        );
    }
    Vec::new()
}

/// `[[check]]`.
fn own(config: &Config) -> impl Iterator<Item = Expected> {
    config.checks.iter().map(|own| {
        let channels = if own.channels.is_empty() { config.built_in_channels() } else { own.channels.clone() };
        let (plan, of_watcher) = (own.plan.clone(), config.watcher.plan.clone());
        let plan = Plan { remind: plan.remind.or(of_watcher.remind), escalate: plan.escalate.or(of_watcher.escalate) };
        let (name, check, behind) = (own.name.clone(), own.check.clone(), own.behind.clone());
        Expected { name, check, channels, instances: own.instances, plan, behind }
    })
}

/// `[[channel]]`, as far as the courier is concerned.
#[must_use]
pub fn channel_rules(config: &Config) -> Vec<ChannelRule> {
    let rule = |channel: &crate::notify::ChannelSettings| ChannelRule {
        name: channel.name.clone(),
        fallback: channel.fallback.clone(),
        say: channel.say,
        timeout: channel.timeout,
    };
    config.channels.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchers(watcher: &str) -> Vec<String> {
        let text = format!(
            "[runtime]\ncommand = \"x\"\n[prober]\nwatchers = [\"http://127.0.0.1:7700/\", \"https://ann:secret@two.example:7700\"]\n[watcher]\n{watcher}"
        );
        let config = Config::parse(&text).unwrap().config;
        let names = of_watcher(&config).into_iter().map(|expected| expected.name);
        names.filter(|name| name.starts_with("watcher-")).collect()
    }

    #[test]
    fn a_watcher_expects_every_other_one_that_the_prober_tells() {
        let other = ["watcher-two.example:7700"];
        assert_eq!(watchers("listen = \"127.0.0.1:7700\""), other);
        assert_eq!(watchers("listen = \"0.0.0.0:7700\""), other);
        assert_eq!(watchers("listen = \"127.0.0.1:7700\"\npeers = [\"https://two.example:7700\"]"), other, "once");
        assert_eq!(watchers("listen = \"0.0.0.0:7000\"\nurl = \"https://two.example:7700/status\""), ["watcher-127.0.0.1:7700"]);
    }

    #[test]
    fn a_heartbeat_stands_beside_each_instance_and_of_the_rest_whoever_beats_stands_for_all() {
        let text = "[runtime]\nkind = \"docker\"\n[app.blue]\naddresses = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n[app.green]\ninstances = 5\n\
                    [[check]]\nname = \"worker\"\nperiod = \"1m\"\ninstances = 3\n[[check]]\nname = \"job\"\nperiod = \"1h\"\n";
        let config = Config::parse(text).unwrap().config;
        let expected = of_watcher(&config);
        let instances = |name: &str| expected.iter().find(|expected| expected.name == name).unwrap().instances;
        assert_eq!(["heartbeat-blue", "heartbeat-green", "worker", "job", "blue"].map(instances), [Some(2), Some(5), Some(3), None, None]);
    }

    #[test]
    fn a_watcher_that_does_not_find_itself_expects_nobody() {
        assert_eq!(watchers("listen = \"0.0.0.0:9999\""), [""; 0]);
    }
}
