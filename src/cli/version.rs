//! What `--version` says: which version, of which commit, built when.

use std::sync::LazyLock;

use crate::clock;
use crate::domain::moment::Moment;

/// `0.1.0 (92ef688f6f3a, built 2026-11-25)`; `0.1.0 (development build)` where build.rs was told neither.
#[must_use]
pub(super) fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| format!("{} ({})", env!("CARGO_PKG_VERSION"), origin(env!("ALLSWELL_COMMIT"), env!("ALLSWELL_BUILT"))));
    &VERSION
}

/// The day on which it was built, `YYYY-MM-DD`; today where nobody has said.
pub(super) fn day() -> String {
    built(env!("ALLSWELL_BUILT")).unwrap_or_else(|| clock::local(clock::now()).format("%Y-%m-%d").to_string())
}

fn built(seconds: &str) -> Option<String> {
    let seconds: i64 = seconds.parse().ok()?;
    Some(Moment::from_millis(seconds.saturating_mul(1_000)).to_utc().format("%Y-%m-%d").to_string())
}

/// From the commit, and the seconds since 1970; either may be unknown.
fn origin(commit: &str, seconds: &str) -> String {
    match (commit, built(seconds)) {
        ("", None) => "development build".to_owned(),
        (commit, None) => commit.to_owned(),
        ("", Some(day)) => format!("unknown commit, built {day}"),
        (commit, Some(day)) => format!("{commit}, built {day}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_of_a_build_is_not_said() {
        assert_eq!(origin("92ef688f6f3a", "1795000000"), "92ef688f6f3a, built 2026-11-18");
        assert_eq!(origin("", "0"), "unknown commit, built 1970-01-01");
        assert_eq!(origin("92ef688f6f3a+changes", ""), "92ef688f6f3a+changes");
        assert_eq!(origin("", ""), "development build");
    }
}
