//! A channel's own all's well, at an interval: a channel that is never used may have died long ago.

use super::engine::{Monitor, MonitorError};
use super::expected::ChannelRule;
use super::heard;
use crate::domain::check::Status;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::domain::role::Role;
use crate::store::{channels, incidents, notices};

impl Monitor {
    /// Writes the channel's all's well if it is due: the first one an interval after the channel was first seen.
    ///
    /// # Errors
    /// Where the store does not work.
    pub async fn say(&self, rule: &ChannelRule, now: Moment) -> Result<(), MonitorError> {
        let Some(every) = rule.say else { return Ok(()) };
        let said_at = channels::get(&mut self.store.read().await?, &rule.name).await?.said_at;
        if said_at.is_some_and(|said_at| now < said_at + every) {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        let mut channel = channels::get(&mut transaction, &rule.name).await?;
        channel.said_at = Some(now);
        channels::save(&mut transaction, &rule.name, &channel).await?;
        if said_at.is_some() {
            let scene = self.scene(&mut transaction, now).await?;
            let open = incidents::open(&mut transaction).await?;
            let told = open.iter().filter(|stored| stored.incident.cause.as_deref().is_none_or(|cause| Role::of(cause) != Role::Group));
            let names: Vec<String> = told.map(|stored| stored.incident.subject()).collect();
            let trouble = if names.is_empty() { "no incident is open".to_owned() } else { format!("open: {}", names.join(", ")) };
            let quiet: String = scene.quiet_words().into_iter().map(|words| format!("{words}; ")).collect();
            let reason = format!("live: {}; {}{quiet}{trouble}", heard::word(scene.colour()), stopped(&scene.live));
            let notice = well(self, rule, reason, &scene.live, now);
            for stored in notices::about(&mut transaction, &notice.subject.incident).await? {
                notices::withdraw(&mut transaction, &stored.notice.key, now).await?;
            }
            notices::write(&mut transaction, &notice, &rule.name, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// All of a channel's all's wells stand under one name, each with a key of its own: an untaken one gives way to the next.
fn well(monitor: &Monitor, rule: &ChannelRule, reason: String, live: &heard::LiveHeard, now: Moment) -> Notice {
    let incident = format!("channel-{}-well", rule.name);
    Notice {
        key: format!("{incident}-{}", now.as_millis()),
        kind: NoticeKind::ChannelWell,
        at: now,
        subject: Subject {
            incident,
            app: monitor.settings.app.clone(),
            check: format!("channel-{}", rule.name),
            status: Status::Up,
            severity: Severity::Info,
            colour: None,
            live: live.live.colour,
        },
        since: now,
        reason,
        duration_seconds: None,
        also: Vec::new(),
        url: monitor.settings.page_url.clone(),
    }
}

/// `green is stopped on purpose; `.
fn stopped(live: &heard::LiveHeard) -> String {
    live.stopped().into_iter().map(|colour| format!("{colour} is stopped on purpose; ")).collect()
}
