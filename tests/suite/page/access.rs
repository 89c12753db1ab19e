//! Who may see the pages, and who may act from them.

use std::time::Duration;

use allswell::clock;
use allswell::domain::beat::BeatKind;
use allswell::domain::moment::Moment;
use allswell::net::client;
use allswell::net::question::{self, OVERVIEW, SIGNED_AT_HEADER};
use allswell::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};

use super::stage::{KEY, Stage, TOKEN};
use crate::harness::eventually;

const CHECK: &str = "[[check]]\nname = \"backup\"\nperiod = \"1h\"\n";
/// Whoever comes through a proxy is not on this machine.
const AFAR: (&str, &str) = ("x-forwarded-for", "192.0.2.7");

const PAGES: [&str; 7] = ["/", "/checks", "/checks/backup", "/incidents", "/switches", "/events", "/beats/1/body"];

#[tokio::test]
async fn whoever_is_on_this_machine_reads_and_everybody_else_signs_in_first() {
    let stage = Stage::new(CHECK).await;
    for page in PAGES {
        let answer = stage.get(page, &[AFAR]).await;
        let place = answer.header("location");
        assert!(answer.status == 303 && place.starts_with("/sign-in?next=%2F"), "{page}: {} {place}", answer.status);
    }
    assert_eq!(stage.get("/", &[]).await.status, 200);
    let cookie = stage.sign_in(TOKEN).await;
    let answer = stage.get("/", &[AFAR, ("cookie", &cookie)]).await;
    assert!(answer.status == 200 && answer.text.contains("Sign out"), "{}", answer.status);
    let forged = format!("{}x", &cookie[..cookie.len() - 1]);
    assert_eq!(stage.get("/", &[AFAR, ("cookie", &forged)]).await.status, 303);
    assert_eq!(stage.get("/public", &[AFAR]).await.status, 404, "nothing is public");
}

/// What `question::overview` sends, signed by this key at this time over this path.
fn signed(key: &str, at: Moment, path: &str) -> [(&'static str, String); 3] {
    let (key, at) = (Key::new(key), at.to_string());
    let signature = key.sign("GET", path, at.as_bytes());
    [(KEY_ID_HEADER, key.id().to_owned()), (SIGNATURE_HEADER, signature), (SIGNED_AT_HEADER, at)]
}

#[tokio::test]
async fn what_machines_read_is_open_here_and_elsewhere_to_whoever_may_look() {
    let keys = ["read", "ping"].map(|may| format!("[[key]]\nname = \"{may}\"\nmay = \"{may}\"\nsecret = \"to {may}\"\n"));
    let stage = Stage::new(&format!("{CHECK}{}", keys.concat())).await;
    let cookie = stage.sign_in(TOKEN).await;
    for path in [OVERVIEW, "/v1/checks", "/v1/incidents"] {
        let status = async |headers: &[(&str, &str)]| stage.get(path, headers).await.status;
        assert_eq!(status(&[]).await, 200, "{path}: on this machine");
        assert_eq!(status(&[AFAR]).await, 401, "{path}");
        for (bearer, answer) in [(TOKEN, 200), ("to read", 200), ("to ping", 403), ("wrong", 401), ("", 401)] {
            let bearer = format!("Bearer {bearer}");
            assert_eq!(status(&[AFAR, ("authorization", &bearer)]).await, answer, "{path}: {bearer}");
        }
        assert_eq!(status(&[AFAR, ("cookie", &cookie)]).await, 200, "{path}: who has signed in");
        let now = clock::now();
        for (key, at, signs, answer) in [
            (KEY, now, path, 200),
            ("another key", now, path, 401),
            (KEY, now, "/healthz", 401),
            (KEY, now - Duration::from_secs(600), path, 401),
            (KEY, now + Duration::from_secs(600), path, 401),
        ] {
            let headers = signed(key, at, signs);
            let mut headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            headers.push(AFAR);
            assert_eq!(status(&headers).await, answer, "{path}: signed by {key} at {at} over {signs}");
        }
    }
    let client = client::http(Duration::from_secs(10)).unwrap();
    let asked = question::overview(&client, &stage.url("/"), Some(&Key::new(KEY))).header(AFAR.0, AFAR.1);
    assert_eq!(asked.send().await.unwrap().status().as_u16(), 200, "as our own parts ask");
}

#[tokio::test]
async fn a_sign_in_is_refused_without_a_token_that_is_known_and_leads_nowhere_else() {
    let stage = Stage::new("[[key]]\nname = \"pings\"\nmay = \"ping\"\nsecret = \"for pings\"\n").await;
    let origin = stage.url("");
    for token in ["wrong", "", "for+pings"] {
        let answer = stage.post("/sign-in", &[("origin", &origin)], &format!("name=ann&token={token}")).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, ""), "{token}");
    }
    let whole = "name=ann&token=the+watcher%27s+token&next=//evil.example";
    let answer = stage.post("/sign-in", &[("origin", &origin)], whole).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax") && cookie.contains("; Path=/"), "{cookie}");
    let nameless = stage.post("/sign-in", &[("origin", &origin)], "name=+&token=the+watcher%27s+token").await;
    assert_eq!(nameless.status, 400);
    let left = stage.post("/sign-out", &[("origin", &origin)], "").await;
    assert!(left.header("set-cookie").contains("Max-Age=0"), "{}", left.header("set-cookie"));
}

