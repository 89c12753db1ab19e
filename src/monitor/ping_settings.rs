//! `[pings]`: what the ping URLs take, and from whom.

use crate::net::network::Network;
use crate::settings::{Secret, Section};

/// `[pings]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingSettings {
    /// The key in `/ping/KEY/SLUG`. Default: none, and pings go by UUID alone.
    pub key: Option<Secret>,
    /// So many bytes of a ping's body are kept. Default: 100,000.
    pub body_limit: u32,
    /// So many pings a minute of one check are taken. Default: 60.
    pub per_check: u32,
    /// So many pings a minute from one address are taken. Default: 600.
    pub per_address: u32,
    /// So many checks at most are made by their first ping, or through the API. Default: 1,000.
    pub most_made: u32,
    /// The proxies whose `X-Forwarded-For` is believed. Default: none.
    pub trusted: Vec<Network>,
}

impl PingSettings {
    /// Reads `[pings]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let settings = Self {
            key: section.secret("key"),
            body_limit: section.count_or("body_limit", 100_000),
            per_check: section.count_or("per_check", 60),
            per_address: section.count_or("per_address", 600),
            most_made: section.count_or("most_made", 1_000),
            trusted: section.all_parsed("trusted"),
        };
        // A body of this size is held for each client at once.
        if settings.body_limit > 10_000_000 {
            section.error("body_limit", "must be at most 10000000 bytes");
        }
        section.finish();
        settings
    }
}
