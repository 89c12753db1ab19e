//! Whether the proxy's doors take clients: what vouches for it to its service manager.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::net::manager::ServiceManager;

/// So many looks fit into the time of the watchdog: one that fails is not the end.
const LOOKS: u32 = 4;

/// Goes through each door like a client, again and again, and says after each time that all of them let it in and out.
/// Ends at once where nobody wants to hear it.
pub(super) async fn vouch(doors: Vec<SocketAddr>, manager: ServiceManager) {
    let Some(watchdog) = manager.watchdog() else { return };
    let pace = (watchdog / LOOKS).max(Duration::from_millis(1));
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout(pace, through(&doors)).await {
            Ok(Ok(())) => manager.alive(),
            Ok(Err(error)) => tracing::warn!(%error, "one of our own doors takes no clients"),
            Err(_) => tracing::warn!(limit = ?pace, "one of our own doors took no client in time"),
        }
    }
}

/// Only what has accepted a connection and looked at it closes it again: the operating system alone does not.
async fn through(doors: &[SocketAddr]) -> std::io::Result<()> {
    for door in doors {
        let mut stream = TcpStream::connect(reachable(*door)).await?;
        stream.shutdown().await?;
        stream.read_to_end(&mut Vec::new()).await?;
    }
    Ok(())
}

/// Who listens everywhere is found on the loopback address.
fn reachable(door: SocketAddr) -> SocketAddr {
    let ip = match door.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, door.port())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_door_behind_which_nobody_accepts_is_not_passed() {
        let open = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let stuck = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (open_at, stuck_at) = (open.local_addr().unwrap(), stuck.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((client, _)) = open.accept().await {
                drop(client);
            }
        });
        assert!(through(&[open_at]).await.is_ok());
        let limit = Duration::from_millis(200);
        assert!(timeout(limit, through(&[open_at, stuck_at])).await.is_err(), "connected, and never let in");
        drop(stuck);
        assert!(through(&[open_at, stuck_at]).await.is_err());
    }
}
