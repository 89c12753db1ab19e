//! Stories about: a switch never costs a request, from the order to the prober on.

use std::sync::Arc;
use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use allswell::proxy::control::ProxyControl;
use allswell::release::{RemoteError, SwitchOrder};

use crate::harness::{App, Host, Marks, Pair, Stand, within};

const PROBE: &str = "[probe]\nevery = \"500ms\"\nslow = \"2s\"\ntimeout = \"5s\"\nfall = 3\n";
const SWITCH: &str = "passes = 2\nwithin = \"10s\"\ndrain = \"100ms\"\nobserve = \"100ms\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_switches_by_the_prober_cost_no_request_and_no_connection() {
    let host = Host::alone();
    let marks = Arc::new(Marks::new(Colour::Blue));
    let app = |port, colour| App::start_at(host.at(port), colour, Arc::clone(&marks));
    let apps = [app(3001, Colour::Blue).await, app(3002, Colour::Green).await];
    let control = ProxyControl::new(&host.path("state/proxy.sock"), Duration::from_secs(5));
    let stand = Stand { live: host.at(8000), marks: Arc::clone(&marks), apps, control };
    let pair = Pair::start(host, &[], SWITCH, PROBE).await;
    stand.fifty_shifts(async |new, _| switch(&pair, &stand, new).await).await;
    let entries = pair.remote.history(60).await.expect("the journal");
    assert_eq!(entries.len(), 50);
    let done = entries.iter().skip(1).filter(|entry| entry.phase == Phase::Done).count();
    assert_eq!(done, 49, "every switch but perhaps the last one has ended as asked");
}

/// Switches as soon as the last switch has ended. When the client heard that the shift was done.
async fn switch(pair: &Pair, stand: &Stand, new: Colour) -> Duration {
    let order = SwitchOrder { to: new, force: None, wait: false, by: "ann@desk".into() };
    stand.marks.order(new);
    within(Duration::from_secs(10), "the last switch ends, and this one is verified", || async {
        let mut shifted = None;
        let switched = pair.remote.switch(&order, |event| {
            if event.phase == Phase::Shifted {
                stand.marks.acknowledge();
                shifted = Some(clock::elapsed());
                assert!(stand.app(new.other()).seen.working() > 0, "a slow request spans the shift");
            }
        });
        match switched.await {
            Ok(end) => {
                assert_eq!(end.phase, Phase::Verified, "{:?}", end.reason);
                shifted
            }
            Err(RemoteError::Locked(_)) => None,
            Err(other) => panic!("{other}"),
        }
    })
    .await
}
