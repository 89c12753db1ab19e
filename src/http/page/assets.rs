//! What the pages need besides themselves: all of it ours. Their addresses change with their content, so that browsers may keep them.

use std::sync::LazyLock;

use crate::signing::fingerprint;

/// The style sheet.
pub const STYLE: &str = include_str!("style.css");
/// Keeps an open page up to date.
pub const SCRIPT: &str = include_str!("live.js");
/// The sign in the browser's tab.
pub const ICON: &str = include_str!("icon.svg");

pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| format!("/style.css?{}", fingerprint(STYLE)));
pub(super) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| format!("/live.js?{}", fingerprint(SCRIPT)));
