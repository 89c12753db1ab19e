//! What nobody needs any more is forgotten, a little at a time.

use super::arrived::PING;
use super::engine::{Monitor, MonitorError};
use crate::domain::moment::Moment;
use crate::store::{facts, prune};

/// Up to which row the beats of parts and instances were looked at.
const LOOKED: &str = "pruned";

impl Monitor {
    /// Forgets a little of what is older than is to be kept. Says whether there may be more.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn prune(&self, now: Moment) -> Result<bool, MonitorError> {
        let keep = self.settings.keep;
        let mut transaction = self.store.begin().await?;
        transaction.may_take_long();
        let newest = prune::newest_beat(&mut transaction).await?;
        // Where every row was forgotten, rows count from the beginning again.
        let looked = facts::get::<i64>(&mut transaction, LOOKED).await?.filter(|looked| *looked <= newest).unwrap_or(0);
        let edge = prune::frequent_beats(&mut transaction, looked, now - keep.beats, now, PING).await?;
        if let Some(edge) = edge {
            facts::set(&mut transaction, LOOKED, &edge).await?;
        }
        let before = now - keep.log;
        let forgotten = [
            prune::oldest_beats(&mut transaction, before, now).await?,
            prune::oldest_flips(&mut transaction, before).await?,
            prune::oldest_incidents(&mut transaction, before).await?,
            prune::oldest_notices(&mut transaction, before).await?,
        ];
        transaction.commit().await?;
        let whole = edge.is_some_and(|edge| edge - looked >= i64::from(prune::STEP));
        Ok(whole || forgotten.into_iter().any(|count| count >= u64::from(prune::STEP)))
    }
}
