//! One run of one of the user's commands: its words, its environment, its limit.

use std::time::Duration;

use super::settings::{Order, PLACEHOLDERS};
use crate::domain::colour::Colour;
use crate::runtime::words::fill;

/// What is known as a command is run; what is not known stands for nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// `{app}`, and `ALLSWELL_APP`.
    pub(super) app: String,
    /// `{colour}`, and `ALLSWELL_COLOUR`.
    pub(super) colour: Option<Colour>,
    /// `{version}`, and `ALLSWELL_VERSION`: the one to run.
    pub(super) version: Option<String>,
    /// `{image}`, and `ALLSWELL_IMAGE`.
    pub(super) image: Option<String>,
    /// `{instances}`, and `ALLSWELL_INSTANCES`: how many there are to be.
    pub(super) instances: Option<u32>,
    /// `{previous}`, and `ALLSWELL_PREVIOUS`: the version before.
    pub(super) previous: Option<String>,
    /// `{lines}`, and `ALLSWELL_LINES`: how many of the last ones are wanted.
    pub(super) lines: Option<usize>,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The key of the config that names it.
    pub(super) key: &'static str,
    /// The words, filled.
    pub(super) words: Vec<String>,
    /// What is set in the environment, and what is taken out of it.
    pub(super) environment: Vec<(String, Option<String>)>,
    /// How long it may take; none: until it ends.
    pub(super) limit: Option<Duration>,
}

impl Facts {
    /// This order with these facts.
    pub(super) fn call(&self, order: &Order) -> Call {
        let words = fill(&order.words, |name| PLACEHOLDERS.contains(&name).then(|| self.value(name).unwrap_or_default()));
        let variable = |name: &str| format!("ALLSWELL_{}", name.trim_matches(['{', '}']).to_uppercase());
        // What is not known is taken out: an operator's own ALLSWELL_VERSION would be believed.
        let environment = PLACEHOLDERS.map(|name| (variable(name), self.value(name))).to_vec();
        Call { key: order.key, words, environment, limit: order.limit }
    }

    fn value(&self, name: &str) -> Option<String> {
        match name {
            "{app}" => Some(self.app.clone()),
            "{colour}" => self.colour.map(|colour| colour.to_string()),
            "{version}" => self.version.clone(),
            "{image}" => self.image.clone(),
            "{instances}" => self.instances.map(|count| count.to_string()),
            "{previous}" => self.previous.clone(),
            "{lines}" => self.lines.map(|count| count.to_string()),
            _ => None,
        }
    }
}

impl Call {
    /// The program.
    pub(super) fn program(&self) -> &str {
        self.words.first().map(String::as_str).unwrap_or_default()
    }

    /// As a person would type it, roughly.
    pub(super) fn shown(&self) -> String {
        self.words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_environment_say_the_same_and_what_is_not_known_is_nothing() {
        let words = ["./up", "{colour}", "--tag={version}", "{image}", "{unknown}"].map(str::to_owned).to_vec();
        let order = Order { key: "replace", words, limit: None };
        let facts = Facts { colour: Some(Colour::Blue), version: Some("{image}; rm".into()), ..Facts::default() };
        let call = facts.call(&order);
        assert_eq!(call.words, ["./up", "blue", "--tag={image}; rm", "", "{unknown}"]);
        let of = |name: &str| call.environment.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!((of("ALLSWELL_COLOUR"), of("ALLSWELL_VERSION")), (Some("blue".into()), Some("{image}; rm".into())));
        assert_eq!((of("ALLSWELL_IMAGE"), of("ALLSWELL_PREVIOUS")), (None, None));
    }
}
