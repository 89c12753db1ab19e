//! Who would not hear of what, with the present configuration.

/// What the configuration has, as far as hearing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearing {
    /// How many channels.
    pub channels: usize,
    /// An outside address gets our own all's well.
    pub has_outside: bool,
    /// Other watchers.
    pub peers: usize,
    /// Everything listens on one host.
    pub is_one_host: bool,
    /// The site is probed from outside.
    pub has_site: bool,
    /// Each colour's instances stand beside a heartbeat.
    pub has_heartbeats: bool,
}

impl Hearing {
    /// One line each.
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        let nobody_outside = !self.has_outside && self.peers == 0;
        let gaps = [
            (self.channels == 0, "there is no [[channel]]: nobody hears of anything, except on this page"),
            (self.channels == 1, "there is one [[channel]]: when it dies, nobody hears that it has, nor of anything after"),
            (
                self.is_one_host && nobody_outside,
                "everything runs on one host and watcher.outside is not set: when the host dies, nobody hears of it",
            ),
            (!self.is_one_host && nobody_outside, "watcher.outside is not set: when the watcher's network dies, only the prober knows"),
            (!self.has_site, "watcher.site is not set: when the public cannot reach the proxy and the prober can, nobody hears of it"),
            (!self.has_heartbeats, "app.heartbeats is false: what a colour's heartbeat would notice from inside is not noticed"),
        ];
        gaps.into_iter().filter(|(is_gap, _)| *is_gap).map(|(_, words)| words.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_configuration_has_no_gaps_and_a_bare_one_has_many() {
        let full = Hearing { channels: 2, has_outside: true, peers: 0, is_one_host: true, has_site: true, has_heartbeats: true };
        assert_eq!(full.gaps(), Vec::<String>::new());
        let bare = Hearing { channels: 1, has_outside: false, peers: 0, is_one_host: true, has_site: false, has_heartbeats: false };
        assert_eq!(bare.gaps().len(), 4, "{:?}", bare.gaps());
    }
}
