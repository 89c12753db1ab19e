//! Telling from memory: when the store does not work, nothing can be kept, and somebody must hear of it all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use super::expected::MonitorSettings;
use crate::domain::check::Status;
use crate::domain::clock_step::moved;
use crate::domain::incident::Severity;
use crate::domain::moment::{Moment, humane};
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::domain::retry;

/// A trouble that passes sooner is not told.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is to be told without a store. Told once when it breaks, and once when it works again.
#[derive(Debug)]
pub struct Memory {
    name: String,
    app: String,
    page_url: Option<String>,
    channels: Vec<String>,
    /// Those of them that forget what they have taken, and how often they are told again while it lasts.
    forgetful: BTreeMap<String, Duration>,
    trouble: Option<Trouble>,
    outbox: Vec<Pending>,
    /// By so many milliseconds the clock has been set since we run.
    stepped_ms: i64,
}

#[derive(Debug)]
struct Trouble {
    /// The name of its incident, which stays when the clock is set.
    incident: String,
    since: Moment,
    why: String,
    told: Vec<String>,
    is_written: bool,
}

#[derive(Debug)]
struct Pending {
    channel: String,
    notice: Notice,
    attempts: u32,
    due_at: Moment,
}

impl Memory {
    /// Knows whom to tell.
    #[must_use]
    pub fn new(settings: &MonitorSettings) -> Self {
        Self {
            name: settings.name.clone(),
            app: settings.app.clone(),
            page_url: settings.page_url.clone(),
            channels: settings.own_channels.clone(),
            forgetful: BTreeMap::new(),
            trouble: None,
            outbox: Vec::new(),
            stepped_ms: 0,
        }
    }

    /// Knows which channels forget what they have taken: how often each is told again while it lasts.
    #[must_use]
    pub fn telling_again(self, forgetful: impl IntoIterator<Item = (String, Duration)>) -> Self {
        Self { forgetful: forgetful.into_iter().collect(), ..self }
    }

    /// By so many milliseconds the clock has been set since we run: everything is as long ago as before, and waits no longer.
    pub fn follow(&mut self, stepped_ms: i64) {
        let by_ms = stepped_ms.saturating_sub(self.stepped_ms);
        self.stepped_ms = stepped_ms;
        self.trouble.iter_mut().for_each(|trouble| trouble.since = moved(trouble.since, by_ms));
        self.outbox.iter_mut().for_each(|pending| pending.due_at = moved(pending.due_at, by_ms));
    }

    /// Hears whether work goes on: none is that it does.
    pub fn observe(&mut self, trouble: Option<String>, now: Moment) {
        match (trouble, self.trouble.take()) {
            (Some(why), None) => {
                let incident = format!("{}-memory-{}", self.name, now.as_millis());
                self.trouble = Some(Trouble { incident, since: now, why, told: Vec::new(), is_written: false });
            }
            (Some(_), Some(mut trouble)) => {
                if !trouble.is_written && now.since(trouble.since) >= PATIENCE {
                    trouble.is_written = true;
                    let notice = self.notice(&trouble, NoticeKind::CheckDown, now);
                    self.write(&notice, &self.channels.clone(), now);
                }
                self.trouble = Some(trouble);
            }
            (None, Some(trouble)) => {
                // The end of an earlier one may not be taken yet.
                self.outbox.retain(|pending| pending.notice.subject.incident != trouble.incident);
                let notice = self.notice(&trouble, NoticeKind::CheckResolved, now);
                self.write(&notice, &trouble.told, now);
            }
            (None, None) => {}
        }
    }

    /// What is to be sent now, and by which channel.
    #[must_use]
    pub fn due(&self, now: Moment) -> Vec<(String, Notice)> {
        let due = self.outbox.iter().filter(|pending| pending.due_at <= now);
        due.map(|pending| (pending.channel.clone(), pending.notice.clone())).collect()
    }

    /// Hears whether the channel took it.
    pub fn settle(&mut self, key: &str, is_taken: bool, now: Moment) {
        let Some(at) = self.outbox.iter().position(|pending| pending.notice.key == key) else { return };
        let Pending { channel, notice, attempts, .. } = self.outbox.swap_remove(at);
        if !is_taken {
            let attempts = attempts + 1;
            self.outbox.push(Pending { channel, notice, attempts, due_at: now + retry::delay(attempts, None) });
            return;
        }
        let Some(trouble) = self.trouble.as_mut().filter(|_| notice.kind == NoticeKind::CheckDown) else { return };
        if !trouble.told.contains(&channel) {
            trouble.told.push(channel.clone());
        }
        if let Some(every) = self.forgetful.get(&channel) {
            self.outbox.push(Pending { channel, notice, attempts: 0, due_at: now + *every });
        }
    }

    fn write(&mut self, notice: &Notice, channels: &[String], now: Moment) {
        for channel in channels {
            let notice = notice.clone().for_channel(channel);
            self.outbox.push(Pending { channel: channel.clone(), notice, attempts: 0, due_at: now });
        }
    }

    fn notice(&self, trouble: &Trouble, kind: NoticeKind, now: Moment) -> Notice {
        let lasted = now.since(trouble.since);
        let is_over = kind == NoticeKind::CheckResolved;
        let reason = if is_over { format!("works again after {}; it was: {}", humane(lasted), trouble.why) } else { trouble.why.clone() };
        Notice {
            key: String::new(),
            kind,
            at: now,
            subject: Subject {
                incident: trouble.incident.clone(),
                app: self.app.clone(),
                check: self.name.clone(),
                status: if is_over { Status::Up } else { Status::Down },
                severity: Severity::Critical,
                colour: None,
                live: None,
            },
            since: trouble.since,
            reason,
            duration_seconds: is_over.then_some(lasted.as_secs()),
            also: Vec::new(),
            url: self.page_url.clone(),
        }
    }
}
