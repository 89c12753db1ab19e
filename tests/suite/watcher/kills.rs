//! `kill -9` at any instant loses nothing.
//!
//! The kills count only if some hit each window: beats stored and not answered yet, and notices taken without a receipt in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allswell::domain::beat::{Beat, BeatKind};
use rusqlite::Connection;
use rustix::process::Signal;
use tokio::sync::watch;
use tokio::time::sleep;

use super::stage::Stage;
use crate::harness::{Manner, Sender, eventually};

const KILLS: usize = 100;
const CHECKS: usize = 8;

/// What the senders know.
#[derive(Default)]
struct Known {
    /// Beats answered 200.
    acknowledged: Mutex<Vec<Beat>>,
    /// How many beats were stored by a watcher that was killed before it could answer: the repeat says so.
    unanswered: AtomicUsize,
    /// Acknowledged fails that were the first after a success: each opens an incident.
    faults: Mutex<Vec<(String, i64)>>,
}

/// Beats of one check, success and fail by turns, each repeated until it is answered.
async fn beat(sender: &Sender, check: String, known: &Known, mut stop: watch::Receiver<bool>) {
    let mut kind = BeatKind::Fail;
    while !*stop.borrow() {
        let beat = sender.beat(&check, kind);
        loop {
            match sender.send_again(&beat).await {
                Some((200, is_repeated)) => {
                    known.unanswered.fetch_add(usize::from(is_repeated), Ordering::Relaxed);
                    break;
                }
                Some((status, _)) => assert_eq!(status, 503, "nothing but 503 is worth a repeat"),
                None => {}
            }
            tokio::select! {
                () = sleep(Duration::from_millis(5)) => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
        }
        known.acknowledged.lock().expect("no panic").push(beat.clone());
        if kind == BeatKind::Fail {
            known.faults.lock().expect("no panic").push((check.clone(), beat.sent_at.as_millis()));
        }
        kind = if kind == BeatKind::Fail { BeatKind::Success } else { BeatKind::Fail };
        sleep(Duration::from_millis(rand::random_range(1..60))).await;
    }
}

/// Kills the watcher at random instants. Every other time the sink holds its answers, so that a notice is taken and its receipt is not stored.
async fn kill_and_start(stage: &mut Stage) {
    for round in 0..KILLS {
        let manner = if round % 2 == 0 { Manner::Hold } else { Manner::Usual };
        stage.sink.set(manner);
        sleep(Duration::from_millis(rand::random_range(0..250))).await;
        stage.watcher.signal(Signal::KILL);
        stage.watcher.end(Duration::from_secs(5)).await;
        stage.sink.set(Manner::Usual);
        stage.again().await;
    }
}

/// Whether each of these beats is in the store.
fn stored(stage: &Stage, beats: &[Beat]) -> Vec<bool> {
    let store = Connection::open(stage.host.path("state/watcher.db")).expect("the store is there");
    let found = |beat: &Beat| {
        let values = (beat.identity.run.as_bytes().as_slice(), i64::try_from(beat.identity.sequence).expect("it is small"));
        let rows = store.query_row("SELECT count(*) FROM beat WHERE run = ? AND sequence = ?", values, |row| row.get::<_, i64>(0));
        rows.expect("the store answers") == 1
    };
    beats.iter().map(found).collect()
}

/// Told incidents: the down or, where it ended before it could be told, its end.
fn told(stage: &Stage) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for taken in stage.sink.taken() {
        *told.entry(taken.body["data"]["incident"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_no_beat_and_no_alarm() {
    let checks: Vec<String> = (1..=CHECKS).map(|number| format!("job-{number}")).collect();
    // Each has a plan of its own, so that none is told together with others.
    let table = |(check, hours): (&String, usize)| format!("[[check]]\nname = \"{check}\"\nperiod = \"1h\"\nremind = \"{hours}h\"\n");
    let tables: String = checks.iter().zip(1..).map(table).collect();
    let mut stage = Stage::new(&tables).await;
    let known = Known::default();
    let (stop, stopped) = watch::channel(false);
    let address = stage.host.at(7700);
    let senders: Vec<Sender> = checks.iter().map(|_| Sender::new(&address, super::stage::KEY)).collect();
    let beating = futures_util::future::join_all(
        senders.iter().zip(&checks).map(|(sender, check)| beat(sender, check.clone(), &known, stopped.clone())),
    );
    let killing = async {
        kill_and_start(&mut stage).await;
        stop.send_replace(true);
    };
    tokio::join!(beating, killing);

    let acknowledged = known.acknowledged.lock().unwrap().clone();
    let gone = stored(&stage, &acknowledged).into_iter().filter(|is_there| !is_there).count();
    assert_eq!(gone, 0, "of {} acknowledged beats", acknowledged.len());
    let faults = known.faults.lock().unwrap().clone();
    eventually("every incident is told", || async {
        let told = told(&stage);
        faults.iter().all(|(check, at)| told.contains_key(&format!("{check}-{at}"))).then_some(())
    })
    .await;

    let taken = stage.sink.taken();
    let repeated = taken.len() - taken.iter().map(|taken| &taken.id).collect::<BTreeSet<_>>().len();
    let unanswered = known.unanswered.load(Ordering::Relaxed);
    let (beats, incidents) = (acknowledged.len(), faults.len());
    eprintln!(
        "100 kills: {beats} beats and {incidents} incidents, none lost; hit {unanswered} unanswered beats, {repeated} notices without receipt"
    );
    assert!(unanswered > 0, "no kill hit a beat that was stored and not answered");
    assert!(repeated > 0, "no kill hit a notice that was taken without a receipt");
}
