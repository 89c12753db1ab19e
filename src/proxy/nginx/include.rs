//! What nginx's config includes.

use crate::domain::colour::Colour;
use crate::proxy::standing::Standing;
use crate::settings::AppSettings;

/// Included in `http`; the one file that a switch replaces.
pub(super) const HTTP: &str = "http.conf";
/// Included in the live `server`.
pub(super) const LIVE: &str = "live.conf";
/// Included in the idle `server`.
pub(super) const IDLE: &str = "idle.conf";
/// Answered by nginx itself, to the prober alone.
pub(super) const WHO: &str = "/.allswell/live";

/// How the first line of [`HTTP`] begins; what it says comes after it.
const HEAD: &str = "# Written by allswell at every switch.";

/// What that file says.
pub(super) fn standing(text: &str) -> Option<Standing> {
    text.lines().next()?.strip_prefix(HEAD)?.parse().ok()
}

/// Colour and epoch change with the upstreams, in one reload.
pub(super) fn http(standing: Standing, app: &AppSettings, token: &str) -> String {
    let Standing { live, epoch } = standing;
    // A pattern: a word as long as the token asks for a larger map_hash_bucket_size, which may be set only once.
    let prober_only = |name: &str, value: &str| {
        format!("map $http_x_allswell_probe_token $allswell_{name} {{\n    default \"\";\n    \"~^{token}$\" \"{value}\";\n}}\n")
    };
    format!(
        "{HEAD} {standing}\n{}{}{}{}\
         map $http_upgrade $allswell_connection {{\n    default upgrade;\n    \"\" \"\";\n}}\n",
        upstream("live", live, app),
        upstream("idle", live.other(), app),
        prober_only("colour", live.as_str()),
        prober_only("epoch", &epoch.to_string()),
    )
}

fn upstream(name: &str, colour: Colour, app: &AppSettings) -> String {
    let servers: String = app.colour(colour).addresses.iter().map(|address| format!("    server {address};\n")).collect();
    format!("upstream allswell_{name} {{\n    least_conn;\n{servers}    keepalive 64;\n}}\n")
}

/// What both listeners do; a `location` with a `proxy_set_header` or an `add_header` of its own has to repeat them.
const BOTH: &str = "# Written by allswell.\n\
    proxy_http_version 1.1;\n\
    proxy_set_header Host $http_host;\n\
    proxy_set_header Upgrade $http_upgrade;\n\
    proxy_set_header Connection $allswell_connection;\n\
    proxy_set_header X-Forwarded-For $remote_addr;\n\
    proxy_set_header X-Forwarded-Proto $scheme;\n\
    proxy_set_header X-Allswell-Probe-Token \"\";\n\
    proxy_hide_header X-Allswell-Colour;\n\
    proxy_hide_header X-Allswell-Epoch;\n";

pub(super) fn live() -> String {
    format!(
        "{BOTH}add_header X-Allswell-Colour $allswell_colour always;\nadd_header X-Allswell-Epoch $allswell_epoch always;\n\
         location = {WHO} {{\n    access_log off;\n    if ($allswell_colour = \"\") {{\n        return 404;\n    }}\n    return 204;\n}}\n"
    )
}

pub(super) fn idle() -> String {
    BOTH.to_owned()
}
