//! A switch never costs a request.

use std::time::Duration;

use allswell::clock;
use allswell::domain::colour::Colour;

use super::front::Front;
use crate::harness::{App, Crowd, eventually, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_shifts_cost_no_request_and_no_connection() {
    let front = Front::start_alone().await;
    let apps = [front.app(Colour::Blue).await, front.app(Colour::Green).await];
    let crowd = Crowd::start(&front.live(), &front.marks, 32, 4);
    let mut shifted = Vec::new();
    let mut drained_at = Some(apps[1].seen.arrivals());
    for epoch in 1..=50 {
        let (old, new) = if epoch % 2 == 1 { (Colour::Blue, Colour::Green) } else { (Colour::Green, Colour::Blue) };
        let app = |colour: Colour| &apps[usize::from(colour == Colour::Green)];
        let before = crowd.answers();
        eventually("requests are under way on the colour that is live", || async {
            (crowd.answers() > before + 100 && app(old).seen.working() >= 4).then_some(())
        })
        .await;
        if let Some(arrivals) = drained_at.take() {
            assert_eq!(app(new).seen.arrivals(), arrivals, "nothing arrives at {new} once it has drained, until it is live again");
        }
        front.shift(new, epoch).await;
        shifted.push(clock::elapsed());
        if epoch % 4 == 0 {
            drained_at = Some(drained(&front, app(old), old).await);
        }
    }
    let last = crowd.answers();
    eventually("answers after the last shift", || async { (crowd.answers() > last + 200).then_some(()) }).await;
    let tally = crowd.end().await;
    assert_eq!(tally.failed, [""; 0]);
    assert_eq!(tally.closed, [""; 0]);
    assert_eq!(tally.strays, [""; 0]);
    let fewest = shifted.iter().map(|at| tally.around(*at)).min().unwrap_or(0);
    assert!(fewest >= 200, "{fewest} answers in the second around a shift");
    assert!(tally.echoes > 500, "{} messages echoed", tally.echoes);
}

/// Waits until nothing is in flight on the old colour; says how many requests had arrived there by then.
async fn drained(front: &Front, app: &App, old: Colour) -> u64 {
    within(Duration::from_secs(10), "the old colour drains", || async {
        let state = front.control.state().await.expect("a state");
        (state.load(old).in_flight == 0).then(|| app.seen.arrivals())
    })
    .await
}
