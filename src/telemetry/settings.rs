//! `[log]`.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::Section;

/// `[log]`: the day's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Its directory. Unset: prober and watcher write none.
    pub directory: Option<PathBuf>,
    /// How long a day's file is kept. Default: 90 d.
    pub keep: Duration,
}

impl LogSettings {
    /// Where `allswell health` writes when nothing else is said.
    pub const DEFAULT_DIRECTORY: &str = "/var/log/challenge";

    /// Reads `[log]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            directory: section.text("directory").map(PathBuf::from),
            keep: section.duration_or("keep", Duration::from_secs(90 * 86_400)),
        };
        section.finish();
        settings
    }
}
