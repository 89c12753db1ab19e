//! What the system's other services know of a host: those that are neither the hosts file nor DNS. They are libraries, which a C library within an
//! executable does not load (decision 0104); `getent` has the system's.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// Where the system says by which services names are resolved.
const SERVICES: &str = "/etc/nsswitch.conf";

/// The addresses of a host, at least one. None where nobody knows it, and where the system names no other service or has no `getent`.
pub(super) async fn getent(host: &str) -> Option<BTreeSet<IpAddr>> {
    if !names_others(&tokio::fs::read_to_string(SERVICES).await.ok()?) {
        return None;
    }
    let mut command = Command::new("getent");
    command.args(["ahosts", "--", host]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let (mut child, mut said) = (command.spawn().ok()?, String::new());
    child.stdout.take()?.read_to_string(&mut said).await.ok()?;
    // The heartbeat around a command may have reaped it; what it has said is all that counts.
    let _ = child.wait().await;
    // A line for each kind of socket: `10.0.0.2 STREAM shop.local`.
    let address = |line: &str| line.split_whitespace().next()?.parse().ok();
    let found: BTreeSet<IpAddr> = said.lines().filter_map(address).collect();
    (!found.is_empty()).then_some(found)
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
