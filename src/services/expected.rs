//! The built-in checks that a config stands for, and its own.

use std::time::Duration;

use crate::config::Config;
use crate::domain::check::Check;
use crate::domain::schedule::Schedule;
use crate::monitor::{ChannelRule, Expected};

/// A heartbeat is due so often until it says otherwise.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What every watcher expects.
#[must_use]
pub fn of_watcher(config: &Config) -> Vec<Expected> {
    let probe = &config.probe;
    let watched = |rise, fall| Check { schedule: Schedule::Every(probe.every), grace: probe.grace(), rise, fall };
    let probed = watched(probe.rise, probe.fall);
    let heartbeat = Check { schedule: Schedule::Every(HEARTBEAT), grace: HEARTBEAT * 2, rise: 1, fall: probe.fall };
    let mut checks: Vec<(String, Check)> = ["blue", "green", "proxy", "preview"].map(|name| (name.to_owned(), probed.clone())).into();
    checks.push(("prober".to_owned(), watched(1, 1)));
    checks.push(("up".to_owned(), watched(1, 1)));
    if config.app.heartbeats {
        checks.extend(["heartbeat-blue", "heartbeat-green"].map(|name| (name.to_owned(), heartbeat.clone())));
    }
    if config.watcher.site.is_some() {
        checks.push(("site".to_owned(), probed.clone()));
    }
    checks.extend(peers(config).into_iter().map(|(_, name)| (name, probed.clone())));
    let channels = config.built_in_channels();
    let built_in = checks.into_iter().map(|(name, check)| Expected { name, check, channels: channels.clone() });
    built_in.chain(own(config)).collect()
}

/// Other watchers: URL and check.
#[must_use]
pub fn peers(config: &Config) -> Vec<(String, String)> {
    let name = |url: &str| {
        let host = url.trim_start_matches("http://").trim_start_matches("https://");
        format!("watcher-{}", host.split('/').next().unwrap_or_default())
    };
    config.watcher.peers.iter().map(|url| (url.trim_end_matches('/').to_owned(), name(url))).collect()
}

/// `[[check]]`.
fn own(config: &Config) -> impl Iterator<Item = Expected> {
    config.checks.iter().map(|own| {
        let channels = if own.channels.is_empty() { config.built_in_channels() } else { own.channels.clone() };
        Expected { name: own.name.clone(), check: own.check.clone(), channels }
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
