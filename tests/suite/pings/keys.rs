//! Who may do what, and how a user finds the URL of a check.

use serde_json::Value;

use super::stage::Stage;
use crate::harness::allswell;

const KEYS: &str = "[[key]]\nname = \"ann\"\nmay = \"write\"\nsecret = \"writes\"\n[[key]]\nname = \"board\"\nsecret = \"reads\"\n\
                    [[key]]\nname = \"cron\"\nmay = \"ping\"\nsecret = \"pings\"\n\
                    [[check]]\nname = \"the backup\"\nslug = \"backup\"\nperiod = \"1h\"\n";

#[tokio::test]
async fn each_key_does_what_it_may_and_no_more() {
    let stage = Stage::new("", KEYS).await;
    let bearer = |key: &str| format!("Authorization: Bearer {key}");
    let (writes, reads, pings, wrong) = (bearer("writes"), bearer("reads"), bearer("pings"), bearer("wrong"));
    let new = r#"{"name": "nightly", "period": "1h", "grace": "5m"}"#;
    let forwarded = "X-Forwarded-For: 192.0.2.1";
    for (words, path, status) in [
        (vec![], "/v1/checks", 200),
        (vec!["-H", forwarded], "/v1/checks", 401),
        (vec!["-H", &reads, "-H", forwarded], "/v1/checks", 200),
        (vec!["-H", "X-Api-Key: reads", "-H", forwarded], "/v1/checks", 200),
        (vec!["-H", &pings], "/v1/checks", 403),
        (vec!["-H", &wrong], "/v1/checks", 401),
        (vec!["-d", new], "/v1/checks", 401),
        (vec!["-H", &reads, "-d", new], "/v1/checks", 403),
        (vec!["-H", &writes, "-d", "nonsense"], "/v1/checks", 400),
        (vec!["-H", &writes, "-d", r#"{"name": "Nightly", "period": "1h"}"#], "/v1/checks", 400),
        (vec!["-H", &writes, "-d", r#"{"name": "nightly", "period": "soon"}"#], "/v1/checks", 400),
        (vec!["-H", &writes, "-d", r#"{"name": "nightly", "period": "1h", "tags": ""}"#], "/v1/checks", 400),
        (vec!["-H", &writes, "-d", r#"{"name": "backup", "period": "1h"}"#], "/v1/checks", 409),
        (vec!["-H", &writes, "-d", r#"{"name": "blue", "period": "1h"}"#], "/v1/checks", 409),
        (vec!["-H", &writes, "-d", new], "/v1/checks", 201),
        (vec!["-H", &writes, "-d", new], "/v1/checks", 409),
        (vec![], "/ping/pings/nightly", 200),
        (vec![], "/ping/writes/nightly", 200),
        (vec![], "/ping/reads/nightly", 404),
        (vec!["-X", "DELETE"], "/v1/checks/nightly", 401),
        (vec!["-X", "DELETE", "-H", &writes], "/v1/checks/the%20backup", 409),
        (vec!["-X", "DELETE", "-H", &writes], "/v1/checks/nightly", 204),
        (vec!["-X", "DELETE", "-H", &writes], "/v1/checks/nightly", 404),
    ] {
        let answer = stage.curl(&words, path).await;
        assert_eq!(answer.status, status, "{words:?} {path}: {answer:?}");
    }
    assert_eq!(stage.status("nightly").await, "absent");
}

#[tokio::test]
async fn the_url_that_a_user_is_shown_keeps_the_check_up() {
    let stage = Stage::new("", &format!("{KEYS}[prober]\nwatchers = [\"http://WATCHER\"]\n")).await;
    let config = std::fs::read_to_string(stage.host.path("allswell.toml")).unwrap();
    std::fs::write(stage.host.path("allswell.toml"), config.replace("WATCHER", &stage.host.at(7700))).unwrap();
    let checks = |words: &'static [&'static str]| {
        let words = [&["checks"], words, &["--config", "allswell.toml", "--state", "state"]].concat();
        let host = &stage.host;
        async move { allswell(host, &words).await }
    };
    let url = checks(&["backup", "--url"]).await;
    assert_eq!(url.code, 0, "{url:?}");
    let path = url.out.trim().strip_prefix(&format!("http://{}", stage.host.at(7700))).expect("a URL").to_owned();
    assert_eq!(stage.curl(&[], &path).await.short(), (200, "OK"));
    let listed: Value = checks(&["--json"]).await.json();
    assert_eq!((&listed[0]["name"], &listed[0]["status"]), (&"the backup".into(), &"up".into()));
    let bearer = "Authorization: Bearer writes";
    let shown: Value = serde_json::from_str(&stage.curl(&["-H", bearer], "/v1/checks/the%20backup").await.body).unwrap();
    assert_eq!(shown["ping_url"], url.out.trim());
    let unkeyed: Value = serde_json::from_str(&stage.curl(&[], "/v1/checks/the%20backup").await.body).unwrap();
    assert_eq!(unkeyed["ping_url"], Value::Null, "who knows it may ping");
    let words = checks(&[]).await.out;
    assert!(words.contains("the backup  up  due every 1h") && words.contains(url.out.trim()), "{words}");
    let unknown = checks(&["nothing"]).await;
    assert_eq!((unknown.code, unknown.err.contains("there is no check of yours named \"nothing\"")), (2, true), "{unknown:?}");
}
