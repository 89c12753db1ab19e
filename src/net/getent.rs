//! What the system's other services know of a host: those that are neither the hosts file nor DNS. They are libraries, which a C library within an
//! executable does not load (decision 0104); `getent` has the system's.

use std::net::IpAddr;
use std::process::Stdio;

use tokio::process::Command;

use crate::program::Running;

/// Where the system says by which services names are resolved.
const SERVICES: &str = "/etc/nsswitch.conf";

/// The addresses of a host, at least one, in the system's order. None where nobody knows it, and where the system names no other service or has no `getent`.
pub(super) async fn getent(host: &str) -> Option<Vec<IpAddr>> {
    if !names_others(&tokio::fs::read_to_string(SERVICES).await.ok()?) {
        return None;
    }
    let mut command = Command::new("getent");
    command.args(["ahosts", "--", host]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut said = Vec::new();
    // How it ended the heartbeat around a command may have heard before us; what it has said is all that counts.
    let _ = Running::start(&mut command).ok()?.answer(&[], &mut said, &mut Vec::new()).await;
    let found = addresses(&String::from_utf8_lossy(&said));
    (!found.is_empty()).then_some(found)
}

/// Of an answer, which has a line for each kind of socket.
fn addresses(said: &str) -> Vec<IpAddr> {
    let address = |line: &str| {
        let (address, kind) = line.split_once(char::is_whitespace)?;
        if kind.trim_start().starts_with("STREAM") { address.parse().ok() } else { None }
    };
    said.lines().filter_map(address).collect()
}

/// Whether the text of `nsswitch.conf` names other services for hosts.
fn names_others(text: &str) -> bool {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let hosts = lines.filter_map(|line| line.strip_prefix("hosts:"));
    // In brackets stands what to do about an answer.
    let services = hosts.flat_map(|line| line.split('[').map(|piece| piece.rsplit(']').next().unwrap_or_default()));
    services.flat_map(str::split_whitespace).any(|service| !matches!(service, "files" | "dns"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_once_and_in_its_order() {
        let said = "fd00::2         STREAM shop.local\nfd00::2         DGRAM  \nfd00::2         RAW    \n10.0.0.2        STREAM \n\
                    fe80::1%2       STREAM \n10.0.0.2        DGRAM  \n";
        assert_eq!(addresses(said).iter().map(ToString::to_string).collect::<Vec<_>>(), ["fd00::2", "10.0.0.2"]);
    }

    #[test]
    fn what_stands_in_brackets_is_no_service_and_neither_is_a_remark() {
        for (text, names) in [
            ("hosts: files dns\n", false),
            ("hosts:\tfiles [!UNAVAIL=return] dns # mdns4\npasswd: files systemd\n#hosts: resolve\n", false),
            ("", false),
            ("hosts: files mdns4_minimal [NOTFOUND=return] dns\n", true),
            ("hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n", true),
            ("hosts: files [NOTFOUND=continue]myhostname\n", true),
        ] {
            assert_eq!(names_others(text), names, "{text}");
        }
    }
}
