//! The loops around the steps. Each looks at the store: a wake-up carries no data.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::courier::count_from_zero;
use super::engine::Monitor;
use super::expected::ChannelRule;
use super::ingest::{Ingest, Queue, queue};
use super::memory::Memory;
use super::standing::Standing;
use crate::clock;
use crate::net::interfaces::only_loopback;
use crate::net::manager::ServiceManager;
use crate::notify::Channel;

/// The sweep looks so often.
const SWEEP_EVERY: Duration = Duration::from_millis(200);
/// The courier looks at least so often.
const COURIER_EVERY: Duration = Duration::from_millis(500);
/// What the metrics say of checks and incidents is so old at most.
const SHOW_EVERY: Duration = Duration::from_secs(2);
/// What is being sent when we end has so long: a channel that takes it then, and nobody writes that down, is told twice.
const LAST_SEND: Duration = Duration::from_secs(2);
/// Old rows are looked for so often.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Between two steps of that, everybody else's turn comes.
const PRUNE_PAUSE: Duration = Duration::from_millis(50);

/// The loops of a monitor, before they run.
#[derive(Debug)]
pub struct Loops {
    monitor: Monitor,
    queue: Queue,
    channels: Vec<Arc<Channel>>,
    manager: ServiceManager,
    shown: Option<u32>,
}

impl Monitor {
    /// The way in for beats, and the loops that take them from there. `channels` are those of the settings.
    #[must_use]
    pub fn loops(&self, channels: Vec<Channel>) -> (Ingest, Loops) {
        let (ingest, queue) = queue();
        let channels = channels.into_iter().map(Arc::new).collect();
        (ingest, Loops { monitor: self.clone(), queue, channels, manager: ServiceManager::default(), shown: None })
    }
}

impl Loops {
    /// Whoever wants to hear that sweep, commit and courier advance.
    #[must_use]
    pub fn vouching(self, manager: ServiceManager) -> Self {
        Self { manager, ..self }
    }

    /// Whoever reads the metrics finds checks and incidents there: so many of them by name.
    #[must_use]
    pub fn showing(self, by_name: u32) -> Self {
        Self { shown: Some(by_name), ..self }
    }

    /// Runs until `stop` says true and every [`Ingest`] is dropped; what was handed in is still committed.
    ///
    /// # Errors
    /// Where one of the loops ends before that: nobody would sweep, commit or tell any more, and nobody else would notice.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), LoopEnded> {
        let Self { monitor, queue, channels, manager, shown } = self;
        let mut tasks = JoinSet::new();
        tasks.spawn(apart("sweep", sweep(monitor.clone(), manager, stop.clone())));
        tasks.spawn(on_the_runtime(prune(monitor.clone(), stop.clone())));
        if let Some(by_name) = shown {
            tasks.spawn(on_the_runtime(show(monitor.clone(), by_name, stop.clone())));
        }
        tasks.spawn(on_the_runtime(tell_from_memory(monitor.clone(), channels.clone(), stop.clone())));
        for channel in &channels {
            let rule = monitor.settings.channels.iter().find(|rule| rule.name == channel.name());
            if let Some(rule) = rule {
                count_from_zero(&rule.name);
                tasks.spawn(on_the_runtime(courier(monitor.clone(), channel.clone(), rule.clone(), stop.clone())));
            }
        }
        tasks.spawn(apart("ingest", async move { monitor.run_ingest(queue).await }));
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|error| LoopEnded(error.to_string()))??;
        }
        Ok(())
    }
}

/// A loop of the monitor has ended in the middle of its work.
#[derive(Debug, thiserror::Error)]
#[error("a loop of the monitor has ended: {0}")]
pub struct LoopEnded(String);

/// It ends when it is told to; a panic is heard of where it is joined.
async fn on_the_runtime(work: impl Future<Output = ()>) -> Result<(), LoopEnded> {
    work.await;
    Ok(())
}

/// On a thread of its own: it may wait for the disk where it stands, and nobody is kept from anything meanwhile.
async fn apart(name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Result<(), LoopEnded> {
    let (over, ended) = oneshot::channel();
    let runtime = Handle::current();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(work);
        // Whoever waited may have gone.
        let _ = over.send(());
    });
    thread.map_err(|error| LoopEnded(format!("no thread for {name}: {error}")))?;
    ended.await.map_err(|_| LoopEnded(format!("{name} panicked")))
}

