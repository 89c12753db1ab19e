//! What is not over is told again, and again, to a channel that forgets it: no reminder, no row of the outbox, and nobody hears of it anew.

use std::collections::BTreeSet;
use std::time::Duration;

use super::engine::{Monitor, MonitorError};
use crate::clock;
use crate::domain::notice::Notice;
use crate::domain::role::Role;
use crate::domain::severity::Severity;
use crate::notify::Channel;
use crate::store::{incidents, notices};

/// What one channel was told of and what was not over when it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Standing {
    notices: Vec<Notice>,
    /// In elapsed time.
    told_at: Option<Duration>,
}

impl Monitor {
    /// What a channel has taken and what is not over, each as it was told last: a mute takes nothing back.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn standing(&self, channel: &str) -> Result<Vec<Notice>, MonitorError> {
        let mut reader = self.store.read().await?;
        let mut standing = notices::taken_last(&mut reader, channel).await?;
        standing.retain(|notice| notice.kind.is_beginning());
        for notice in &mut standing {
            // Those of a group stand in the notice; what else an incident explains is looked up whenever it is told.
            if Role::of(&notice.subject.check) != Role::Group {
                let behind = incidents::explained_by(&mut reader, &notice.subject.incident).await?;
                notice.also = behind.into_iter().map(|stored| stored.incident.check).collect();
            }
        }
        Ok(standing)
    }
}

impl Standing {
    /// Tells it again, if it is time. What fails is tried again when it is time again.
    pub(super) async fn tell(&mut self, monitor: &Monitor, channel: &Channel) {
        if channel.again_every().is_some_and(|every| self.is_due(every, clock::elapsed())) {
            self.tell_now(monitor, channel).await;
        }
    }

    /// At once for the first time: it may have forgotten while nobody told it.
    fn is_due(&mut self, every: Duration, now: Duration) -> bool {
        let is_due = self.told_at.is_none_or(|told_at| now.saturating_sub(told_at) >= every);
        if is_due {
            self.told_at = Some(now);
        }
        is_due
    }

    /// The same without regard to time.
    pub(super) async fn tell_now(&mut self, monitor: &Monitor, channel: &Channel) {
        match monitor.standing(channel.name()).await {
            Ok(standing) => self.notices = standing,
            Err(error) => {
                tracing::warn!(channel = channel.name(), "what it was told of and is not over cannot be read: {error}");
                // Who shares the store with us may know by now that it is over. Of a store of our own, what we know is still so.
                if monitor.is_one_of_many() {
                    return;
                }
            }
        }
        if self.notices.is_empty() {
            return;
        }
        if let Err(error) = channel.send_again(&self.notices, false).await {
            tracing::warn!(channel = channel.name(), "what is not over was not told again: {error}");
        }
        self.take_back(monitor, channel).await;
    }

    /// Somebody else may have told the end of something just before we told it again: then its end is told once more.
    async fn take_back(&self, monitor: &Monitor, channel: &Channel) {
        let Ok(standing) = monitor.standing(channel.name()).await else { return };
        let still: BTreeSet<_> = standing.iter().map(alarm).collect();
        let over: Vec<Notice> = self.notices.iter().filter(|notice| !still.contains(&alarm(notice))).cloned().collect();
        if !over.is_empty()
            && let Err(error) = channel.send_again(&over, true).await
        {
            tracing::warn!(channel = channel.name(), "that something is over was not told again: {error}");
        }
    }
}

/// What makes two notices the same alarm to who forgets.
fn alarm(notice: &Notice) -> (&str, Severity) {
    (notice.subject.check.as_str(), notice.subject.severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_again_at_the_start_and_then_at_its_interval() {
        let mut standing = Standing::default();
        let due = [5, 6, 64, 65, 66, 124, 200].map(|second| standing.is_due(Duration::from_secs(60), Duration::from_secs(second)));
        assert_eq!(due, [true, false, false, true, false, false, true]);
    }
}
