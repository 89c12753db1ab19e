//! The checks that no config names.

use uuid::Uuid;

use super::engine::{Monitor, MonitorError};
use crate::domain::role::Role;
use crate::store::made;

impl Monitor {
    /// The name of the check that was made under this ping address.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn made_at(&self, uuid: Uuid) -> Result<Option<String>, MonitorError> {
        let mut reader = self.store.read().await?;
        Ok(made::name_of(&mut reader, uuid).await?)
    }

    /// Whether a check was made under this name.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn is_made(&self, name: &str) -> Result<bool, MonitorError> {
        Ok(made::exists(&mut self.store.read().await?, name).await?)
    }

    /// Whether a check of this name may be made: nothing else is called so.
    #[must_use]
    pub fn is_free(&self, name: &str) -> bool {
        Role::of(name) == Role::Own && !self.is_of_our_own(name) && self.settings.expected(name).is_none()
    }
}
