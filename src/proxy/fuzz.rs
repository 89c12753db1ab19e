//! What other proxies answer, tried with anything.

use serde_json::Value;

use super::standing::Standing;
use super::{caddy, haproxy};
use crate::domain::colour::Colour;
use crate::settings::{AppSettings, Document};

/// The CSV of HAProxy's `show stat`.
pub(crate) fn haproxy(data: &[u8]) {
    let rows = haproxy::parse(&String::from_utf8_lossy(data));
    for colour in Colour::BOTH {
        let _ = haproxy::load(&rows, colour);
    }
}

/// Caddy's config, as its admin API gives it: both objects can be replaced wherever they are found, and say then what was put there.
pub(crate) fn caddy(data: &[u8]) {
    let Ok(mut config) = serde_json::from_slice::<Value>(data) else { return };
    let document = Document::parse("");
    let mut root = document.root();
    let app = AppSettings::read(root.section("app"));
    let _ = caddy::object::standing(&config);
    let standing = Standing { live: Colour::Green, epoch: 7 };
    if caddy::object::has_both(&config) && caddy::object::replace(&mut config, standing, &app, "token").is_ok() {
        assert_eq!(caddy::object::standing(&config), Some(standing));
    }
}

/// `green:7`, as it stands in a map or a file: what is understood is written the same.
pub(crate) fn standing(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(standing) = text.parse::<Standing>() else { return };
    assert_eq!(standing.to_string().parse::<Standing>().ok(), Some(standing), "{text}");
}
