//! Who tells of whose death: each row of docs/failures.md that one machine can show, on the whole system.

mod apps;
mod parts;
mod watcher;

use std::time::Duration;

use crate::harness::system::{config, demo_command};
use crate::harness::{EVERY, Host, Sinks, System, Traffic};

/// Three intervals and two seconds: by then the death of any part is told.
const BOUND: Duration = Duration::from_secs(3 * EVERY.as_secs() + 2);

/// A system with the demo app, every sink, and a visitor who never stops coming.
async fn system(more: &str) -> (System, Sinks, Traffic) {
    let host = Host::new();
    let sinks = Sinks::start(&host).await;
    let text = config(&host, &demo_command(&host), &format!("{more}{}", sinks.channels()));
    let system = System::start(host, &text).await;
    let traffic = Traffic::to(&format!("http://{}/", system.host.at(8000)));
    (system, sinks, traffic)
}
