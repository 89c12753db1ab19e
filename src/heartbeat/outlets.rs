//! The channels that a heartbeat tells by itself: each with a queue and a task of its own, so that none waits for another.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::lookout::News;
use super::settings::{Outlets, Settings, Subject, Watcher};
use crate::clock;
use crate::domain::check::Status;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, Subject as About};
use crate::domain::retry::delay;
use crate::notify::{Channel, ChannelError};

/// Notices that wait for one channel; with this many, a heartbeat has been talking to nobody for hours.
const QUEUE: usize = 64;

/// The channels, running.
#[derive(Debug)]
pub(super) struct Desk {
    lines: Vec<Line>,
    subject: Subject,
    watchers: Vec<Watcher>,
    say: Option<Say>,
}

#[derive(Debug)]
struct Line {
    name: String,
    is_told: bool,
    queue: mpsc::Sender<Notice>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Say {
    channel: String,
    every: Duration,
    due: Duration,
}

impl Desk {
    /// Starts a task for each channel.
    pub(super) fn open(settings: &Settings) -> Result<Self, ChannelError> {
        let Outlets { channels, fallback, say } = &settings.outlets;
        let line = |channel: &crate::notify::ChannelSettings| {
            let made = Channel::of_heartbeat(channel)?;
            let (queue, waiting) = mpsc::channel(QUEUE);
            let says = say.as_ref().is_some_and(|(name, _)| *name == channel.name);
            // Where there is no watcher, whoever hears all's well must hear the opposite too.
            let is_told = fallback.contains(&channel.name) || (says && settings.watchers.is_empty());
            Ok(Line { name: channel.name.clone(), is_told, queue, task: tokio::spawn(deliver(made, waiting)) })
        };
        Ok(Self {
            lines: channels.iter().map(line).collect::<Result<_, _>>()?,
            subject: settings.subject.clone(),
            watchers: settings.watchers.clone(),
            say: say.as_ref().map(|(channel, every)| Say { channel: channel.clone(), every: *every, due: Duration::ZERO }),
        })
    }

    /// The names of the channels that are told when no watcher hears.
    pub(super) fn told(&self) -> Vec<String> {
        self.lines.iter().filter(|line| line.is_told).map(|line| line.name.clone()).collect()
    }

    /// Tells the news to every channel that is there for it.
    pub(super) fn tell(&self, news: &News, now: Moment) {
        let notice = self.notice(news, now);
        for line in self.lines.iter().filter(|line| line.is_told) {
            line.put(notice.clone());
        }
    }

    /// Says that all's well, when that is due. Called after every good answer: it comes from the work, not from a timer.
    pub(super) fn say(&mut self, what: &str) {
        let (now, elapsed) = (clock::now(), clock::elapsed());
        let Some(say) = self.say.as_mut().filter(|say| say.due <= elapsed) else { return };
        say.due = elapsed + say.every;
        let channel = say.channel.clone();
        let incident = format!("{}-{}-{}", self.subject.check, self.subject.instance, now.as_millis());
        let about = self.about(self.subject.check.clone(), incident, Status::Up, Severity::Info);
        let notice = notice(NoticeKind::ChannelWell, about, now, now, what.to_owned());
        for line in self.lines.iter().filter(|line| line.name == channel) {
            line.put(notice.clone());
        }
    }

    /// Waits, up to `limit`, until what is to be told has been told.
    pub(super) async fn close(self, limit: Duration) {
        // A task ends when its queue has been dropped and is empty.
        let tasks: Vec<_> = self.lines.into_iter().map(|line| line.task).collect();
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        if timeout(limit, futures_util::future::join_all(tasks)).await.is_err() {
            tracing::error!("ended before every channel was told");
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }

    fn notice(&self, news: &News, now: Moment) -> Notice {
        match news {
            News::Unheard { watcher, since, why } => {
                let who = &self.subject.instance;
                let reason = format!("{why}; the heartbeat of {} on {who} has had no acknowledgement", self.subject.check);
                self.of_watcher(NoticeKind::CheckDown, *watcher, *since, now, reason)
            }
            News::HeardAgain { watcher, since } => {
                let reason = format!("it acknowledges the heartbeat of {} again", self.subject.check);
                self.of_watcher(NoticeKind::CheckResolved, *watcher, *since, now, reason)
            }
            News::Failing { since, why } => {
                let reason = format!("{why}; told by the heartbeat on {}, because no watcher hears it", self.subject.instance);
                self.of_app(NoticeKind::CheckDown, *since, now, reason)
            }
            News::Recovered { since } => self.of_app(NoticeKind::CheckResolved, *since, now, "well again".to_owned()),
        }
    }

    fn of_watcher(&self, kind: NoticeKind, watcher: usize, since: Moment, now: Moment, reason: String) -> Notice {
        let check = self.watchers.get(watcher).map(Watcher::check).unwrap_or_default();
        let incident = format!("{check}-{}-{}", self.subject.instance, since.as_millis());
        let mut about = self.about(check, incident, status(kind), Severity::Warning);
        about.colour = None;
        notice(kind, about, since, now, reason)
    }

    fn of_app(&self, kind: NoticeKind, since: Moment, now: Moment, reason: String) -> Notice {
        let check = self.subject.check.clone();
        let incident = format!("{check}-{}", since.as_millis());
        // Which colour is live is not known here: that counts as this one.
        notice(kind, self.about(check, incident, status(kind), Severity::Critical), since, now, reason)
    }

    fn about(&self, check: String, incident: String, status: Status, severity: Severity) -> About {
        About { incident, app: self.subject.app.clone(), check, status, severity, colour: self.subject.colour, live: None }
    }
}

impl Line {
    fn put(&self, notice: Notice) {
        let notice = notice.for_channel(&self.name);
        if self.queue.try_send(notice).is_err() {
            tracing::error!(channel = self.name, "has not taken anything for so long that a notice is dropped");
        }
    }
}

fn status(kind: NoticeKind) -> Status {
    if kind == NoticeKind::CheckResolved { Status::Up } else { Status::Down }
}

fn notice(kind: NoticeKind, subject: About, since: Moment, at: Moment, reason: String) -> Notice {
    let duration_seconds = (kind == NoticeKind::CheckResolved).then(|| at.since(since).as_secs());
    Notice { key: String::new(), kind, at, subject, since, reason, duration_seconds, also: Vec::new(), url: None }
}

/// One channel's task: a notice is done when it was taken, or when it never will be.
async fn deliver(channel: Channel, mut waiting: mpsc::Receiver<Notice>) {
    while let Some(notice) = waiting.recv().await {
        let mut attempts = 0_u32;
        while let Err(error) = channel.send(&notice).await {
            let channel = channel.name();
            let after = match &error {
                crate::notify::SendError::Permanent { .. } => {
                    tracing::error!(channel, notice = notice.key, "does not take it and never will: {error}");
                    break;
                }
                crate::notify::SendError::Retry { after, .. } => *after,
            };
            attempts += 1;
            if attempts == 1 {
                tracing::warn!(channel, notice = notice.key, "does not take it now: {error}");
            }
            sleep(delay(attempts, after)).await;
        }
    }
}
