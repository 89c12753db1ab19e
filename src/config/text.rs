//! The text of a config, of which an order reads two sections, and the rest once it is on its way.

use std::path::{Path, PathBuf};

use super::whole::{Config, Loaded};
use crate::proxy::ProxyKind;
use crate::release::ProberSettings;
use crate::settings::{Document, Problem};

/// Why a config was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the config {} cannot be read: {}{}", .0.display(), .1, named(.1))]
    Unreadable(PathBuf, std::io::Error),
    /// Every error, each with its line.
    #[error("{}", listed(.0, .1))]
    Wrong(PathBuf, Vec<Problem>),
}

fn named(error: &std::io::Error) -> &'static str {
    if error.kind() == std::io::ErrorKind::NotFound { ". Say --config FILE, or write one with: allswell init" } else { "" }
}

fn listed(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
    lines.join("\n")
}

/// Reads a file. The relative paths of its secrets are in the state directory.
///
/// # Errors
/// Where it cannot be read, or where anything in it is wrong: everything at once.
pub fn load(path: &Path, state: &Path) -> Result<Loaded, ConfigError> {
    Text::of(path)?.whole(state)
}

/// A config that was not read yet, or in part.
#[derive(Debug)]
pub struct Text {
    path: PathBuf,
    text: String,
}

impl Text {
    /// Of this file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable(path.to_owned(), error))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Where the prober listens (`HOST:PORT`), and what a switch by its proxy costs the site's visitors, if anything. None where something is wrong
    /// with that, or with the file as a whole: what it is, whoever reads the whole hears.
    #[must_use]
    pub fn for_orders(&self) -> Option<(String, Option<&'static str>)> {
        let document = Document::parse(&self.text);
        let mut root = document.root();
        let (prober, proxy) = (ProberSettings::read(root.section("prober")), ProxyKind::of(root.section("proxy")));
        let read = (!document.has_errors()).then(|| (prober.at(), proxy.switch_costs()));
        // The functions that free all this stand all over the executable: an order would read a page for each.
        std::mem::forget((prober, proxy, root));
        std::mem::forget(document);
        read
    }

    /// All of it. The relative paths of its secrets are in the state directory.
    ///
    /// # Errors
    /// Where anything in it is wrong: everything at once.
    pub fn whole(&self, state: &Path) -> Result<Loaded, ConfigError> {
        let mut loaded = Config::parse(&self.text).map_err(|problems| ConfigError::Wrong(self.path.clone(), problems))?;
        loaded.config.within(state);
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text { path: "allswell.toml".into(), text: text.to_owned() }
    }

    #[test]
    fn an_order_goes_by_its_own_sections_alone() {
        let said = |config: &str| text(config).for_orders();
        assert_eq!(said("[prober]\nlisten = \"0.0.0.0:7\"\n[[check]]\nname = 7\n"), Some(("127.0.0.1:7".to_owned(), None)));
        let costs = said("[proxy]\nkind = \"nginx\"\n").expect("nothing is wrong").1;
        assert!(costs.is_some_and(|costs| costs.contains("nginx")), "{costs:?}");
        for wrong in ["[prober]\nlissen = \"0.0.0.0:7\"\n", "[proxy]\nkind = \"squid\"\n", "[prober\n"] {
            assert_eq!(said(wrong), None, "{wrong}");
            assert!(matches!(text(wrong).whole(Path::new("/s")), Err(ConfigError::Wrong(..))), "{wrong}");
        }
    }
}
