//! A switch never costs a request.

use std::sync::Arc;

use allswell::clock;
use allswell::domain::colour::Colour;

use super::front::Front;
use crate::harness::Stand;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_shifts_cost_no_request_and_no_connection() {
    let front = Front::start_alone().await;
    let apps = [front.app(Colour::Blue).await, front.app(Colour::Green).await];
    let stand = Stand { live: front.live(), marks: Arc::clone(&front.marks), apps, control: front.control.clone() };
    stand
        .fifty_shifts(async |new, epoch| {
            front.shift(new, epoch).await;
            clock::elapsed()
        })
        .await;
}
