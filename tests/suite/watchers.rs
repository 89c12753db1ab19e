//! Stories about: several watchers, one of which dies.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Cluster, Host, Process, Webhook, eventually, within};

/// Three intervals and two seconds.
const BOUND: Duration = Duration::from_secs(5);

/// A real watcher with a store and a channel of its own, and what that was told.
fn start(host: &Host, port: u16, sink: &Webhook) -> Process {
    let config = std::fs::read_to_string(host.path("allswell.toml")).expect("the cluster's config");
    let own = format!(
        "[watcher]\nlisten = \"{}\"\nname = \"watcher-{port}\"\nstore = \"sqlite:watcher-{port}.db\"\n\
         [[channel]]\nname = \"own\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        host.at(port),
        sink.url()
    );
    let path = host.path(&format!("watcher-{port}.toml"));
    std::fs::write(&path, format!("{config}{own}")).expect("a config");
    let mut command = Command::new(env!("CARGO_BIN_EXE_allswell-watcher"));
    command.arg("--config").arg(path).arg("--state").arg(host.path("state"));
    Process::start(&mut command, &host.path(&format!("watcher-{port}.log")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watcher_that_is_killed_is_told_by_the_other_one_by_name() {
    let cluster = Cluster::on(Host::new(), &[7700, 7710], "", "[probe]\nevery = \"1s\"\nslow = \"300ms\"\ntimeout = \"500ms\"\n").await;
    let sinks = [Webhook::start(&cluster.host.at(9000), None).await, Webhook::start(&cluster.host.at(9010), None).await];
    let mut first = start(&cluster.host, 7700, &sinks[0]);
    let _second = start(&cluster.host, 7710, &sinks[1]);
    eventually("the prober finds both well", || async {
        let watchers = cluster.state().await.watchers;
        watchers.iter().all(|watcher| watcher.healthy && watcher.acknowledged_at.is_some()).then_some(())
    })
    .await;
    let named = format!("watcher-{}", cluster.host.at(7700));
    first.signal(Signal::KILL);
    first.end(BOUND).await;
    let told = |what: String| {
        let sink = sinks[1].clone();
        within(BOUND, "the second watcher tells", move || {
            let found = sink.told().contains(&what);
            async move { found.then_some(()) }
        })
    };
    told(format!("check.down {named}")).await;
    first = start(&cluster.host, 7700, &sinks[0]);
    told(format!("check.resolved {named}")).await;
    assert!(first.ended().is_none());
    // That it had been blind itself, the first one may say: it was dead.
    let is_of_watchers = |told: &String| told.starts_with("check.") && told.contains(" watcher-");
    let of_watchers = |sink: &Webhook| sink.told().into_iter().filter(is_of_watchers).collect::<Vec<_>>();
    assert_eq!(of_watchers(&sinks[1]), [format!("check.down {named}"), format!("check.resolved {named}")]);
    assert_eq!(of_watchers(&sinks[0]), [""; 0], "the second one was well all the time");
}
