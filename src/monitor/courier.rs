//! Takes notices to a channel: claims one in a commit of its own, sends outside any transaction, and keeps the receipt.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};
use uuid::Uuid;

use super::engine::{Monitor, MonitorError};
use super::expected::ChannelRule;
use super::{dead_channel, instead, resolution, telling};
use crate::domain::flip::Reason;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::retry;
use crate::notify::{Receipt, SendError};
use crate::store::notices::StoredNotice;
use crate::store::{Connection, StoreError, channels, incidents, notices, outbox};
use crate::telemetry::metrics;

/// A claim lasts so long, or as long as an attempt may take where that is longer.
const CLAIM: Duration = Duration::from_secs(10);
/// After so long a failure, others are told in this channel's stead.
pub(super) const PASS_ON_AFTER: Duration = Duration::from_secs(60);

static NOTICES: LazyLock<IntCounterVec> = LazyLock::new(|| metrics::counter("allswell_notices_total"));
static WAITING: LazyLock<IntGaugeVec> = LazyLock::new(|| metrics::gauge("allswell_outbox_notices"));
static DELAY: LazyLock<HistogramVec> = LazyLock::new(|| metrics::histogram("allswell_alarm_delay_seconds"));

/// Whoever reads the metrics finds every outcome, also before the first notice: a rate needs a zero to rise from.
pub(super) fn count_from_zero(channel: &str) {
    for outcome in ["taken", "retried", "passed_on"] {
        NOTICES.with_label_values(&[channel, outcome]).inc_by(0);
    }
}

/// A notice that nobody else sends now.
#[derive(Debug, Clone)]
pub struct Claimed {
    stored: StoredNotice,
    /// The claim's own name: nobody else's is let go.
    by: String,
    earlier: Option<String>,
}

impl Claimed {
    /// What to send.
    #[must_use]
    pub fn notice(&self) -> &Notice {
        &self.stored.notice
    }

    /// The receipt of the first notice of the same incident that this channel has taken: what follows may stand under it.
    #[must_use]
    pub fn earlier(&self) -> Option<&str> {
        self.earlier.as_deref()
    }
}

