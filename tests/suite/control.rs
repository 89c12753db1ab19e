//! Stories about: bad input to the prober's control.

use std::time::Duration;

use allswell::net::client::http;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::harness::{Cluster, Raw};

/// The prober's control, and its token.
struct Control {
    url: String,
    token: String,
    client: Client,
}

impl Control {
    fn of(cluster: &Cluster) -> Self {
        let token = std::fs::read_to_string(cluster.host.path("state/prober.token")).expect("a token");
        let client = http(Duration::from_secs(20)).expect("a client");
        Self { url: format!("http://{}", cluster.host.at(7701)), token: token.trim().to_owned(), client }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    fn post(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        request.header("content-type", "application/json").body(body.into())
    }
}

/// What is wrong, the request, the status, and a word of the answer.
type Row = (&'static str, RequestBuilder, u16, &'static str);

fn doors(control: &Control) -> Vec<Row> {
    let state = || control.client.get(format!("{}/v1/state", control.url));
    let order = r#"{"to":"green","force":null,"wait":true,"by":"x"}"#;
    let wrong = control.client.post(format!("{}/v1/switch", control.url)).bearer_auth("wrong").body(order);
    vec![
        ("no token", state(), 401, "token is needed"),
        ("a wrong token", state().bearer_auth("wrong"), 401, "token is wrong"),
        ("a token that is too long", state().bearer_auth(format!("{}x", control.token)), 401, "token is wrong"),
        ("another scheme", state().basic_auth("prober", Some(&control.token)), 401, "token is needed"),
        ("an order with a wrong token", wrong, 401, "token is wrong"),
        ("a foreign host", control.get("/v1/state").header("host", "evil.example"), 421, "evil.example"),
        ("a foreign host at the metrics", control.get("/metrics").header("host", "evil.example"), 421, "evil.example"),
        ("an unknown path", control.get("/v1/nothing"), 404, "/v1/nothing"),
        ("a path that climbs", control.get("/v1/%2e%2e/state"), 404, "there is nothing at"),
        ("a wrong method", control.get("/v1/switch"), 405, "does not take GET"),
        ("another wrong method", control.client.request(Method::DELETE, format!("{}/v1/state", control.url)), 405, "does not take DELETE"),
    ]
}

fn orders(control: &Control) -> Vec<Row> {
    let switch = |body: &str| control.post("/v1/switch", body);
    let deploy = |body: &str| control.post("/v1/deploys", body);
    vec![
        ("no JSON", switch("green"), 400, "JSON"),
        ("half of a JSON", switch(r#"{"to":"green","#), 400, "JSON"),
        ("no body", switch(""), 400, "JSON"),
        ("no word of its type", control.post("/v1/switch", "{}").header("content-type", "text/plain"), 400, "missing field"),
        ("a missing field", switch(r#"{"to":"green"}"#), 400, "missing field"),
        ("an unknown colour", switch(r#"{"to":"purple","force":null,"wait":true,"by":"x"}"#), 400, "purple"),
        ("an empty reason", switch(r#"{"to":"green","force":" ","wait":true,"by":"x"}"#), 400, "force needs a reason"),
        ("a body over the limit", switch(&"x".repeat(200_000)), 413, "131072 bytes"),
        ("a deploy of an unknown colour", deploy(r#"{"colour":"purple","version":null,"by":"x","timeout_ms":1}"#), 400, "purple"),
        ("a deploy of no time", deploy(r#"{"colour":"green","version":null,"by":"x","timeout_ms":0}"#), 400, "timeout_ms"),
        ("a negative time", deploy(r#"{"colour":"green","version":null,"by":"x","timeout_ms":-1}"#), 400, "timeout_ms"),
        ("a large deploy", deploy(&"x".repeat(200_000)), 413, "131072 bytes"),
        ("the end of nothing", control.post("/v1/deploys/99/end", r#"{"ok":true,"reason":null}"#), 409, "deploy 99 is not under way"),
        ("the end of a word", control.post("/v1/deploys/x/end", r#"{"ok":true,"reason":null}"#), 400, "x"),
        ("the gate of an unknown colour", control.get("/v1/gate?colour=purple&within_ms=1"), 400, "purple"),
        ("the gate of none", control.get("/v1/gate?within_ms=1"), 400, "colour"),
        ("a gate for a word", control.get("/v1/gate?colour=green&within_ms=soon"), 400, "within_ms"),
        ("a history of a word", control.get("/v1/history?limit=all"), 400, "limit"),
        ("a history of less than none", control.get("/v1/history?limit=-1"), 400, "limit"),
    ]
}

#[tokio::test]
async fn bad_input_gets_a_clear_answer_and_changes_nothing() {
    let cluster = Cluster::start("", "").await;
    let control = Control::of(&cluster);
    let before = cluster.state().await;
    for (what, request, status, word) in doors(&control).into_iter().chain(orders(&control)) {
        let answer = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(answer.headers().contains_key("connection"), status == 413, "{what}: says whether the connection ends");
        let body = answer.text().await.expect("a body");
        let said: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{what}: {body}"));
        assert!(said["error"].as_str().is_some_and(|error| error.contains(word)), "{what}: {body}");
        assert!(!body.contains(&control.token), "{what}: {body}");
    }
    let after = cluster.state().await;
    assert_eq!((after.live, after.epoch, after.lease), (before.live, before.epoch, None));
    assert_eq!(cluster.remote.history(9).await.expect("the journal"), []);
    nothing_panicked(&cluster);
}

#[tokio::test]
async fn what_is_no_http_at_all_is_answered_400_or_cut_and_the_next_one_is_served() {
    let cluster = Cluster::start("", "").await;
    for garbage in
        ["\0\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET /v1/state HTTP/9.9\r\n\r\n", "POST /v1/switch HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
    {
        let answered = send(&cluster, garbage).await;
        assert!(matches!(answered, None | Some(400)), "{garbage:?}: {answered:?}");
    }
    let large = format!("GET /v1/state HTTP/1.1\r\nhost: 127.0.0.1\r\nx-large: {}\r\n\r\n", "x".repeat(1_000_000));
    let answered = send(&cluster, &large).await;
    assert!(matches!(answered, None | Some(431)), "{answered:?}");
    assert!(cluster.state().await.live.is_some());
    nothing_panicked(&cluster);
}

/// The status of the answer, or none where the connection was cut.
async fn send(cluster: &Cluster, bytes: &str) -> Option<u16> {
    let mut client = Raw::connect(&cluster.host.at(7701)).await.expect("it takes connections");
    // It may hang up before it has read all of it.
    let _ = client.send(bytes).await;
    client.head().await.ok().map(|answer| answer.status)
}

fn nothing_panicked(cluster: &Cluster) {
    let log = std::fs::read_to_string(cluster.host.path("prober.log")).expect("a log");
    assert!(!log.contains("panicked"), "{log}");
}
