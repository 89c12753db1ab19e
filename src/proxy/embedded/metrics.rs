//! What the proxy counts. Handles are looked up once.

use std::sync::LazyLock;
use std::time::Duration;

use hyper::StatusCode;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::claim::Door;
use crate::domain::answers::{self, BothAnswers};
use crate::domain::colour::Colour;
use crate::proxy::control::ProxyState;
use crate::telemetry::metrics::{counter, gauge, histogram};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

static ANSWERS: LazyLock<[Answers; 2]> = LazyLock::new(|| {
    let requests = counter("allswell_proxy_requests_total");
    let broken = counter("allswell_proxy_broken_off_total");
    let seconds = histogram("allswell_proxy_request_seconds");
    Colour::BOTH.map(|colour| Answers {
        classes: CLASSES.map(|class| requests.with_label_values(&[colour.as_str(), class])),
        broken: broken.with_label_values(&[colour.as_str()]),
        seconds: seconds.with_label_values(&[colour.as_str()]),
    })
});
static ERRORS: LazyLock<IntCounterVec> = LazyLock::new(|| counter("allswell_proxy_errors_total"));
static ABANDONED: LazyLock<IntCounterVec> = LazyLock::new(|| counter("allswell_proxy_abandoned_total"));
static STALE: LazyLock<IntCounterVec> = LazyLock::new(|| counter("allswell_proxy_stale_total"));
static LOST: LazyLock<IntCounterVec> = LazyLock::new(|| counter("allswell_proxy_log_lines_lost_total"));
static CONNECTIONS: LazyLock<[IntGauge; 2]> = LazyLock::new(|| by_door(&gauge("allswell_proxy_connections_open")));
static PARKED: LazyLock<[IntGauge; 2]> = LazyLock::new(|| by_door(&gauge("allswell_proxy_connections_parked")));
static IN_FLIGHT: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_in_flight"));
static STREAMS: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_streams_open"));
static LIVE: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_live"));
static EPOCH: LazyLock<IntGaugeVec> = LazyLock::new(|| gauge("allswell_proxy_epoch"));

fn by_door(gauge: &IntGaugeVec) -> [IntGauge; 2] {
    [Door::Live, Door::Idle].map(|door| gauge.with_label_values(&[door.as_str()]))
}

struct Answers {
    classes: [IntCounter; 5],
    broken: IntCounter,
    seconds: Histogram,
}

impl Answers {
    fn counted(&self) -> answers::Answers {
        let [.., failed] = &self.classes;
        answers::Answers { total: self.classes.iter().map(IntCounter::get).sum(), failed: failed.get() + self.broken.get() }
    }
}

/// What the colours have answered since the start.
pub(super) fn answers() -> BothAnswers {
    let [blue, green] = &*ANSWERS;
    BothAnswers { blue: blue.counted(), green: green.counted() }
}

/// Counts an answer of a colour: its app's, or ours where its app could not be reached or did not answer. A switch is taken back by these.
pub(super) fn answered(colour: Colour, status: StatusCode, took: Duration) {
    let answers = of(colour);
    let class = usize::from(status.as_u16() / 100).saturating_sub(1);
    if let Some(counter) = answers.classes.get(class) {
        counter.inc();
    }
    answers.seconds.observe(took.as_secs_f64());
}

/// Counts an answer that a colour's app has begun and not ended. A switch is taken back by these too.
pub(super) fn broke_off(colour: Colour) {
    of(colour).broken.inc();
}

fn of(colour: Colour) -> &'static Answers {
    let [blue, green] = &*ANSWERS;
    match colour {
        Colour::Blue => blue,
        Colour::Green => green,
    }
}

/// Counts an answer of our own.
pub(super) fn failed(door: Door, reason: &str) {
    ERRORS.with_label_values(&[door.as_str(), reason]).inc();
}

/// Counts a request whose client went away before its answer. It says nothing of a colour: visitors leave for reasons of their own.
pub(super) fn abandoned(door: Door) {
    ABANDONED.with_label_values(&[door.as_str()]).inc();
}

/// Counts a request on a connection that the app had closed meanwhile.
pub(super) fn stale(outcome: &str) {
    STALE.with_label_values(&[outcome]).inc();
}

/// Counts lines of the access log that are not in it.
pub(super) fn lost_lines(count: usize) {
    LOST.with_label_values::<&str>(&[]).inc_by(count as u64);
}

/// Counts a client's connection until it is dropped.
#[derive(Debug)]
pub(super) struct Connected(&'static IntGauge);

impl Connected {
    /// As open, by this listener.
    pub(super) fn new(door: Door) -> Self {
        Self::by(&CONNECTIONS, door)
    }

    /// As parked, by this listener.
    pub(super) fn parked(door: Door) -> Self {
        Self::by(&PARKED, door)
    }

    fn by([live, idle]: &'static [IntGauge; 2], door: Door) -> Self {
        let gauge = match door {
            Door::Live => live,
            Door::Idle => idle,
        };
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Brings the gauges up to date; call it before they are read.
pub fn refresh(state: &ProxyState) {
    for colour in Colour::BOTH {
        let label = &[colour.as_str()];
        let load = state.load(colour);
        IN_FLIGHT.with_label_values(label).set(whole(load.in_flight));
        STREAMS.with_label_values(label).set(whole(load.streams));
        LIVE.with_label_values(label).set(i64::from(state.live == Some(colour)));
    }
    // Also before the first of each: a rate needs a zero to rise from.
    LazyLock::force(&ANSWERS);
    LazyLock::force(&CONNECTIONS);
    for door in [Door::Live, Door::Idle] {
        ABANDONED.with_label_values(&[door.as_str()]).inc_by(0);
    }
    lost_lines(0);
    for outcome in ["resent", "repeated", "failed"] {
        STALE.with_label_values(&[outcome]).inc_by(0);
    }
    EPOCH.with_label_values::<&str>(&[]).set(whole(state.epoch));
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
