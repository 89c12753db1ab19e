//! A switch never costs a request.

use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;

use super::front::Front;
use crate::harness::{App, Crowd, eventually, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_shifts_cost_no_request_and_no_connection() {
    let front = Front::start("").await;
    let apps = [front.app(Colour::Blue).await, front.app(Colour::Green).await];
    let crowd = Crowd::start(&front.live(), &front.marks, 32, 4);
    let mut shifted = Vec::new();
    for epoch in 1..=50 {
        let (old, new) = if epoch % 2 == 1 { (Colour::Blue, Colour::Green) } else { (Colour::Green, Colour::Blue) };
        let before = crowd.answers();
        let old_app = &apps[usize::from(old == Colour::Green)];
        eventually("requests are under way on the colour that is live", || async {
            (crowd.answers() > before + 150 && old_app.seen.working() >= 16).then_some(())
        })
        .await;
        front.shift(new, epoch).await;
        shifted.push(clock::elapsed());
        drained_for_good(&front, old_app, old).await;
    }
    let last = crowd.answers();
    eventually("answers after the last shift", || async { (crowd.answers() > last + 150).then_some(()) }).await;
    let tally = crowd.end().await;
    assert_eq!(tally.failed, [""; 0]);
    assert_eq!(tally.closed, [""; 0]);
    assert_eq!(tally.strays, [""; 0]);
    let fewest = shifted.iter().map(|at| tally.around(*at)).min().unwrap_or(0);
    assert!(fewest >= 200, "{fewest} answers in the second around a shift");
    assert!(tally.echoes > 500, "{} messages echoed", tally.echoes);
}

/// Once nothing is in flight on the old colour, nothing arrives there any more.
async fn drained_for_good(front: &Front, app: &App, old: Colour) {
    within(Duration::from_secs(10), "the old colour drains", || async {
        let state = front.control.state().await.expect("a state");
        (state.load(old).in_flight == 0).then_some(())
    })
    .await;
    let arrivals = app.seen.arrivals();
    let state = front.control.state().await.expect("a state");
    assert_eq!((state.load(old).in_flight, app.seen.arrivals()), (0, arrivals), "{old} is not live");
}
