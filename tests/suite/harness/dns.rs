//! A real name server on the test's own address, and processes that ask it: in a mount namespace of their own they find it in
//! `/etc/resolv.conf`, as a container finds Docker's.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::host::Host;

const HEADER: usize = 12;
const NO_SUCH_NAME: u8 = 3;
const IPV4: [u8; 2] = [0, 1];

/// Answers for the names it was told, and for no other; ends when dropped.
pub(crate) struct Dns {
    zone: Arc<Mutex<Zone>>,
    resolv: PathBuf,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Zone {
    names: BTreeMap<String, Vec<Ipv4Addr>>,
    is_silent: bool,
}

impl Dns {
    /// Serves on this host's address.
    pub(crate) async fn start(host: &Host) -> Self {
        let socket = UdpSocket::bind(host.at(53)).await.expect("port 53 of the test's own address, which takes root");
        let resolv = host.path("resolv.conf");
        std::fs::write(&resolv, format!("nameserver {}\noptions ndots:0 timeout:1 attempts:1\n", host.ip)).expect("a resolv.conf");
        let zone = Arc::<Mutex<Zone>>::default();
        let served = Arc::clone(&zone);
        let serving = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let answer = served.lock().expect("nobody panics here").answer(&query[..length]);
                if let Some(answer) = answer {
                    // Whoever asked may have gone.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Self { zone, resolv, serving }
    }

    /// From now on the name stands for these hosts.
    pub(crate) fn set(&self, name: &str, hosts: &[&Host]) {
        let addresses = hosts.iter().map(|host| host.ip.parse().expect("an address")).collect();
        self.zone.lock().expect("nobody panics here").names.insert(name.to_owned(), addresses);
    }

    /// From now on nobody knows the name.
    pub(crate) fn forget(&self, name: &str) {
        self.zone.lock().expect("nobody panics here").names.remove(name);
    }

    /// Whether it answers nobody.
    pub(crate) fn set_silent(&self, is_silent: bool) {
        self.zone.lock().expect("nobody panics here").is_silent = is_silent;
    }

    /// An executable that asks this server for names. Its process id is the command's. Takes root.
    pub(crate) fn command(&self, executable: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\""]);
        command.arg(&self.resolv).arg(executable);
        command
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Zone {
    /// The answer to one question; none to what is not one.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        if self.is_silent {
            return None;
        }
        let (name, end) = name(query)?;
        let kind: [u8; 2] = query.get(end..end + 2)?.try_into().ok()?;
        let question = query.get(HEADER..end + 4)?;
        let known = self.names.get(&name);
        let addresses: &[Ipv4Addr] = known.filter(|_| kind == IPV4).map(Vec::as_slice).unwrap_or_default();
        let code = if known.is_some() { 0 } else { NO_SUCH_NAME };
        let mut answer = query.get(..2)?.to_vec();
        answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
        answer.extend(question);
        for address in addresses {
            // The question's name, IPv4, Internet, 600 s as Docker says, four bytes.
            answer.extend([0xC0, HEADER as u8, 0, 1, 0, 1, 0, 0, 2, 0x58, 0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}

/// The question's name, and where it ends.
fn name(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
}
