//! How a colour's containers are called. The name says how far a container has come, since it can be changed in one step and labels cannot.

use crate::domain::colour::Colour;

/// `APP`.
pub(super) const APP: &str = "allswell.app";
/// `blue` or `green`.
pub(super) const COLOUR: &str = "allswell.colour";
/// The version that was deployed.
pub(super) const VERSION: &str = "allswell.version";
/// Which one of its colour: 1, 2, ...
pub(super) const INSTANCE: &str = "allswell.instance";
/// The deploy that made it.
pub(super) const DEPLOY: &str = "allswell.deploy";

/// When its deploy made it, in milliseconds since 1970: the same for all that a deploy makes, and for no others, whatever becomes of the journal.
pub(super) const MADE: &str = "allswell.made";

/// How far a container has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Its colour's: `APP-COLOUR-N`.
    Settled,
    /// Started, and nobody has proven it: `APP-COLOUR-N-new`.
    New,
    /// Proven, and those that it replaces may still be there: `APP-COLOUR-N-proven`.
    Proven,
}

impl Stage {
    fn ending(self) -> &'static str {
        match self {
            Self::Settled => "",
            Self::New => "-new",
            Self::Proven => "-proven",
        }
    }

    /// By a container's name.
    pub(super) fn of(name: &str) -> Self {
        [Self::New, Self::Proven].into_iter().find(|stage| name.ends_with(stage.ending())).unwrap_or(Self::Settled)
    }
}

/// The name of a colour's container, with what Docker does not take in names replaced.
pub(super) fn name(app: &str, colour: Colour, number: u32, stage: Stage) -> String {
    format!("{}-{colour}-{number}{}", plain(app), stage.ending())
}

/// The number at the end of a name, whoever gave it: `shop-blue-2`, `shop_blue_2`, `shop-blue-2-new`.
pub(super) fn number(name: &str) -> Option<u32> {
    let stem = name.strip_suffix(Stage::of(name).ending()).unwrap_or(name);
    stem.rsplit(['-', '_']).next()?.parse().ok()
}

fn plain(app: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let plain: String = app.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_alphanumeric()) { plain } else { format!("app{plain}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_number_and_how_far_it_has_come() {
        for stage in [Stage::Settled, Stage::New, Stage::Proven] {
            let name = name("shop", Colour::Blue, 12, stage);
            assert_eq!((Stage::of(&name), number(&name)), (stage, Some(12)), "{name}");
        }
        assert_eq!(name("shop", Colour::Green, 1, Stage::New), "shop-green-1-new");
        assert_eq!((number("shop_blue_3"), number("web")), (Some(3), None));
    }

    #[test]
    fn an_apps_name_becomes_one_that_docker_takes() {
        assert_eq!(name("Ann's shop", Colour::Blue, 1, Stage::Settled), "Ann-s-shop-blue-1");
        assert_eq!(name("-x", Colour::Blue, 1, Stage::Settled), "app-x-blue-1");
    }
}
