//! The environment of a container.

use std::collections::BTreeMap;

/// What begins so is between allswell and its heartbeat.
const OURS: &str = "ALLSWELL_";

/// What a deploy says to each container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sayings {
    /// `ALLSWELL_COLOUR`.
    pub(super) colour: String,
    /// `ALLSWELL_VERSION`.
    pub(super) version: Option<String>,
    /// `ALLSWELL_INSTANCE`: another one with every deploy, so that the old one's goodbye is not taken for the new one's.
    pub(super) instance: String,
    /// `ALLSWELL_CHECK`, where heartbeats are expected.
    pub(super) check: Option<String>,
    /// `ALLSWELL_BEAT_KEY`, where it can be read.
    pub(super) beat_key: Option<String>,
}

/// The config's environment, else what is carried over; and what the deploy says. What is between allswell and its heartbeat is carried over
/// unless something else is said.
pub(super) fn environment(given: Option<&[(String, String)]>, carried: &[String], sayings: &Sayings) -> Vec<String> {
    let carried = carried.iter().filter_map(|pair| pair.split_once('='));
    let mut all: BTreeMap<&str, &str> = carried.filter(|(name, _)| given.is_none() || name.starts_with(OURS)).collect();
    let Sayings { colour, version, instance, check, beat_key } = sayings;
    if !all.contains_key("ALLSWELL_BEAT_KEY_FILE") {
        all.extend(beat_key.as_deref().map(|key| ("ALLSWELL_BEAT_KEY", key)));
    }
    all.extend(check.as_deref().map(|check| ("ALLSWELL_CHECK", check)));
    all.extend(given.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())));
    all.extend([("ALLSWELL_COLOUR", colour.as_str()), ("ALLSWELL_INSTANCE", instance.as_str())]);
    match version {
        Some(version) => all.insert("ALLSWELL_VERSION", version),
        None => all.remove("ALLSWELL_VERSION"),
    };
    all.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sayings() -> Sayings {
        Sayings {
            colour: "blue".into(),
            version: Some("2".into()),
            instance: "shop-blue-1.7".into(),
            check: Some("heartbeat-blue".into()),
            beat_key: None,
        }
    }

    const OLD: [&str; 5] =
        ["PORT=3000", "ALLSWELL_WATCHERS=http://w:7700", "ALLSWELL_BEAT_KEY=old", "ALLSWELL_VERSION=1", "ALLSWELL_INSTANCE=shop-blue-1.6"];

    fn made(given: Option<&[(String, String)]>, sayings: &Sayings) -> Vec<String> {
        environment(given, &OLD.map(str::to_owned), sayings)
    }

    #[test]
    fn a_config_without_an_environment_carries_the_old_one_over() {
        let said = ["ALLSWELL_BEAT_KEY=old", "ALLSWELL_CHECK=heartbeat-blue", "ALLSWELL_COLOUR=blue", "ALLSWELL_INSTANCE=shop-blue-1.7"];
        let rest = ["ALLSWELL_VERSION=2", "ALLSWELL_WATCHERS=http://w:7700", "PORT=3000"];
        assert_eq!(made(None, &sayings()), [&said[..], &rest[..]].concat());
    }

    #[test]
    fn a_variable_that_left_the_config_leaves_the_container_too() {
        let given = [("MODE".to_owned(), "a=b".to_owned())];
        let made = made(Some(&given), &Sayings { version: None, ..sayings() });
        assert!(made.contains(&"MODE=a=b".to_owned()), "{made:?}");
        assert!(made.contains(&"ALLSWELL_WATCHERS=http://w:7700".to_owned()), "{made:?}");
        assert!(!made.iter().any(|pair| pair.starts_with("PORT=") || pair.starts_with("ALLSWELL_VERSION=")), "{made:?}");
    }

    #[test]
    fn the_configs_beat_key_rules_unless_the_environment_names_another() {
        let known = Sayings { beat_key: Some("new".into()), ..sayings() };
        assert!(made(None, &known).contains(&"ALLSWELL_BEAT_KEY=new".to_owned()));
        let given = [("ALLSWELL_BEAT_KEY".to_owned(), "own".to_owned())];
        assert!(made(Some(&given), &known).contains(&"ALLSWELL_BEAT_KEY=own".to_owned()));
        let file = environment(None, &["ALLSWELL_BEAT_KEY_FILE=/run/key".to_owned()], &known);
        assert!(!file.iter().any(|pair| pair.starts_with("ALLSWELL_BEAT_KEY=")), "{file:?}");
    }
}
