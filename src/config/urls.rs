//! What must be a whole URL. A heartbeat that is given anything else for a watcher ends at once, again and again, and what is probed at no
//! URL is down for ever.

use crate::heartbeat::url;
use crate::monitor::WatcherSettings;
use crate::release::ProberSettings;
use crate::settings::Section;

/// An error for each that is none, where it stands.
pub(super) fn must_be_whole(root: &mut Section<'_>, prober: &ProberSettings, watcher: &WatcherSettings) {
    let watchers = prober.watchers.iter().map(|text| ("prober", "watchers", text));
    let peers = watcher.peers.iter().map(|text| ("watcher", "peers", text));
    let site = watcher.site.iter().map(|text| ("watcher", "site", text));
    for (section, key, text) in watchers.chain(peers).chain(site) {
        if let Err(why) = url(text) {
            root.section(section).error(key, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_watcher_a_peer_or_a_site_that_is_no_url_is_an_error_with_its_line_and_is_not_repeated() {
        let text = "[runtime]\ncommand = \"x\"\n[prober]\nwatchers = [\"http://one:7700\", \"ann:hush@two:7700\"]\n[watcher]\n\
                    peers = [\"https://\"]\nsite = \"shop.example\"\n";
        let told: Vec<String> = Config::parse(text).unwrap_err().iter().map(ToString::to_string).collect();
        let none = "not a whole URL: one begins with http:// or https:// and has a host";
        let wanted =
            [format!("line 4: prober.watchers: {none}"), format!("line 6: watcher.peers: {none}"), format!("line 7: watcher.site: {none}")];
        assert_eq!(told, wanted);
    }
}
