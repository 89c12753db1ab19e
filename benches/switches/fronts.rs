//! What stands in front: ours, or a proxy of Debian's with a config as its users have it.

use std::path::Path;

use super::stage::{Child, Stage};

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Embedded,
    Haproxy,
    Nginx,
    Caddy,
}

impl Front {
    pub(crate) const ALL: [Self; 4] = [Self::Embedded, Self::Haproxy, Self::Nginx, Self::Caddy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|front| front.name() == name).unwrap_or_else(|| panic!("{name} is not one of {:?}", Self::ALL))
    }

    /// Its own lines in `[proxy]`.
    pub(crate) fn settings(self, folder: &Path, ip: &str) -> String {
        let folder = folder.display();
        match self {
            Self::Embedded => String::new(),
            Self::Haproxy => format!("socket = \"{folder}/haproxy.sock\""),
            Self::Nginx => {
                format!("pid = \"{folder}/nginx.pid\"\ncommand = [\"nginx\", \"-p\", \"{folder}\", \"-c\", \"{folder}/nginx.conf\"]")
            }
            Self::Caddy => format!("admin = \"{ip}:2019\""),
        }
    }

    /// Starts it with what `allswell snippet` says.
    pub(crate) fn start(self, stage: &Stage) -> Child {
        let snippet = stage.command(&["snippet"]);
        let folder = stage.path("").display().to_string();
        let folder = folder.trim_end_matches('/');
        match self {
            Self::Embedded => stage.part("allswell-proxy", include_str!("../../deploy/systemd/allswell-proxy.service")),
            Self::Haproxy => {
                let head = format!(
                    "global\n    nbthread 2\n    stats socket {folder}/haproxy.sock mode 600 level admin\ndefaults\n    \
                     timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n"
                );
                stage.write("haproxy.cfg", &format!("{head}{snippet}"));
                stage.start("haproxy", &["-W", "-db", "-f", "haproxy.cfg"])
            }
            Self::Nginx => {
                let temporary =
                    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {folder}/{name}; "));
                let http = format!(
                    "access_log {folder}/access.log; keepalive_requests 1000000; client_max_body_size 8m; client_body_buffer_size 2m; {} include {folder}/servers.conf;",
                    temporary.concat()
                );
                stage.write("servers.conf", &snippet);
                stage.write(
                    "nginx.conf",
                    &format!(
                        "daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes auto; \
                         worker_shutdown_timeout 2s; events {{ worker_connections 4096; }} http {{ {http} }}"
                    ),
                );
                stage.start("nginx", &["-p", folder, "-c", &format!("{folder}/nginx.conf")])
            }
            Self::Caddy => {
                stage.write("caddy.json", &snippet);
                stage.start("caddy", &["run", "--resume", "--config", "caddy.json"])
            }
        }
    }
}
