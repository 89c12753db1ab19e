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

    /// How long past due an observation may be before its silence means anything: two intervals, or, where answers may take longer
    /// than one, an interval and the time in which the first of them times out.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.every + self.every.max(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_times_out_is_not_taken_for_silence() {
        let probe = |every, timeout| ProbeSettings {
            every: Duration::from_secs(every),
            slow: Duration::from_secs(1),
            timeout: Duration::from_secs(timeout),
            rise: 2,
            fall: 3,
        };
        assert_eq!(probe(5, 5).grace().as_secs(), 10);
        assert_eq!(probe(5, 1).grace().as_secs(), 10);
        assert_eq!(probe(1, 30).grace().as_secs(), 31);
    }
}