async fn until(stop: &mut watch::Receiver<bool>) {
    // The sender is gone: that is a stop as well.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

async fn sweep(monitor: Monitor, manager: ServiceManager, mut stop: watch::Receiver<bool>) {
    let mut vouched = monitor.now();
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = until(&mut stop) => return,
        }
        tokio::select! {
            () = follow_clock(&monitor) => {}
            () = until(&mut stop) => return,
        }
        vouched = vouched.min(monitor.now());
        if let Err(error) = monitor.sweep(monitor.now(), only_loopback()).await {
            tracing::error!("no sweep: {error}");
        } else if let Err(error) = monitor.look_for_strangers(monitor.now()).await {
            tracing::error!("who sends wrongly signed beats is not told: {error}");
        } else if monitor.pulse.advanced_since(vouched) || monitor.pulse.is_deaf() {
            vouched = monitor.now();
            manager.alive();
        }
    }
}

/// Until a step is written down, no deadline means anything.
async fn follow_clock(monitor: &Monitor) {
    let Some(unwritten) = monitor.take_step().await else { return };
    while let Err(error) = monitor.stepped(unwritten.by_ms, monitor.now()).await {
        tracing::error!("the step of the clock is not written down yet: {error}");
        sleep(SWEEP_EVERY).await;
    }
}

async fn prune(monitor: Monitor, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(PRUNE_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = until(&mut stop) => return,
        }
        loop {
            match monitor.prune(monitor.now()).await {
                Ok(true) if !*stop.borrow() => sleep(PRUNE_PAUSE).await,
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!("old rows stay for now: {error}");
                    break;
                }
            }
        }
    }
}

async fn show(monitor: Monitor, by_name: u32, mut stop: watch::Receiver<bool>) {
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            () = until(&mut stop) => return,
        }
        let began = clock::elapsed();
        if let Err(error) = monitor.show(by_name, monitor.now()).await {
            tracing::debug!("the metrics show what was known before: {error}");
        }
        // Of a million checks it takes its time, and must not take everybody's.
        pause = SHOW_EVERY.max((clock::elapsed() - began) * 50);
    }
}

/// One channel's own loop: a channel that hangs delays no other.
async fn courier(monitor: Monitor, channel: Arc<Channel>, rule: ChannelRule, mut stop: watch::Receiver<bool>) {
    let mut standing = Standing::default();
    loop {
        let woken = monitor.wake.notified();
        let stopped = stop.clone();
        tokio::select! {
            () = deliver(&monitor, &channel, &rule, &stopped) => {}
            () = async { until(&mut stop).await; sleep(LAST_SEND).await } => return,
        }
        monitor.pulse.couriered(&rule.name, monitor.now());
        tokio::select! {
            _ = async { standing.tell(&monitor, &channel).await; timeout(COURIER_EVERY, woken).await } => {}
            () = until(&mut stop) => return,
        }
    }
}

/// Sends whatever is due, until we end.
async fn deliver(monitor: &Monitor, channel: &Channel, rule: &ChannelRule, stopped: &watch::Receiver<bool>) {
    if let Err(error) = monitor.dated(|now| monitor.say(rule, now)).await {
        tracing::warn!(channel = rule.name, "its all's well is not written: {error}");
    }
    while !*stopped.borrow() {
        let claimed = match monitor.dated(|now| monitor.claim(rule, now)).await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(channel = rule.name, "nothing can be claimed: {error}");
                return;
            }
        };
        let outcome = channel.send_after(claimed.notice(), claimed.earlier()).await;
        while let Err(error) = monitor.dated(|now| monitor.settle(rule, &claimed, &outcome, now)).await {
            tracing::error!(channel = rule.name, notice = claimed.notice().key, "sent, and not written down: {error}");
            sleep(COURIER_EVERY).await;
        }
    }
}

async fn tell_from_memory(monitor: Monitor, channels: Vec<Arc<Channel>>, mut stop: watch::Receiver<bool>) {
    let forgetful = channels.iter().filter_map(|channel| Some((channel.name().to_owned(), channel.again_every()?)));
    let mut memory = Memory::new(&monitor.settings).telling_again(forgetful);
    let mut ticks = interval(COURIER_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = until(&mut stop) => return,
        }
        // Who does not tell now says it in its beats.
        memory.follow(monitor.pulse.stepped_ms());
        let trouble = monitor.pulse.trouble(monitor.now()).filter(|_| *monitor.telling.borrow());
        memory.observe(trouble, monitor.now());
        let due = memory.due(monitor.now());
        let sends = due.iter().filter_map(|(name, notice)| {
            let channel = channels.iter().find(|channel| channel.name() == name)?;
            Some(async move { (notice.key.clone(), channel.send(notice).await) })
        });
        for (key, sent) in futures_util::future::join_all(sends).await {
            if let Err(error) = &sent {
                tracing::error!(notice = key, "not taken: {error}");
            }
            memory.settle(&key, sent.is_ok(), monitor.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_of_its_own_that_panics_is_heard_of() {
        assert!(apart("done", async {}).await.is_ok());
        let ended = apart("lost", async { panic!("lost") }).await;
        assert!(ended.is_err_and(|error| error.to_string().contains("lost panicked")));
    }
}
