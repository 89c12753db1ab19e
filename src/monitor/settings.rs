//! `[watcher]`.

use std::time::Duration;

use super::expected::Keep;
use super::plan::read_plan;
use crate::domain::follow_up::Plan;
use crate::net::tls::TlsFiles;
use crate::settings::{Secret, Section, address_or};
use crate::store::Store;

const DAY: Duration = Duration::from_secs(86_400);
/// The name of a watcher that was given none.
pub(super) const UNNAMED: &str = "watcher";

/// `[watcher]`: who expects every all's well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherSettings {
    /// Beats, page, API, metrics. Default: `127.0.0.1:7700`.
    pub listen: String,
    /// The certificate of that listener. Default: none, it speaks HTTP in the clear.
    pub tls: Option<TlsFiles>,
    /// The watcher's own name, where there are several. Default: `watcher`.
    pub name: String,
    /// Where it keeps what must survive: `sqlite:FILE`, or `postgres://USER@HOST/DATABASE` for several watchers that share it; the password
    /// may be in `PGPASSWORD` or `~/.pgpass` instead. Default: `sqlite:watcher.db`.
    pub store: String,
    /// The public URL, probed from outside. Default: none.
    pub site: Option<String>,
    /// Where people find the status page; stands in messages. Default: `http://` and `listen`.
    pub url: Option<String>,
    /// Other watchers' URLs.
    pub peers: Vec<String>,
    /// An address that is not ours and gets our own all's well. Default: none.
    pub outside: Option<Secret>,
    /// How often the watcher's own all's well goes there. Default: 1 min.
    pub outside_every: Duration,
    /// The channels of the built-in checks. Default: all.
    pub channels: Vec<String>,
    /// What is done while nobody acknowledges an incident. Default: nothing.
    pub plan: Plan,
    /// The key that signs beats. Default: one made in the state directory.
    pub beat_key: Option<Secret>,
    /// Whoever has it may acknowledge, mute, pause and reload. Default: one made in the state directory.
    pub token: Option<Secret>,
    /// How long what was heard and told is kept.
    pub keep: Keep,
    /// Wrongly signed beats that go on for so long are told. Default: 1 min.
    pub strangers_after: Duration,
    /// So many checks have metrics of their own, those of the config first. Default: 1000.
    pub metric_checks: u32,
}

impl WatcherSettings {
    /// Reads `[watcher]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            listen: address_or(&mut section, "listen", "127.0.0.1:7700"),
            tls: TlsFiles::read(section.section("tls")),
            name: section.text_or("name", UNNAMED),
            store: section.text_or("store", "sqlite:watcher.db"),
            site: section.text("site"),
            url: section.text("url"),
            peers: section.texts("peers"),
            outside: section.secret("outside"),
            outside_every: section.duration_or("outside_every", Duration::from_secs(60)),
            channels: section.texts("channels"),
            plan: read_plan(&mut section),
            beat_key: section.secret("beat_key"),
            token: section.secret("token"),
            keep: Keep { log: section.duration_or("keep", DAY * 90), beats: section.duration_or("keep_beats", DAY) },
            strangers_after: section.duration_or("strangers_after", Duration::from_secs(60)),
            metric_checks: section.count_or("metric_checks", 1_000),
        };
        if !settings.store.starts_with("sqlite:") && !Store::is_server(&settings.store) {
            section.error("store", "must begin with sqlite: or postgres://");
        }
        // A repeat of a signed beat is known by its row, and a beat may be five minutes old.
        if settings.keep.beats < Duration::from_secs(3_600) || settings.keep.log < settings.keep.beats {
            section.error("keep_beats", "must be at least 1h, and not longer than keep");
        }
        section.finish();
        settings
    }

    /// What its listener speaks.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Where people find the status page.
    #[must_use]
    pub fn page_url(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("{}://{}", self.scheme(), self.listen))
    }
}
