//! `[probe]`.

use std::time::Duration;

use crate::settings::Section;

/// `[probe]`: how everything is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeSettings {
    /// A round starts so often, whether or not the last has ended. Default: 5 s.
    pub every: Duration,
    /// A slower answer is *doing poorly*. Default: 2 s.
    pub slow: Duration,
    /// A later answer is *not working*. Default: 5 s.
    pub timeout: Duration,
    /// Passes in a row that end a down. Default: 2.
    pub rise: u32,
    /// Failures in a row that make a down. Default: 3.
    pub fall: u32,
}

impl ProbeSettings {
    /// Reads `[probe]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            every: section.duration_or("every", Duration::from_secs(5)),
            slow: section.duration_or("slow", Duration::from_secs(2)),
            timeout: section.duration_or("timeout", Duration::from_secs(5)),
            rise: section.count_or("rise", 2),
            fall: section.count_or("fall", 3),
        };
        if settings.slow >= settings.timeout {
            section.error("slow", "must be less than timeout: a later answer counts as none");
        }
        section.finish();
        settings
    }
}
