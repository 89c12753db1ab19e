//! `[app]`: the app that is deployed.

use crate::domain::colour::Colour;

use super::address::must_be_one;
use super::section::Section;

/// `[app]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSettings {
    /// What messages call it. Default: `app`.
    pub name: String,
    /// The path that answers 2xx when the app can serve. Default: `/healthz`.
    pub health: String,
    /// Whether each colour's instances stand beside a heartbeat, which is then expected to beat. Default: true.
    pub heartbeats: bool,
    /// `[app.blue]`.
    pub blue: ColourSettings,
    /// `[app.green]`.
    pub green: ColourSettings,
}

/// `[app.blue]`, `[app.green]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourSettings {
    /// Where the colour's instances listen, `host:port` each.
    pub addresses: Vec<String>,
    /// How many instances the colour has until a deploy or `scale` says otherwise. Default: as many as there are addresses.
    pub instances: u32,
}

impl AppSettings {
    /// Reads `[app]`.
    pub fn read(mut section: Section<'_>) -> Self {
        let name = section.text_or("name", "app");
        let health = section.text_or("health", "/healthz");
        if !health.starts_with('/') {
            section.error("health", "must be a path that begins with /");
        }
        let heartbeats = section.flag_or("heartbeats", true);
        let blue = ColourSettings::read(section.section("blue"), "127.0.0.1:3001");
        let green = ColourSettings::read(section.section("green"), "127.0.0.1:3002");
        if let Some(same) = blue.addresses.iter().find(|address| green.addresses.contains(address)) {
            section.error("green", format!("{same} is blue's address too: each colour needs its own"));
        }
        section.finish();
        Self { name, health, heartbeats, blue, green }
    }

    /// The settings of one colour.
    #[must_use]
    pub fn colour(&self, colour: Colour) -> &ColourSettings {
        match colour {
            Colour::Blue => &self.blue,
            Colour::Green => &self.green,
        }
    }
}

impl ColourSettings {
    fn read(mut section: Section<'_>, default: &str) -> Self {
        let one = section.text("address");
        let many = section.texts("addresses");
        if one.is_some() && !many.is_empty() {
            section.error("addresses", "give address or addresses, not both");
        }
        let mut addresses: Vec<String> = one.into_iter().chain(many).collect();
        if addresses.is_empty() {
            addresses.push(default.to_owned());
        }
        for address in &addresses {
            must_be_one(&section, "address", address);
        }
        let instances = section.count_or("instances", u32::try_from(addresses.len()).unwrap_or(u32::MAX));
        section.finish();
        Self { addresses, instances }
    }
}