impl Monitor {
    /// Claims the next notice for a channel, if one is due.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn claim(&self, rule: &ChannelRule, now: Moment) -> Result<Option<Claimed>, MonitorError> {
        let all = *self.telling.borrow();
        let mut reader = self.store.read().await?;
        WAITING.with_label_values(&[rule.name.as_str()]).set(outbox::waiting(&mut reader, &rule.name).await?);
        if outbox::next(&mut reader, &rule.name, all, now).await?.is_none() {
            return Ok(None);
        }
        drop(reader);
        let claimed = self.claim_next(rule, all, now).await;
        self.noted(claimed, now)
    }

    async fn claim_next(&self, rule: &ChannelRule, all: bool, now: Moment) -> Result<Option<Claimed>, MonitorError> {
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        let mut next = loop {
            let Some(next) = outbox::next(&mut transaction, &rule.name, all, now).await? else {
                transaction.commit().await?;
                return Ok(None);
            };
            // While it was on its way, or waited for another try, somebody wanted quiet, or it ended.
            let gives_way = telling::gives_way(&mut transaction, &scene, &next.notice).await?;
            if !gives_way && !resolution::overtakes(&mut transaction, &scene, &next).await? {
                break next;
            }
        };
        let until = now + CLAIM.max(rule.timeout + Duration::from_secs(2));
        let by = Uuid::new_v4().to_string();
        outbox::claim(&mut transaction, &next.notice.key, &by, until).await?;
        next.attempts += 1;
        let behind = incidents::explained_by(&mut transaction, &next.notice.subject.incident).await?;
        // Of a group that is over, those whom it had.
        if next.notice.kind != NoticeKind::CheckResolved {
            next.notice.also = behind.into_iter().map(|stored| stored.incident.check).collect();
        }
        let about = notices::about(&mut transaction, &next.notice.subject.incident).await?;
        let earlier = about.into_iter().find(|stored| stored.channel == next.channel && stored.taken_at.is_some());
        transaction.commit().await?;
        Ok(Some(Claimed { earlier: earlier.and_then(|stored| stored.receipt), by, stored: next }))
    }

    /// Keeps what the channel said: a receipt, or when to try again, or that others are told.
    ///
    /// # Errors
    /// Where the store does not work: call it again, or the notice is sent again when its claim ends.
    pub async fn settle(
        &self,
        rule: &ChannelRule,
        claimed: &Claimed,
        outcome: &Result<Receipt, SendError>,
        now: Moment,
    ) -> Result<(), MonitorError> {
        let settled = match outcome {
            Ok(receipt) => self.taken(rule, &claimed.stored, receipt, now).await,
            Err(error) => self.failed(rule, claimed.clone(), error, now).await,
        };
        self.noted(settled, now)
    }

    async fn taken(&self, rule: &ChannelRule, stored: &StoredNotice, receipt: &Receipt, now: Moment) -> Result<(), MonitorError> {
        let mut transaction = self.store.begin().await?;
        let scene = self.scene(&mut transaction, now).await?;
        outbox::take(&mut transaction, &stored.notice.key, now, &receipt.0).await?;
        let mut channel = channels::get(&mut transaction, &rule.name).await?;
        channel.failed_since = None;
        channel.taken_at = Some(now);
        channels::save(&mut transaction, &rule.name, &channel).await?;
        dead_channel::revive(&mut transaction, &scene, &rule.name).await?;
        let decided_at = decided_at(&mut transaction, stored).await?;
        transaction.commit().await?;
        NOTICES.with_label_values(&[rule.name.as_str(), "taken"]).inc();
        if let Some(decided_at) = decided_at {
            DELAY.with_label_values::<&str>(&[]).observe(now.since(decided_at).as_secs_f64());
        }
        self.wake.notify_waiters();
        Ok(())
    }

    async fn failed(&self, rule: &ChannelRule, claimed: Claimed, error: &SendError, now: Moment) -> Result<(), MonitorError> {
        let Claimed { mut stored, by, .. } = claimed;
        tracing::warn!(channel = rule.name, notice = stored.notice.key, attempts = stored.attempts, "not taken: {error}");
        let mut transaction = self.store.begin().await?;
        if !outbox::let_go(&mut transaction, &stored.notice.key, &by).await? {
            // It took longer than the claim, and somebody else is telling it now.
            return Ok(());
        }
        let scene = self.scene(&mut transaction, now).await?;
        let mut channel = channels::get(&mut transaction, &rule.name).await?;
        let channel_failed_since = *channel.failed_since.get_or_insert(now);
        channels::save(&mut transaction, &rule.name, &channel).await?;
        let failed_since = *stored.failed_since.get_or_insert(now);
        stored.last_error = Some(error.to_string());
        stored.due_at = next_try(&stored, error, failed_since, now);
        outbox::postpone(&mut transaction, &stored).await?;
        let mut passed_on = 0;
        if error.is_permanent() || now.since(failed_since.min(channel_failed_since)) >= PASS_ON_AFTER {
            passed_on = instead::of_dead_channel(&mut transaction, &scene, rule).await?;
            dead_channel::tell(&mut transaction, &scene, &rule.name, channel_failed_since, &stored).await?;
        }
        transaction.commit().await?;
        NOTICES.with_label_values(&[rule.name.as_str(), "retried"]).inc();
        NOTICES.with_label_values(&[rule.name.as_str(), "passed_on"]).inc_by(passed_on);
        self.wake.notify_waiters();
        Ok(())
    }
}

/// When an alarm was due: at the deadline, for silence; for anything else when the beat that decided it was stored. None: it is no alarm.
async fn decided_at(connection: &mut Connection, stored: &StoredNotice) -> Result<Option<Moment>, StoreError> {
    let notice = &stored.notice;
    if !matches!(notice.kind, NoticeKind::CheckDown | NoticeKind::CheckPoorly) {
        return Ok(None);
    }
    let Some(found) = incidents::find(connection, &notice.subject.incident).await? else { return Ok(Some(notice.at)) };
    let is_silence = match &found.incident.reason {
        // As silent as those who are told together.
        Reason::Together { .. } => {
            let members = incidents::explained_by(connection, &found.incident.key).await?;
            members.iter().all(|member| member.incident.reason.is_silence())
        }
        reason => reason.is_silence(),
    };
    Ok(Some(if is_silence { found.incident.since } else { notice.at }))
}

/// Later and later; but once at the end of the minute after which others are told.
fn next_try(stored: &StoredNotice, error: &SendError, failed_since: Moment, now: Moment) -> Moment {
    let after = match error {
        SendError::Retry { after, .. } => *after,
        SendError::Permanent { .. } => None,
    };
    let next = now + retry::delay(stored.attempts, after);
    let minute = failed_since + PASS_ON_AFTER;
    if stored.passed_on_at.is_none() && now < minute { next.min(minute) } else { next }
}
