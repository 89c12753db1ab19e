//! Whether this host is on a network at all.

use std::path::Path;

/// Whether every interface but loopback is gone or down. What cannot be read is not so.
#[must_use]
pub fn only_loopback() -> bool {
    only_loopback_in(Path::new("/sys/class/net"))
}

fn only_loopback_in(interfaces: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(interfaces) else { return false };
    // A tunnel does not say that it is up: it is unknown.
    let is_down =
        |state: std::io::Result<String>| state.is_ok_and(|state| matches!(state.trim(), "down" | "notpresent" | "lowerlayerdown"));
    let mut others = entries.flatten().filter(|entry| entry.file_name() != "lo");
    others.all(|entry| is_down(std::fs::read_to_string(entry.path().join("operstate"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_that_is_not_down_is_a_network() {
        let folder = tempfile::tempdir().unwrap();
        let set = |name: &str, state: &str| {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("operstate"), state).unwrap();
        };
        set("lo", "unknown\n");
        assert!(only_loopback_in(folder.path()));
        set("eth0", "down\n");
        assert!(only_loopback_in(folder.path()));
        set("tun0", "unknown\n");
        assert!(!only_loopback_in(folder.path()));
        assert!(!only_loopback_in(&folder.path().join("nowhere")), "what is not known is not said");
    }
}
