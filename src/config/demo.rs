//! The config of the demo, for `allswell up` in a folder without an `allswell.toml`.

use std::path::Path;

const TEXT: &str = include_str!("demo.toml");

/// The demo's config with every listener on its own address, or all on `bind`; the apps' control sockets stand in `state`.
#[must_use]
pub fn demo(state: &Path, bind: Option<&str>) -> String {
    let public = bind.unwrap_or("0.0.0.0");
    let bind = bind.unwrap_or("127.0.0.1");
    TEXT.replace("PUBLIC", public).replace("HOST", bind).replace("STATE", &quoted(state))
}

/// For a word in quotes within a basic string. A path with a quote of its own is beyond the demo.
fn quoted(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_demo_is_a_config_without_a_warning() {
        let loaded = Config::parse(&demo(Path::new("/home/a b/.allswell"), None)).unwrap();
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.config.proxy.live, "0.0.0.0:8000");
        assert_eq!(loaded.config.log.directory, None);
        let control = loaded.config.runtime.kind.process_command().last().unwrap();
        assert_eq!(control, "/home/a b/.allswell/demo-{colour}.sock");
    }

    #[test]
    fn the_demo_can_stand_on_another_address() {
        let loaded = Config::parse(&demo(Path::new("/s"), Some("127.1.2.3"))).unwrap();
        let config = loaded.config;
        for address in [&config.proxy.live, &config.proxy.idle, &config.proxy.health, &config.prober.listen, &config.watcher.listen] {
            assert!(address.starts_with("127.1.2.3:"), "{address}");
        }
        assert!(config.runtime.kind.process_command().contains(&"127.1.2.3".to_owned()));
    }
}
