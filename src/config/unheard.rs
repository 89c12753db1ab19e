//! Who would not hear of what, with this config. Said by `validate`, by `up` and on the page, before it matters.

use super::whole::Config;
use crate::net::listen::beside;
use crate::settings::Secret;

/// One line for each failure that nobody would hear of. Empty: every failure that allswell knows of has a way out.
#[must_use]
pub fn unheard(config: &Config) -> Vec<String> {
    let outside = config.watcher.outside.as_ref().is_some_and(is_set);
    [
        no_channel(config),
        one_channel(config, outside),
        silent_channels(config),
        one_host(config, outside),
        two_hosts(config, outside),
        site(config),
        no_heartbeats(config),
        unspoken(config),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// An outside address whose variable is not set is none.
fn is_set(secret: &Secret) -> bool {
    secret.reveal_if_set().is_ok_and(|value| value.is_some())
}

fn no_channel(config: &Config) -> Option<String> {
    config.channels.is_empty().then(|| "nobody hears of any failure: there is no [[channel]], only the status page".to_owned())
}

fn one_channel(config: &Config, outside: bool) -> Option<String> {
    match config.channels.as_slice() {
        [only] if !outside => {
            Some(format!("nobody hears when the channel {} takes nothing: it is the only one, and watcher.outside is not set", only.name))
        }
        _ => None,
    }
}

fn silent_channels(config: &Config) -> Option<String> {
    let names: Vec<&str> = config.channels.iter().filter(|channel| channel.say.is_none()).map(|channel| channel.name.as_str()).collect();
    let which = match names.as_slice() {
        [] => return None,
        [one] => format!("the channel {one} has"),
        several => format!("the channels {} have", several.join(", ")),
    };
    Some(format!("nobody hears when {which} stopped working until the next alarm: set say = \"1d\""))
}

fn one_host(config: &Config, outside: bool) -> Option<String> {
    let alone = config.prober.watchers.iter().all(|url| is_loopback(url)) && !outside;
    alone.then(|| {
        "nobody hears when this host dies or is cut off: prober and watcher both run on it, and watcher.outside is not set".to_owned()
    })
}

fn two_hosts(config: &Config, outside: bool) -> Option<String> {
    let apart = config.prober.watchers.iter().any(|url| !is_loopback(url)) && !outside;
    apart.then(|| "nobody hears when the watcher's host and the prober's die together: watcher.outside is not set".to_owned())
}

fn site(config: &Config) -> Option<String> {
    match config.watcher.site.as_deref() {
        None => Some("nobody hears when the public cannot reach the site (name, certificate, network): watcher.site is not set".to_owned()),
        Some(url) if is_loopback(url) => {
            Some("nobody hears when the public cannot reach the site: watcher.site is an address of this host alone".to_owned())
        }
        Some(_) => None,
    }
}

fn no_heartbeats(config: &Config) -> Option<String> {
    (!config.app.heartbeats).then(|| "nobody hears when an instance is cut off from the watcher: app.heartbeats is false".to_owned())
}

/// The prober asks the watcher that listens here in the way that it speaks.
fn unspoken(config: &Config) -> Option<String> {
    let (scheme, listen) = (config.watcher.scheme(), &config.watcher.listen);
    let asked = config.prober.watchers.iter().filter_map(|url| url.trim_end_matches('/').split_once("://"));
    let mut wrong = asked.filter(|(asked, at)| *asked != scheme && (at == listen || *at == beside(listen)));
    wrong.next().map(|(asked, at)| {
        format!("nobody hears what the prober sees: prober.watchers has {asked}://{at}, which speaks {scheme}: name it as {scheme}://{at}")
    })
}

/// Whether a URL's host is this host seen from itself.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(more: &str) -> String {
        let text = format!("[runtime]\ncommand = \"x\"\n{more}");
        unheard(&Config::parse(&text).unwrap().config).join("\n")
    }

    const CHANNEL: &str = "[[channel]]\nname = \"ops\"\nkind = \"slack\"\nurl = \"https://hooks.example/x\"\n";
    const FULL: &str = "[watcher]\nsite = \"https://shop.example/\"\noutside = \"https://outside.example/x\"\n";

    #[test]
    fn a_bare_config_leaves_nearly_everything_unheard() {
        let told = told("[app]\nheartbeats = false\n");
        for what in ["there is no [[channel]]", "this host dies", "watcher.site is not set", "app.heartbeats is false"] {
            assert!(told.contains(what), "{what}: {told}");
        }
    }

    #[test]
    fn a_watcher_by_tls_is_asked_by_tls() {
        let with = |watchers: &str, tls: &str| {
            told(&format!("[prober]\nwatchers = [{watchers}]\n[watcher]\nlisten = \"0.0.0.0:7700\"\n{tls}"))
                .contains("what the prober sees")
        };
        let tls = "tls = { certificate = \"c\", key = \"k\" }\n";
        let (secure, clear, other) = ("\"https://127.0.0.1:7700\"", "\"http://127.0.0.1:7700/\"", "\"http://two:7700\"");
        assert!(with(&format!("{other}, {clear}"), tls) && with(secure, ""));
        assert!(!with(secure, tls) && !with(clear, "") && !with(other, tls));
    }

    #[test]
    fn one_channel_without_an_outside_address_is_not_enough() {
        assert!(told(CHANNEL).contains("ops takes nothing"));
        assert!(!told(&format!("{FULL}{CHANNEL}")).contains("ops takes nothing"));
    }

    #[test]
    fn an_outside_address_whose_variable_is_not_set_is_none() {
        assert!(told("[watcher]\noutside = { env = \"ALLSWELL_TEST_NEVER_SET\" }\n").contains("this host dies"));
        assert!(!told(FULL).contains("this host dies"));
    }

    #[test]
    fn a_channel_that_never_says_that_all_is_well_may_be_dead() {
        assert!(told(CHANNEL).contains("the channel ops has stopped working"));
        assert_eq!(told(&format!("{FULL}{CHANNEL}say = \"1d\"\n")), "");
    }

    #[test]
    fn a_watcher_elsewhere_hears_of_this_host_and_a_loopback_site_is_none() {
        let told = told("[prober]\nwatchers = [\"https://watch.example\"]\n[watcher]\nsite = \"http://[::1]:8000/\"\n");
        assert!(!told.contains("this host dies"), "{told}");
        assert!(told.contains("die together"), "{told}");
        assert!(told.contains("an address of this host alone"), "{told}");
    }
}
