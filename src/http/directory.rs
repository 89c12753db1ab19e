//! Which ping address is whose.

use std::collections::HashMap;

use uuid::Uuid;

use crate::monitor::CheckSettings;
use crate::signing::Key;

/// The checks of the config, by the addresses under which they are pinged.
#[derive(Debug)]
pub struct Directory {
    by_uuid: HashMap<Uuid, Listed>,
    by_slug: HashMap<String, Listed>,
    by_name: HashMap<String, Address>,
    key: Key,
}

/// Where a check of the config is pinged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its name in URLs; may be empty.
    pub slug: String,
    /// Its ping address.
    pub uuid: Option<Uuid>,
}

/// A check that can be pinged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub check: String,
    /// Whether a ping must be a POST.
    pub post_only: bool,
}

impl Directory {
    /// Of these checks; `key` makes the addresses of those that have none.
    #[must_use]
    pub fn new(checks: &[CheckSettings], key: &Key) -> Self {
        let listed = |check: &CheckSettings| Listed { check: check.name.clone(), post_only: check.post_only };
        let by_uuid = checks.iter().filter_map(|check| Some((address(check, key)?, listed(check)))).collect();
        let by_slug = checks.iter().filter(|check| !check.slug.is_empty()).map(|check| (check.slug.clone(), listed(check))).collect();
        let address = |check: &CheckSettings| Address { slug: check.slug.clone(), uuid: address(check, key) };
        let by_name = checks.iter().map(|check| (check.name.clone(), address(check))).collect();
        Self { by_uuid, by_slug, by_name, key: key.clone() }
    }

    /// The check with this address.
    #[must_use]
    pub fn at(&self, uuid: Uuid) -> Option<&Listed> {
        self.by_uuid.get(&uuid)
    }

    /// The check with this slug.
    #[must_use]
    pub fn named(&self, slug: &str) -> Option<&Listed> {
        self.by_slug.get(slug)
    }

    /// Where the check of this name is pinged.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Option<&Address> {
        self.by_name.get(name)
    }

    /// The address that a check of this slug has.
    #[must_use]
    pub fn uuid_of(&self, slug: &str) -> Uuid {
        self.key.uuid(slug)
    }
}

/// The ping address of a check: its own, or made of its slug. None: nothing of its name can stand in a URL, and it says no other.
#[must_use]
pub fn address(check: &CheckSettings, key: &Key) -> Option<Uuid> {
    check.uuid.or_else(|| (!check.slug.is_empty()).then(|| key.uuid(&check.slug)))
}
