//! Stories about: a switch never costs a request, from the order to the prober on.

use std::sync::Arc;
use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;
use allswell::domain::switch::Phase;
use allswell::proxy::control::ProxyControl;
use allswell::release::{RemoteError, SwitchOrder};
use tokio::runtime::Runtime;

use crate::harness::{App, Crowd, Host, Marks, Pair, Stand, eventually, within};

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
    let mut spanned = 0;
    stand.fifty_shifts(async |new, _| switch(&pair, &stand, new, &mut spanned).await).await;
    assert!(spanned >= 25, "slow requests spanned {spanned} of 50 shifts");
    let entries = pair.remote.history(60).await.expect("the journal");
    assert_eq!(entries.len(), 50);
    let done = entries.iter().skip(1).filter(|entry| entry.phase == Phase::Done).count();
    assert_eq!(done, 49, "every switch but perhaps the last one has ended as asked");
}

/// Switches as soon as the last switch has ended. When the client heard that the shift was done; `spanned` counts those over which a slow
/// request went on.
async fn switch(pair: &Pair, stand: &Stand, new: Colour, spanned: &mut u32) -> Duration {
    let order = SwitchOrder { to: new, force: None, wait: false, by: "ann@desk".into() };
    stand.marks.order(new);
    let (shifted, at_work) = within(Duration::from_secs(10), "the last switch ends, and this one is verified", || async {
        let (mut shifted, mut at_work) = (None, false);
        let switched = pair.remote.switch(&order, |event| {
            if event.phase == Phase::Shifted {
                stand.marks.acknowledge();
                shifted = Some(clock::elapsed());
                at_work = stand.app(new.other()).seen.working() > 0;
            }
        });
        match switched.await {
            Ok(end) => {
                assert_eq!(end.phase, Phase::Verified, "{:?}", end.reason);
                shifted.map(|shifted| (shifted, at_work))
            }
            Err(RemoteError::Locked(_)) => None,
            Err(other) => panic!("{other}"),
        }
    })
    .await;
    *spanned += u32::from(at_work);
    shifted
}

/// An app on a runtime of its own. When that ends every connection to it breaks.
struct Mortal {
    runtime: Runtime,
    _app: App,
}

impl Mortal {
    async fn start(address: String, colour: Colour, marks: &Arc<Marks>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let app = runtime.spawn(App::start_at(address, colour, Arc::clone(marks))).await.expect("an app");
        Self { runtime, _app: app }
    }

    async fn die(self, address: &str) {
        self.runtime.shutdown_background();
        eventually("nobody listens any more", || async { tokio::net::TcpStream::connect(address).await.is_err().then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_colour_that_ends_as_soon_as_nothing_claims_it_is_missed_by_nobody() {
    let host = Host::new();
    let marks = Arc::new(Marks::new(Colour::Blue));
    let places = [host.at(3001), host.at(3002)];
    let mut apps = [
        Some(Mortal::start(places[0].clone(), Colour::Blue, &marks).await),
        Some(Mortal::start(places[1].clone(), Colour::Green, &marks).await),
    ];
    let control = ProxyControl::new(&host.path("state/proxy.sock"), Duration::from_secs(5));
    let pair = Pair::start(host, &[], SWITCH, PROBE).await;
    let crowd = Crowd::start(&pair.host.at(8000), &marks, 16, 0);
    let some_more_answers = async || {
        let before = crowd.answers();
        eventually("answers", || async { (crowd.answers() > before + 50).then_some(()) }).await;
    };
    for number in 0..8 {
        let new = if number % 2 == 0 { Colour::Green } else { Colour::Blue };
        some_more_answers().await;
        marks.order(new);
        let order = SwitchOrder { to: new, force: None, wait: true, by: "ann@desk".into() };
        let end = pair
            .remote
            .switch(&order, |event| {
                if event.phase == Phase::Shifted {
                    marks.acknowledge()
                }
            })
            .await
            .expect("it ends");
        assert_eq!(end.phase, Phase::Done, "{:?}", end.reason);
        let old = new.other();
        eventually("nothing claims the old colour", || async {
            let load = control.state().await.ok()?.load(old);
            (load.in_flight + load.streams == 0).then_some(())
        })
        .await;
        let at = usize::from(old == Colour::Green);
        apps[at].take().expect("it runs").die(&places[at]).await;
        some_more_answers().await;
        apps[at] = Some(Mortal::start(places[at].clone(), old, &marks).await);
    }
    let tally = crowd.end().await;
    assert_eq!((tally.failed, tally.closed, tally.strays), (vec![], vec![], vec![]));
    // A runtime must not be dropped where others run.
    apps.into_iter().flatten().for_each(|app| app.runtime.shutdown_background());
}
