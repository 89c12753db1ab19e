//! What the config of a proxy that is not ours needs, ready to be pasted.

use std::time::Duration;

use super::caddy::Caddy;
use super::haproxy::Haproxy;
use super::settings::{ProxyKind, ProxySettings};
use crate::domain::colour::Colour;
use crate::files::StateDir;
use crate::settings::AppSettings;

/// What is to stand in the proxy's own config; none for our own proxy, which needs nothing.
#[must_use]
pub fn snippet(proxy: &ProxySettings, app: &AppSettings, state: &StateDir) -> Option<String> {
    match &proxy.kind {
        ProxyKind::Embedded => None,
        ProxyKind::Nginx(settings) => {
            let folder = state.join(&settings.folder);
            let server = |listen: &str, name: &str| {
                format!(
                    "server {{\n    listen {listen};\n    include {}/{name}.conf;\n    location / {{\n        proxy_pass http://allswell_{name};\n    }}\n}}\n",
                    folder.display()
                )
            };
            let head = format!("# in http {{ }}\ninclude {}/http.conf;\n", folder.display());
            Some(format!("{head}{}{}", server(&proxy.live, "live"), server(&proxy.idle, "idle")))
        }
        ProxyKind::Caddy(settings) => {
            let caddy = Caddy::new(settings, app, state.path(), Duration::ZERO);
            caddy.start((&proxy.live, &proxy.idle), proxy.first_live).ok()
        }
        ProxyKind::Haproxy(settings) => {
            let map = state.join(&settings.map);
            let token = state.probe_token();
            let frontends = [(&proxy.live, "live", Front::Live), (&proxy.idle, "idle", Front::Idle)]
                .map(|(bind, name, front)| frontend(name, bind, &map.display().to_string(), &token.display().to_string(), front));
            Some(format!("{}\n{}", frontends.concat(), Colour::BOTH.map(|colour| backend(colour, app)).concat()))
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Front {
    Live,
    Idle,
}

/// A request takes colour and epoch from the map at once, and keeps both.
fn frontend(name: &str, bind: &str, map: &str, token: &str, front: Front) -> String {
    let (blue, green) = (Haproxy::backend(Colour::Blue), Haproxy::backend(Colour::Green));
    let (when_blue, when_green) = match front {
        Front::Live => (&blue, &green),
        Front::Idle => (&green, &blue),
    };
    let claim = match front {
        Front::Live => {
            "    http-after-response set-header X-Allswell-Colour %[var(txn.allswell),word(1,:)] if { var(txn.allswell_prober) -m bool }\n    \
             http-after-response set-header X-Allswell-Epoch %[var(txn.allswell),word(2,:)] if { var(txn.allswell_prober) -m bool }\n"
        }
        Front::Idle => "",
    };
    format!(
        "frontend allswell_{name}\n    bind {bind}\n    mode http\n    \
         http-request set-var(txn.allswell) str(live),map({map})\n    \
         http-request set-var(txn.allswell_prober) bool(true) if {{ req.hdr(x-allswell-probe-token) -m str -f {token} }}\n    \
         http-request del-header X-Allswell-Probe-Token\n    \
         http-after-response del-header X-Allswell-Colour\n    \
         http-after-response del-header X-Allswell-Epoch\n{claim}    \
         use_backend {when_blue} if {{ var(txn.allswell) -m beg blue: }}\n    \
         use_backend {when_green} if {{ var(txn.allswell) -m beg green: }}\n\n"
    )
}

fn backend(colour: Colour, app: &AppSettings) -> String {
    let servers = app.colour(colour).addresses.iter().enumerate();
    let servers: String = servers.map(|(at, address)| format!("    server {colour}-{} {address}\n", at + 1)).collect();
    format!("backend {}\n    mode http\n    balance leastconn\n{servers}\n", Haproxy::backend(colour))
}
