//! The heartbeat itself: a beat is the last step of a health request, at an interval, until a farewell.

use std::pin::pin;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::health::examine;
use super::lookout::{Lookout, News};
use super::outlets::Desk;
use super::sender::{Sender, kind_of};
use super::settings::{HeartbeatError, Settings};
use crate::clock;
use crate::domain::beat::{BeatKind, Health, Showing};
use crate::domain::moment::humane;

/// Intervals that a watcher may be silent before a channel is told; the prober, which knows more, waits three.
const PATIENCE: u32 = 6;
/// How long the channels may take at the end, when it is a crash that they are told of.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long channels and watchers may take when we were asked to end: whoever asked waits, 10 s in the case of containers, and then kills.
const SHORT_WORDS: Duration = Duration::from_secs(2);

/// Why a heartbeat ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Farewell {
    /// On purpose: *bye*, with this reason.
    Bye(String),
    /// What it stood beside ended when nobody had asked it to: *fail*, with this reason.
    Exited(String),
}

/// A heartbeat that is ready to beat.
#[derive(Debug)]
pub struct Daemon {
    settings: Settings,
    sender: Sender,
    lookout: Lookout,
    desk: Desk,
    complaints: Vec<Option<String>>,
    trouble: Option<String>,
}

/// What happened meanwhile.
enum Event {
    Examined(Option<Health>),
    Answered(usize, Result<(), String>),
}

impl Daemon {
    /// Prepares everything, and connects to nothing.
    ///
    /// # Errors
    /// Where a client or a channel cannot be made.
    pub fn new(settings: Settings) -> Result<Self, HeartbeatError> {
        // Many heartbeats lose the same watcher at once: they do not all tell in the same second.
        let jitter = settings.every.mul_f64(rand::random::<f64>());
        let count = settings.watchers.len();
        Ok(Self {
            sender: Sender::new(&settings)?,
            lookout: Lookout::new(count, settings.every * PATIENCE + jitter),
            desk: Desk::open(&settings)?,
            complaints: vec![None; count],
            trouble: None,
            settings,
        })
    }

    /// Beats until the farewell, says it to every watcher, and ends.
    pub async fn run(mut self, farewell: impl Future<Output = Farewell>) -> Farewell {
        let farewell = self.beat_until(farewell).await;
        self.end(&farewell).await;
        farewell
    }

