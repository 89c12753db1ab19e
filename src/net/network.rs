//! A network by its address: `10.0.0.0/8`, `fd00::/8`, or one address alone.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// IPv4 is mapped into IPv6.
    bits: u128,
    length: u32,
}

/// A text that is no network.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no network: an address, or one with its length like 10.0.0.0/8")]
pub struct NotANetwork(String);

impl Network {
    /// Whether the address is in it. `::ffff:1.2.3.4` is 1.2.3.4.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        (u128::from(mapped(address)) ^ self.bits).checked_shr(128 - self.length).unwrap_or(0) == 0
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotANetwork(text.to_owned());
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let before = if address.is_ipv4() { 96 } else { 0 };
        let length = match length {
            Some(length) => length.parse::<u32>().ok().filter(|length| before + length <= 128).ok_or_else(wrong)?,
            None => 128 - before,
        };
        Ok(Self { bits: u128::from(mapped(address)), length: before + length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "fd00::1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("0.0.0.0/0", "255.255.255.255", "fd00::1"),
            ("::1", "::1", "::2"),
            ("::/0", "fe00::1", ""),
        ] {
            let read: Network = network.parse().unwrap();
            assert!(read.contains(inside.parse().unwrap()), "{inside} in {network}");
            assert!(outside.is_empty() || !read.contains(outside.parse().unwrap()), "{outside} in {network}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/-1", "ten", "10.0.0.0/", "::/129", "10.0.0"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
