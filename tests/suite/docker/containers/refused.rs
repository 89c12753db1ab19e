//! Images that do not do: the old colour and the live one are untouched, nothing is left behind, and the message says what to do.

use super::system::{LIMIT, System};
use crate::harness::{Demo, LAST_WORDS};

/// The demo apps under the heartbeat want to know whom to tell.
const ENV: &str = "[runtime.env]\nALLSWELL_WATCHERS = \"http://nobody:7700\"\nALLSWELL_BEAT_KEY = \"k\"";

async fn refused(system: &System, image: &str, code: i32) -> String {
    let before = (system.containers().await, system.whoami().await);
    let ran = system.allswell(&["deploy", "green", "--image", image, "--version", "9", "--yes"]).await;
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!((system.containers().await, system.whoami().await), before, "{ran:?}");
    // The lease is free again.
    let next = system.allswell(&["--json", "status"]).await;
    assert!(next.json()["lease"].is_null(), "{next:?}");
    [ran.out, ran.err].concat()
}

#[tokio::test]
async fn an_image_that_never_gets_healthy_is_refused_with_its_last_lines() {
    let system = System::start(ENV).await;
    let told = refused(&system, &system.stage.demo(Demo::Sick).await, 4).await;
    assert!(told.contains("refused: green was not fit to go live") && told.contains("answered 404"), "{told}");
    let new = system.container("green", "1-new");
    // Among what the heartbeat around it has to say.
    let lines = told.split(&format!("last lines of {new}:\n")).nth(1).expect("its last lines");
    assert!(lines.contains("  the catalogue is being read\n"), "{told}");
    assert!(told.contains(&format!("{new} removed; what ran before was not touched")), "{told}");
}

#[tokio::test]
async fn an_image_that_crashes_is_refused_at_once_with_its_exit_code() {
    let system = System::start(&format!("restart = \"no\"\n{ENV}")).await;
    let told = refused(&system, &system.stage.demo(Demo::Crash).await, 4).await;
    let new = system.container("green", "1-new");
    assert!(told.contains(&format!("refused: {new} ended with code 3 before green was fit to go live")), "{told}");
    assert!(told.contains(LAST_WORDS), "{told}");
    assert!(!told.contains("within 20s"), "{told}");
}

#[tokio::test]
async fn an_image_that_crashes_again_and_again_is_not_waited_for_for_ever() {
    let system = System::empty("entrypoint = \"sh -c 'echo no database; exit 3'\"").await;
    let image = system.stage.demo(Demo::Bare("1")).await;
    let ran = system.allswell(&["deploy", "green", "--image", &image, "--yes"]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("ended with code 3 and was started again 5 times") && ran.err.contains("no database"), "{ran:?}");
    assert_eq!(system.containers().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_image_that_does_not_exist_is_told_with_what_to_do() {
    let system = System::start("").await;
    let told = refused(&system, "nobody/has-made-this:1", 1).await;
    assert!(told.contains("the image nobody/has-made-this:1 cannot be pulled"), "{told}");
    let told = refused(&system, "Not An Image", 1).await;
    assert!(told.contains("Not An Image"), "{told}");
}

#[tokio::test]
async fn a_command_that_is_not_in_the_image_is_told() {
    let system = System::empty("command = \"/not-there --at-all\"").await;
    let image = system.stage.demo(Demo::Bare("1")).await;
    let ran = system.allswell(&["deploy", "green", "--image", &image, "--yes"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("could not be started") && ran.err.contains("/not-there"), "{ran:?}");
    assert_eq!(system.containers().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_told_with_where_it_was_looked_for() {
    let system = System::empty("").await;
    let run = async |host: &str| {
        let output = system.command(&["deploy", "green", "--image", "x", "--yes"]).env("DOCKER_HOST", host).output();
        let output = tokio::time::timeout(LIMIT, output).await.expect("in time").expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let (code, told) = run(host).await;
        assert_eq!(code, Some(8), "{told}");
        assert!(told.contains(&format!("the Docker engine does not answer on {host}")) && told.contains("Is it running?"), "{told}");
    }
}
