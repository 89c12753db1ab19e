//! The checks that no config names.

use uuid::Uuid;

use super::engine::{Monitor, MonitorError};
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
}