#[tokio::test]
async fn every_act_needs_a_sign_in_and_an_origin_that_is_ours() {
    let stage = Stage::new(&format!("{CHECK}[[key]]\nname = \"screen\"\nmay = \"read\"\nsecret = \"for a screen\"\n")).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    let key = stage.incident("backup").await;
    let (ours, cookie) = (stage.url(""), stage.sign_in(TOKEN).await);
    let screen = stage.sign_in("for a screen").await;
    let acts = [format!("/incidents/{key}/acknowledge"), "/checks/backup/mute".to_owned(), "/checks/backup/resume".to_owned()];
    for act in &acts {
        let status = async |headers: &[(&str, &str)]| stage.post(act, headers, "for=1h").await.status;
        assert_eq!(status(&[("cookie", &cookie)]).await, 403, "{act}: no origin");
        for foreign in ["http://evil.example", "null", "http://127.0.0.1:1"] {
            assert_eq!(status(&[("cookie", &cookie), ("origin", foreign)]).await, 403, "{act}: {foreign}");
        }
        assert_eq!(status(&[("origin", &ours)]).await, 401, "{act}: not signed in, on this machine too");
        assert_eq!(status(&[("origin", &ours), ("cookie", &screen)]).await, 403, "{act}: a key that only reads");
    }
    assert!(stage.get("/", &[AFAR, ("cookie", &screen)]).await.status == 200, "it reads");
    for act in &acts {
        let done = stage.post(act, &[("origin", &ours), ("cookie", &cookie)], "for=1h&note=looking").await;
        assert_eq!(done.status, 303, "{act}: {}", done.text);
    }
    assert_eq!(stage.post(&acts[1], &[("origin", &ours), ("cookie", &cookie)], "for=soon").await.status, 400);
}

/// Whoever has a key that leaked has signed in with it before it is changed.
#[tokio::test]
async fn a_key_with_a_new_secret_ends_what_was_signed_in_with_the_old_one() {
    let key = |secret: &str| format!("[[key]]\nname = \"ann\"\nmay = \"write\"\nsecret = \"{secret}\"\n");
    let stage = Stage::new(&format!("{CHECK}{}", key("leaked"))).await;
    let (by_key, by_token) = (stage.sign_in("leaked").await, stage.sign_in(TOKEN).await);
    let status = async |cookie: &str| stage.get("/", &[AFAR, ("cookie", cookie)]).await.status;
    assert_eq!((status(&by_key).await, status(&by_token).await), (200, 200));
    let before = stage.sender.overview().await.unwrap()["config"]["hash"].clone();
    let path = stage.host.path("allswell.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&key("leaked"), &key("changed"))).unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let reloaded = stage.post("/v1/reload", &[("authorization", &bearer)], "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text);
    eventually("it goes by the new file", || async { (stage.sender.overview().await?["config"]["hash"] != before).then_some(()) }).await;
    assert_eq!((status(&by_key).await, status(&by_token).await), (303, 200), "the token is the same");
    assert_eq!(status(&stage.sign_in("changed").await).await, 200);
}

#[tokio::test]
async fn a_trusted_proxy_says_who_it_is_and_nobody_else_does() {
    let stage = Stage::new("[page]\nuser_header = \"X-User\"\ntrusted = [\"127.0.0.1\"]\n").await;
    let answer = stage.get("/", &[AFAR, ("x-user", "ann")]).await;
    assert!(answer.status == 200 && answer.text.contains("ann"), "{}", answer.status);
    assert_eq!(stage.get("/", &[AFAR, ("x-user", " ")]).await.status, 303, "it names nobody");
    assert_eq!(stage.get(OVERVIEW, &[AFAR, ("x-user", "ann")]).await.status, 200);
    let stage = Stage::new("[page]\nuser_header = \"X-User\"\ntrusted = [\"192.0.2.1\"]\n").await;
    assert_eq!(stage.get("/", &[AFAR, ("x-user", "ann")]).await.status, 303, "it is not the one that is trusted");
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_it() {
    let stage = Stage::new("[page]\nuser_header = \"X-User\"\ntrusted = [\"127.0.0.1\"]\n").await;
    let host = stage.host.at(7700);
    let (secure, plain) = (format!("https://{host}"), format!("http://{host}"));
    let form = "name=ann&token=the+watcher%27s+token";
    let answer = stage.post("/sign-in", &[("origin", &secure), ("x-forwarded-proto", "https")], form).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-allswell=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(stage.post("/sign-in", &[("origin", &plain), ("x-forwarded-proto", "https")], form).await.status, 403, "another scheme");
}

#[tokio::test]
async fn nothing_inline_nothing_from_elsewhere_and_no_other_host() {
    let stage = Stage::new(CHECK).await;
    for page in ["/", "/checks", "/checks/backup", "/incidents", "/switches", "/sign-in", "/checks/nobody"] {
        let answer = stage.get(page, &[]).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{page}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{page}: {policy}");
        assert_eq!((answer.header("x-content-type-options"), answer.header("cache-control")), ("nosniff", "no-store"), "{page}");
        let text = answer.text.replace("<script src=\"/live.js?", "");
        for inline in ["<script", "<style", " style=", " onclick", "javascript:", "src=\"http", "href=\"http"] {
            assert!(!text.contains(inline), "{page}: {inline}");
        }
        let foreign = stage.get(page, &[("host", "evil.example")]).await;
        assert_eq!(foreign.status, 421, "{page}");
    }
}
