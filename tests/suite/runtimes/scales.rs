//! `scale` and `stop`: what they ask, what they do, what is expected afterwards.

use allswell::domain::colour::Colour::{Blue, Green};
use allswell::domain::switch::Phase;
use allswell::release::What;

use super::stage::Stage;
use crate::harness::{Host, allswell};
use crate::terminal::shapes::Shapes;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_costs_the_public_is_asked_first_and_no_is_the_default() {
    let stage = Stage::start().await;
    let up = stage.run(&["scale", "blue", "3"]).await;
    assert_eq!(up.code, Some(0), "more costs nobody anything: {}", up.said);
    assert!(up.said.contains("✓ fit") && up.said.contains("blue: 1 → 3 instances, and so many are expected"), "{}", up.said);
    assert_eq!(stage.expected(Blue).await, 3);
    for (count, words) in
        [("2", "blue is LIVE. It gets 2 instances instead of 3"), ("0", "With 0 instances instead of 3 the public is answered with 503")]
    {
        let declined = stage.run(&["scale", "blue", count]).await;
        assert_eq!(declined.code, Some(7), "{}", declined.said);
        assert!(declined.said.contains(words) && declined.said.contains("[y/N]"), "{}", declined.said);
    }
    assert_eq!((stage.calls().last().unwrap().as_str(), stage.expected(Blue).await), ("scale blue 3", 3), "nothing was changed");
    let down = stage.run(&["scale", "blue", "2", "--yes", "--json"]).await;
    let document: serde_json::Value = serde_json::from_str(&down.said).unwrap();
    assert_eq!((down.code, &document["before"], &document["instances"]), (Some(0), &3.into(), &2.into()), "{}", down.said);
    assert_eq!(Shapes::of_page().faults("scale", &document), [] as [&str; 0]);
    let idle = stage.run(&["scale", "green", "0"]).await;
    assert_eq!((idle.code, stage.expected(Green).await), (Some(0), 0), "idle: nobody to ask: {}", idle.said);
    assert_eq!(stage.who(3002).await, None);
    let entry = stage.last().await;
    assert_eq!((entry.what, entry.asked.instances, entry.phase), (What::Scale, Some(0), Phase::Done));
    let history = stage.run(&["history"]).await.said;
    assert!(history.contains("scale  blue") && history.contains("instances 2"), "{history}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_scale_that_fails_or_is_not_fit_leaves_as_many_expected_as_before() {
    let stage = Stage::start().await;
    let fails = stage.run(&["scale", "green", "7"]).await;
    assert_eq!(fails.code, Some(1), "{}", fails.said);
    assert!(fails.said.contains("there is no room for 7") && fails.said.contains("As before, 1 are expected of green"), "{}", fails.said);
    // With 9 it stops answering.
    let unfit = stage.run(&["scale", "green", "9"]).await;
    assert_eq!(unfit.code, Some(4), "{}", unfit.said);
    assert!(
        unfit.said.contains("with 9 instances green did not pass its probes") && unfit.said.contains("green has 1 again"),
        "{}",
        unfit.said
    );
    assert_eq!((stage.expected(Green).await, stage.who(3002).await.as_deref()), (1, Some("green 1")));
    stage.configure("replace = \"true\"\n");
    let unset = stage.run(&["scale", "green", "2"]).await;
    assert!(unset.code == Some(1) && unset.said.contains("[runtime] scale is not set"), "{}", unset.said);
    assert_eq!(stage.state().await.lease, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn stop_names_what_ends_asks_and_a_deploy_starts_it_again() {
    let stage = Stage::start().await;
    let declined = stage.run(&["stop"]).await;
    assert_eq!(declined.code, Some(7), "{}", declined.said);
    assert!(declined.said.contains("1 instance of blue, which is LIVE, and 1 instance of green"), "{}", declined.said);
    assert_eq!(stage.who(8000).await.as_deref(), Some("blue 1"));
    let stopped = stage.run(&["stop", "--yes"]).await;
    assert_eq!(stopped.code, Some(0), "{}", stopped.said);
    assert!(
        stopped.said.contains("proxy, prober and watcher still run") && stopped.said.contains("allswell deploy blue"),
        "{}",
        stopped.said
    );
    assert_eq!(stage.calls()[2..], ["scale green 0", "scale blue 0"], "the live one last");
    assert_eq!((stage.who(3001).await, stage.who(3002).await), (None, None));
    assert_eq!((stage.expected(Blue).await, stage.expected(Green).await), (0, 0), "no alarm follows");
    assert_eq!(stage.last().await.what, What::Stop);
    let again = stage.run(&["deploy", "blue", "--version", "2", "--yes"]).await;
    assert_eq!((again.code, stage.expected(Blue).await), (Some(0), 1), "{}", again.said);
    assert_eq!(stage.who(8000).await.as_deref(), Some("blue 2"));
}

#[tokio::test]
async fn processes_are_scaled_by_their_addresses_and_that_is_said() {
    let host = Host::new();
    std::fs::create_dir(host.path(".allswell")).unwrap();
    std::fs::write(host.path("allswell.toml"), "[runtime]\ncommand = \"x\"\n").unwrap();
    let ran = allswell(&host, &["scale", "blue", "2"]).await;
    assert!(ran.code == 1 && ran.err.contains("add one to [app.blue] addresses"), "{ran:?}");
}
