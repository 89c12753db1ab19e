//! Deploys that do what they should, and those that are not fit.

use allswell::domain::colour::Colour;

use super::stage::Stage;
use crate::harness::Traffic;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_deploy_by_commands_is_gated_switched_shown_and_kept_in_the_history() {
    let stage = Stage::start().await;
    let traffic = Traffic::to(&format!("http://{}/whoami", stage.host().at(8000)));
    let ran = stage.run(&["deploy", "--version", "2 b", "--switch"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    for words in ["starting green 2 b", "✓ replaced    green, by its command", "✓ fit", "green is live"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    assert_eq!(stage.who(8000).await.as_deref(), Some("green 2 b"));
    traffic.all_answered().await;
    let history = stage.run(&["history"]).await.said;
    assert!(!history.contains("starting green"), "what went well is not repeated: {history}");
    let history = stage.run(&["history", "--output"]).await.said;
    assert!(history.contains("| replace: ./app.sh replace green 2 b") && history.contains("| starting green 2 b"), "{history}");
    let status = stage.run(&["status"]).await.said;
    assert!(status.contains("green  ● green") && status.contains("version 2 b"), "{status}");
    assert!(status.contains("version 1"), "and blue: {status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_version_that_is_not_fit_is_replaced_by_the_one_before_and_that_is_said() {
    let stage = Stage::start().await;
    let ran = stage.run(&["deploy", "--version", "bad"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.said);
    for words in ["connection refused", "last lines of green", "cannot open the database", "has given green version 1 again, as before"] {
        assert!(ran.said.contains(words), "{words}: {}", ran.said);
    }
    assert_eq!(stage.calls()[2..], ["replace green bad", "replace green 1"]);
    stage.comes_up(3002, "green 1").await;
    assert_eq!(stage.state().await.live, Some(Colour::Blue));
    let reason = stage.last().await.reason.unwrap();
    assert!(reason.contains("the gate stayed shut") && reason.contains("put back: "), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_users_own_way_back_is_taken_and_without_any_it_is_said() {
    let stage = Stage::start().await;
    stage.configure_more("put_back = \"./app.sh replace {colour} 'back to {previous} from {version}'\"\n");
    let ran = stage.run(&["deploy", "--version", "bad"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.said);
    assert!(ran.said.contains("the command of [runtime] put_back has put green back"), "{}", ran.said);
    assert_eq!(stage.calls().last().unwrap(), "replace green back to 1 from bad");

    stage.configure("replace = \"./app.sh replace {colour} '{version}'\"\n");
    let ran = stage.run(&["deploy", "--version", "bad"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.said);
    assert!(
        ran.said.contains("could not be put back: [runtime] put_back is not set") && ran.said.contains("allswell deploy green"),
        "{}",
        ran.said
    );
    assert_eq!(stage.calls().last().unwrap(), "replace green bad");
}
