//! What is kept of every beat, and how it is asked for.

use serde_json::Value;

use super::stage::{ID, Stage};
use crate::harness::eventually;

/// `GET` of the API, as curl on this machine asks.
async fn get(stage: &Stage, path: &str) -> Value {
    let answer = stage.curl(&[], path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).expect("JSON")
}

#[tokio::test]
async fn a_run_as_runitor_tells_it_stands_in_the_log_with_all_that_is_known_of_it() {
    let stage = Stage::with_check("1h", "[pings]\nbody_limit = 1000\n").await;
    let run = "11111111-2222-4333-8444-555555555555";
    let path = |says: &str| format!("/ping/{ID}{says}?rid={run}");
    let start = stage.curl(&["-X", "POST", "-A", "runitor/1.4"], &path("/start")).await;
    let limit: usize = start.header("ping-body-limit").expect("a limit").parse().unwrap();
    assert_eq!(limit, 1_000);
    // The last bytes of the output, as many as we have said.
    let output = format!("{}\ndisk full", "x".repeat(limit - 10));
    let end = stage.curl(&["-A", "runitor/1.4", "-H", "Content-Type: text/plain", "--data-binary", &output], &path("/3")).await;
    assert_eq!(end.short(), (200, "OK"));
    let beats = get(&stage, "/v1/checks/backup/beats").await;
    let [end, start] = beats["beats"].as_array().unwrap().as_slice() else { panic!("{beats}") };
    assert_eq!((&end["kind"], &start["kind"]), (&"fail".into(), &"start".into()), "newest first");
    assert_eq!(
        (&end["exit_status"], &end["run"], &end["method"], &end["agent"]),
        (&3.into(), &run.into(), &"POST".into(), &"runitor/1.4".into())
    );
    assert_eq!((&end["address"], &end["key"], &end["body_bytes"]), (&"127.0.0.1".into(), &"ping".into(), &limit.into()));
    assert!(end["duration_ms"].is_u64() && start["duration_ms"].is_null(), "{beats}");
    let check = get(&stage, "/v1/checks/backup").await;
    assert_eq!((&check["status"], &check["last_duration_ms"]), (&"down".into(), &end["duration_ms"]));
    let body = stage.curl(&[], &format!("/v1/beats/{}/body", end["id"])).await;
    assert_eq!((body.status, body.body == output, body.header("x-content-type-options")), (200, true, Some("nosniff")));
    let none = stage.curl(&[], &format!("/v1/beats/{}/body", start["id"])).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn beats_flips_and_incidents_are_read_page_by_page() {
    let stage = Stage::with_check("1h", "").await;
    for says in ["", "/fail", "", "/fail", ""] {
        stage.ping(&format!("{ID}{says}")).await;
    }
    let mut kinds = Vec::new();
    let mut next = String::new();
    loop {
        let page = get(&stage, &format!("/v1/checks/backup/beats?limit=2{next}")).await;
        kinds.extend(page["beats"].as_array().unwrap().iter().map(|beat| beat["kind"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(kinds, ["success", "fail", "success", "fail", "success"]);
    let flips = get(&stage, "/v1/flips?limit=2").await;
    assert_eq!((&flips["flips"][0]["to"], &flips["flips"][1]["to"]), (&"up".into(), &"down".into()));
    assert_eq!(flips["flips"][1]["words"], "said fail");
    let first = get(&stage, "/v1/incidents?limit=1").await;
    let second = get(&stage, &format!("/v1/incidents?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    let key = |page: &Value| page["incidents"][0]["key"].as_str().unwrap().to_owned();
    assert_ne!(key(&first), key(&second));
    let one = get(&stage, &format!("/v1/incidents/{}", key(&first))).await;
    assert_eq!((&one["check"], &one["words"]), (&"backup".into(), &"said fail".into()));
    let checks = get(&stage, "/v1/checks?limit=1").await;
    assert_eq!((checks["checks"].as_array().unwrap().len(), &checks["next"]), (1, &"backup".into()));
}

#[tokio::test]
async fn what_is_asked_wrongly_is_answered_in_words() {
    let stage = Stage::with_check("1h", "").await;
    for (path, status, words) in [
        ("/v1/checks/nobody", 404, "there is no check named"),
        ("/v1/checks/nobody/beats", 404, "there is no check named"),
        ("/v1/incidents/none", 404, "there is no incident"),
        ("/v1/beats/1/body", 404, "there is no beat 1"),
        ("/v1/beats/x/body", 404, "a beat has a number"),
        ("/v1/beats?limit=0", 400, "limit is a number from 1 to 1000"),
        ("/v1/beats?cursor=x", 400, "cursor is what"),
        ("/v1/incidents?cursor=7", 400, "cursor is what"),
        ("/v1/beats?order=up", 400, "order is not known here"),
    ] {
        let answer = stage.curl(&[], path).await;
        let error: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(answer.status, status, "{path}");
        assert!(error["error"].as_str().unwrap().contains(words), "{path}: {error}");
    }
    let post = stage.curl(&["-X", "POST"], "/v1/beats").await;
    assert_eq!(post.status, 405);
}

#[tokio::test]
async fn signed_beats_stand_in_the_log_too() {
    use allswell::domain::beat::BeatKind;
    let stage = Stage::with_check("1h", "").await;
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    let beat = eventually("the beat is there", || async { Some(get(&stage, "/v1/beats?limit=1").await["beats"][0].clone()) }).await;
    assert_eq!((&beat["check"], &beat["instance"], &beat["address"]), (&"backup".into(), &"test".into(), &"127.0.0.1".into()));
    assert_eq!(beat["key"], allswell::signing::Key::new(super::stage::KEY).id());
}