    async fn beat_until(&mut self, farewell: impl Future<Output = Farewell>) -> Farewell {
        let mut farewell = pin!(farewell);
        let mut ticks = interval(self.settings.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way = JoinSet::new();
        let mut is_examining = false;
        loop {
            tokio::select! {
                biased;
                farewell = &mut farewell => return farewell,
                Some(event) = under_way.join_next() => match event {
                    Ok(Event::Examined(health)) => {
                        is_examining = false;
                        self.beat(health, &mut under_way);
                    }
                    Ok(Event::Answered(watcher, answer)) => self.hear(watcher, &answer),
                    Err(error) => tracing::error!("a request ended without a result: {error}"),
                },
                _ = ticks.tick(), if !is_examining => {
                    is_examining = true;
                    self.examine(&mut under_way);
                }
            }
        }
    }

    /// Goes by the system's clock where that was set: a watcher refuses what was sent by a clock that is minutes off.
    fn follow_clock(&mut self) {
        if let Some(step_ms) = clock::take_step() {
            tracing::warn!(step_ms, "the system's clock has stepped");
            self.lookout.clock_was_set(step_ms);
        }
    }

    fn examine(&self, under_way: &mut JoinSet<Event>) {
        let (client, health, limit) = (self.sender.client.clone(), self.settings.health.clone(), self.settings.timeout);
        under_way.spawn(async move {
            Event::Examined(match health {
                Some(url) => Some(examine(client, url, limit).await),
                None => None,
            })
        });
    }

    /// The last step of the work: what it found, to everybody.
    fn beat(&mut self, health: Option<Health>, under_way: &mut JoinSet<Event>) {
        self.follow_clock();
        let now = clock::now();
        let kind = kind_of(health.as_ref());
        let trouble = (kind == BeatKind::Fail).then(|| health.as_ref().and_then(|health| health.reason.clone()).unwrap_or_default());
        if trouble != self.trouble {
            match &trouble {
                Some(why) => tracing::warn!(check = self.settings.subject.check, "the app does not work: {why}"),
                None => tracing::info!(check = self.settings.subject.check, "the app works again"),
            }
            self.trouble.clone_from(&trouble);
        }
        if let Some(news) = self.lookout.examined(trouble.as_deref(), now) {
            self.desk.tell(&news, now);
        }
        if trouble.is_none() {
            self.desk.say(&self.all_is_well(health.as_ref()));
        }
        let told = if self.lookout.has_told_of_app() { self.desk.told() } else { Vec::new() };
        let health = health.map(|health| Health { since: self.lookout.bad_since(), told, ..health });
        let parcel = self.sender.parcel(kind, health, None);
        for (number, watcher) in self.settings.watchers.iter().enumerate() {
            let post = self.sender.post(watcher, &parcel);
            under_way.spawn(async move { Event::Answered(number, post.await) });
        }
    }

    fn all_is_well(&self, health: Option<&Health>) -> String {
        let answer = match health.and_then(|health| health.latency_ms) {
            Some(latency_ms) => format!("the app answers in {latency_ms}ms"),
            None => "the app's health is not asked for".to_owned(),
        };
        let heard = match self.settings.watchers.len() {
            0 => "there is no watcher".to_owned(),
            count => format!("{} of {count} watchers acknowledge", self.lookout.acknowledging()),
        };
        let next = self.settings.outlets.say.as_ref().map(|(_, every)| format!("; next in {}", humane(*every))).unwrap_or_default();
        format!("{answer}; {heard}{next}")
    }

    fn hear(&mut self, watcher: usize, answer: &Result<(), String>) {
        let now = clock::now();
        let complaint = answer.as_ref().err().cloned();
        let name = self.settings.watchers.get(watcher).map(|watcher| watcher.name.clone()).unwrap_or_default();
        if let Some(last) = self.complaints.get_mut(watcher).filter(|last| **last != complaint) {
            match &complaint {
                Some(why) => tracing::warn!(watcher = name, "does not acknowledge: {why}"),
                None => tracing::info!(watcher = name, "acknowledges again"),
            }
            *last = complaint;
        }
        if let Some(news) = self.lookout.answered(watcher, answer.as_ref().copied().map_err(String::as_str), now) {
            self.desk.tell(&news, now);
        }
    }

    /// Says why it ends. What exited is told by our own channels where no watcher heard it.
    async fn end(mut self, farewell: &Farewell) {
        self.follow_clock();
        let now = clock::now();
        let (kind, showing, why, limit) = match farewell {
            Farewell::Bye(why) => (BeatKind::Bye, Showing::Good, why, SHORT_WORDS),
            Farewell::Exited(why) => (BeatKind::Fail, Showing::Exited, why, LAST_WORDS),
        };
        let since = self.lookout.bad_since().unwrap_or(now);
        let health = Health { since: (kind == BeatKind::Fail).then_some(since), ..Health::not_good(showing, why.clone()) };
        let parcel = self.sender.parcel(kind, Some(health), None);
        let answers = self.sender.insist(&self.settings.watchers, &parcel, SHORT_WORDS).await;
        let is_heard = answers.iter().any(Result::is_ok);
        tracing::info!(check = self.settings.subject.check, is_heard, "{kind}: {why}");
        if !is_heard && kind == BeatKind::Fail {
            self.desk.tell(&News::Failing { since, why: why.clone() }, now);
        }
        self.desk.close(limit).await;
    }
}

/// Resolves when the process of this id has ended, at once if there is none.
///
/// # Errors
/// Where the operating system does not let us watch it.
#[expect(deprecated, reason = "sound for an owned descriptor; what replaces it is unsafe code")]
pub fn process_ended(pid: i32) -> std::io::Result<impl Future<Output = ()>> {
    let pid = Pid::from_raw(pid).ok_or_else(|| std::io::Error::other("0 is not the id of a process"))?;
    let watched = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(fd) => Some(AsyncFd::new(fd)?),
        Err(rustix::io::Errno::SRCH) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(async move {
        if let Some(watched) = watched {
            // Readable is ended; and where waiting does not work, to be told too early is better than never.
            let _ = watched.readable().await;
        }
    })
}
