//! The keys that a config can have, by their names in the whole file.

/// What a section could have been given.
#[derive(Debug)]
pub struct Keys {
    section: String,
    keys: Vec<&'static str>,
}

impl Keys {
    /// Of this section.
    pub(super) fn of(section: String, keys: Vec<&'static str>) -> Self {
        Self { section, keys }
    }

    /// As the whole file names them: `switch.passes`.
    pub fn in_full(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| full(&self.section, key))
    }
}

/// A key's name in the whole file.
pub(super) fn full(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { [section, ".", key].concat() }
}
