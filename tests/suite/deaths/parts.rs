//! Heartbeat, prober, proxy and up: killed, stopped, terminated without a command given, stuck while alive.

use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};

use super::{BOUND, system};
use crate::harness::system::status;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_heartbeat_stopped_killed_or_terminated_is_told_by_name() {
    let (system, sinks, traffic) = system("").await;
    system.signal("heartbeat-blue-1", Signal::STOP).await;
    sinks.alarmed(BOUND, &["heartbeat-blue"]).await;
    system.signal("heartbeat-blue-1", Signal::CONT).await;
    sinks.told(BOUND, &["check.resolved"], &["heartbeat-blue"]).await;
    for (name, signal) in [("heartbeat-green-1", Signal::KILL), ("heartbeat-blue-1", Signal::TERM)] {
        let known = sinks.about(&["check.down", "check.resolved"], &["up"]).len();
        system.signal(name, signal).await;
        crate::harness::within(BOUND, &format!("{name} is told"), || async {
            let told = sinks.about(&["check.down", "check.resolved"], &["up"]);
            told.iter().skip(known).any(|taken| taken.body.to_string().contains(name)).then_some(())
        })
        .await;
        system.until("up is well again", |overview| status(overview, "up") == "up").await;
    }
    traffic.all_answered();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_prober_stopped_or_killed_is_one_incident_told_by_name() {
    let (system, sinks, traffic) = system("").await;
    system.signal("prober", Signal::STOP).await;
    sinks.alarmed(BOUND, &["prober"]).await;
    system.signal("prober", Signal::CONT).await;
    sinks.told(BOUND, &["check.resolved"], &["prober"]).await;
    assert_eq!(sinks.incidents().len(), 1, "what it feeds fell silent with it: {:?}", sinks.hook.told());
    system.signal("prober", Signal::KILL).await;
    let told = sinks.told(BOUND, &["check.down", "check.resolved"], &["up"]).await;
    assert!(told.body.to_string().contains("prober"), "{}", told.body);
    system.until("it probes again", |overview| status(overview, "prober") == "up").await;
    traffic.all_answered();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_prober_out_of_file_descriptors_is_told_by_name() {
    let (system, sinks, traffic) = system("").await;
    let pid = system.pid("prober").await;
    let few = Rlimit { current: Some(3), ..getrlimit(Resource::Nofile) };
    let usual = prlimit(Some(pid), Resource::Nofile, few).expect("we are root, or it is ours");
    sinks.alarmed(BOUND, &["prober"]).await;
    prlimit(Some(pid), Resource::Nofile, usual).expect("as before");
    sinks.told(BOUND, &["check.resolved"], &["prober"]).await;
    assert_eq!(sinks.incidents().len(), 1, "its own fault is nobody else's: {:?}", sinks.hook.told());
    traffic.all_answered();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_proxy_stopped_or_killed_is_one_incident_told_by_name() {
    let (system, sinks, traffic) = system("").await;
    system.signal("proxy", Signal::STOP).await;
    let told = sinks.alarmed(BOUND, &["proxy"]).await;
    assert_eq!(told.body["data"]["severity"], "critical", "{}", told.body);
    system.signal("proxy", Signal::CONT).await;
    sinks.told(BOUND, &["check.resolved"], &["proxy"]).await;
    assert_eq!(sinks.incidents().len(), 1, "the preview and the site stand behind it: {:?}", sinks.hook.told());
    system.signal("proxy", Signal::KILL).await;
    let told = sinks.told(BOUND, &["check.down", "check.resolved"], &["up"]).await;
    assert!(told.body.to_string().contains("proxy"), "{}", told.body);
    system.until("it serves again", |overview| status(overview, "proxy") == "up" && status(overview, "site") == "up").await;
    traffic.take();
    crate::harness::eventually("the live site answers", || async { (traffic.take().answered > 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn up_killed_is_told_by_what_it_had_started_and_the_next_up_adopts_it() {
    let (mut system, sinks, traffic) = system("").await;
    let before = system.processes().await;
    system.up().signal(Signal::KILL);
    sinks.alarmed(BOUND, &["up"]).await;
    traffic.all_answered();
    system.start_up();
    sinks.told(BOUND * 2, &["check.resolved"], &["up"]).await;
    let pids = |state: &allswell::runtime::process::control::UpState| {
        let parts = state.parts.iter().map(|part| (part.name.clone(), part.pid));
        parts.chain(state.instances.iter().map(|one| (format!("{}-{}", one.colour, one.number), one.pid))).collect::<Vec<_>>()
    };
    assert_eq!(pids(&system.processes().await), pids(&before), "everything that lived was adopted");
    assert_eq!(sinks.incidents().len(), 1, "{:?}", sinks.hook.told());
    traffic.all_answered();
}
