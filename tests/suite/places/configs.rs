//! The configs in `deploy/`: every part reads them as they stand there.

use std::path::Path;

use allswell::config::Config;

#[test]
fn the_configs_that_are_deployed_are_right() {
    for name in ["allswell.docker.toml", "allswell.swarm.toml", "watcher/allswell.toml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let loaded = Config::parse(&text).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        assert_eq!(loaded.config.app.name, "shop", "{name}");
    }
}
