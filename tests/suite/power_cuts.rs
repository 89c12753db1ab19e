//! Stories about: proxy and prober killed at random instants through many switches.
//!
//! `ALLSWELL_SWITCHES=500` has it go on for longer, `ALLSWELL_SEED` makes other instants.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use allswell::domain::colour::Colour::{self, Blue};
use allswell::domain::switch::Phase;
use allswell::proxy::control::ProxyControl;
use allswell::release::{Remote, SwitchEnd, SwitchOrder};
use tokio::time::sleep;

use crate::harness::{Cluster, Visitors, eventually};

const PROBE: &str = "[probe]\nevery = \"300ms\"\nslow = \"900ms\"\ntimeout = \"2s\"\nfall = 5\n";
const SWITCH: &str = "passes = 1\nwithin = \"20s\"\ndrain = \"20ms\"\nobserve = \"20ms\"";
const SWITCHES: u64 = 24;
/// Longer than most switches take.
const LONGEST: u64 = 120_000;

/// The same numbers for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn asked<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What may be live, by what the command said; where it had not returned, either.
fn allowed(end: Option<&SwitchEnd>, from: Colour, to: Colour) -> Vec<Colour> {
    match end.map(|end| end.phase) {
        None => vec![from, to],
        Some(Phase::Done | Phase::Stayed | Phase::Verified) => vec![to],
        Some(Phase::Refused | Phase::Reverted | Phase::Interrupted) => vec![from],
        Some(other) => panic!("{other} is no end"),
    }
}

async fn order(remote: Remote, to: Colour) -> Option<SwitchEnd> {
    let order = SwitchOrder { to, force: None, wait: true, by: "ann@desk".into() };
    remote.switch(&order, |_| {}).await.ok()
}

/// What the proxy says as soon as it answers.
async fn live(control: &ProxyControl) -> Colour {
    let state = eventually("the proxy answers", || async { control.state().await.ok() }).await;
    state.live.expect("live is never undefined")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants_the_last_acknowledged_colour_is_live_and_nobody_sees_an_error_page() {
    let (switches, seed) = (asked("ALLSWELL_SWITCHES", SWITCHES), asked("ALLSWELL_SEED", 20_261_125));
    let mut dice = Dice(seed);
    let mut cluster = Cluster::start(SWITCH, PROBE).await;
    let control = ProxyControl::new(&cluster.host.path("state/proxy.sock"), Duration::from_secs(5));
    let visitors = Visitors::to(&cluster.host.at(8000), 4);
    let (mut from, mut ends) = (Blue, BTreeMap::<String, u64>::new());
    for number in 0..switches {
        let to = from.other();
        let ordered = tokio::spawn(order(cluster.remote.clone(), to));
        sleep(Duration::from_micros(dice.below(LONGEST))).await;
        let [proxy, prober] = [[true, false], [false, true], [true, true]][usize::try_from(dice.below(3)).unwrap()];
        let returned = ordered.is_finished();
        if prober {
            cluster.kill_prober().await;
        }
        if proxy {
            cluster.kill_proxy().await;
            cluster.start_proxy();
        }
        let end = if returned { ordered.await.unwrap() } else { None };
        let may_be = allowed(end.as_ref(), from, to);
        let back = live(&control).await;
        assert!(may_be.contains(&back), "seed {seed}, switch {number}: {back} is live after {end:?}");
        if prober {
            cluster.start_prober();
        }
        let (entry, state) = eventually("the prober answers, and nothing is unfinished", || async {
            let state = cluster.remote.state().await.ok().filter(|state| state.lease.is_none() && state.proxy_trouble.is_none())?;
            Some((state.switch.clone(), state)).filter(|(entry, _)| entry.as_ref().is_none_or(|entry| entry.phase.is_over()))
        })
        .await;
        let live = state.live.expect("live is never undefined");
        // Where nothing was begun, the last entry is of an earlier switch, which made the present colour live or left it so.
        if let Some(entry) = entry {
            let ended = SwitchEnd { phase: entry.phase, reason: entry.reason.clone() };
            let wanted = allowed(Some(&ended), entry.asked.target.other(), entry.asked.target);
            assert_eq!(vec![live], wanted, "seed {seed}, switch {number}: {entry:?}");
            *ends.entry(entry.phase.to_string()).or_default() += 1;
        }
        from = live;
    }
    visitors.are_served_by(from).await;
    let (answers, sights) = (visitors.answers(), visitors.end().await);
    eprintln!("{switches} switches, seed {seed}: {ends:?}, {answers} answers, {} connections broken", sights.broken);
    assert_eq!(sights.error_pages, [""; 0]);
    assert!(answers > switches, "{answers} answers");
}
