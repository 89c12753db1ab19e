//! Stories about channels: each one end to end, to a receiver that is as strict as the real one.

mod alertmanager;
mod command;
mod endless;
mod posted;

use std::time::Duration;

use allswell::domain::check::Status;
use allswell::domain::colour::Colour;
use allswell::domain::incident::Severity;
use allswell::domain::moment::Moment;
use allswell::domain::notice::{Notice, NoticeKind, Subject};
use allswell::notify::{Channel, ChannelKind, ChannelSettings, EmailSettings, EmailTls, SendError};
use allswell::settings::Secret;

use crate::harness::{Demands, Host, Manner, Slack, Smtp, Webhook, eventually, mute};

const SIGNING_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn notice(reason: &str) -> Notice {
    let since = Moment::from_millis(1_795_410_000_000);
    Notice {
        key: "blue-1795410000000/check.down/ops".into(),
        kind: NoticeKind::CheckDown,
        at: since + Duration::from_secs(12),
        subject: Subject {
            incident: "blue-1795410000000".into(),
            app: "shop".into(),
            check: "blue".into(),
            status: Status::Down,
            severity: Severity::Critical,
            colour: Some(Colour::Blue),
            live: Some(Colour::Blue),
        },
        since,
        reason: reason.into(),
        duration_seconds: None,
        also: vec!["site".into()],
        url: Some("http://127.0.0.1:7700/".into()),
    }
}

fn channel(kind: ChannelKind, timeout: Duration) -> Channel {
    Channel::new(&ChannelSettings { name: "ops".into(), kind, fallback: None, say: None, timeout }).expect("a channel")
}

fn slack(url: &str) -> Channel {
    channel(ChannelKind::Slack { url: Secret::Plain(url.into()) }, Duration::from_secs(5))
}

fn webhook(url: &str, key: Option<&str>, timeout: Duration) -> Channel {
    channel(ChannelKind::Webhook { url: Secret::Plain(url.into()), signing_key: key.map(|key| Secret::Plain(key.into())) }, timeout)
}

fn email(server: String, to: &[&str], password: Option<&str>, timeout: Duration) -> Channel {
    let settings = EmailSettings {
        server,
        tls: EmailTls::None,
        user: password.map(|_| "ops".into()),
        password: password.map(|password| Secret::Plain(password.into())),
        from: "allswell@shop.example".into(),
        to: to.iter().map(ToString::to_string).collect(),
    };
    channel(ChannelKind::Email(settings), timeout)
}

#[tokio::test]
async fn slack_takes_whatever_an_app_may_have_said() {
    let host = Host::new();
    let stand_in = Slack::start(&host.at(80)).await;
    let channel = slack(&stand_in.url());
    let hard = ["", "<!channel> & <@U1>", &"&".repeat(10_000), &"😀".repeat(10_000), "a\u{0}b\r\nc", "```*_~"];
    for reason in hard {
        let mut notice = notice(reason);
        notice.subject.app = format!("{reason}shop");
        notice.also = vec![reason.to_owned(); 200];
        assert_eq!(channel.send(&notice).await.map(|receipt| receipt.0), Ok("ok".to_owned()), "{reason:.20}");
    }
    assert_eq!(stand_in.taken().len(), hard.len());
    assert_eq!(stand_in.headlines()[0], "shop: blue (live) is not working");
}

#[tokio::test]
async fn slack_s_refusals_say_whether_to_try_again_and_never_where() {
    let host = Host::new();
    let stand_in = Slack::start(&host.at(80)).await;
    let channel = slack(&stand_in.url());
    let permanent = |why: &str| SendError::Permanent { why: why.into() };
    let retry = |why: &str, after: Option<u64>| SendError::Retry { why: why.into(), after: after.map(Duration::from_secs) };
    for (manner, expected) in [
        (Manner::Refuse(400), permanent("answered 400: no_service")),
        (Manner::Refuse(404), permanent("answered 404: no_service")),
        (Manner::Refuse(200), retry("answered 200, but not \"ok\": is this a webhook of Slack?", None)),
        (Manner::Refuse(502), retry("answered 502: no_service", None)),
        (Manner::Limit(7), retry("answered 429: rate_limited", Some(7))),
    ] {
        stand_in.set(manner);
        assert_eq!(channel.send(&notice("x")).await, Err(expected));
    }
    let nowhere = slack(&format!("http://{}/services/T0/B0/hush", host.at(81)));
    let unheard = nowhere.send(&notice("x")).await.unwrap_err();
    assert_eq!(unheard, retry("connection refused", None));
    assert_eq!(stand_in.taken().len(), 0);
}

#[tokio::test]
async fn a_webhook_is_signed_and_has_the_notice_s_key_on_every_repeat() {
    let host = Host::new();
    let sink = Webhook::start(&host.at(80), Some(SIGNING_KEY)).await;
    let channel = webhook(&sink.url(), Some(SIGNING_KEY), Duration::from_secs(5));
    for _ in 0..2 {
        assert_eq!(channel.send(&notice("connection refused")).await.map(|receipt| receipt.0), Ok("204".to_owned()));
    }
    let taken = sink.taken();
    assert_eq!(taken.iter().map(|taken| taken.id.as_str()).collect::<Vec<_>>(), ["blue-1795410000000/check.down/ops"; 2]);
    assert_eq!(taken[0].body["data"]["reason"], "connection refused");
    assert_eq!(sink.told(), ["check.down blue"; 2]);
    let stranger = webhook(&sink.url(), Some("another key"), Duration::from_secs(5));
    assert_eq!(stranger.send(&notice("x")).await, Err(SendError::Permanent { why: "answered 401".into() }));
}

#[tokio::test]
async fn a_receiver_that_holds_its_answer_is_tried_again() {
    let host = Host::new();
    let sink = Webhook::start(&host.at(80), None).await;
    sink.set(Manner::Hold);
    let channel = webhook(&sink.url(), None, Duration::from_millis(200));
    assert_eq!(channel.send(&notice("x")).await, Err(SendError::Retry { why: "no answer in time".into(), after: None }));
    assert_eq!(sink.taken().len(), 1);
}

#[tokio::test]
async fn a_mail_arrives_as_text_and_html_under_the_notice_s_key() {
    let host = Host::new();
    let server = Smtp::start(&host, Demands::default()).await;
    let channel = email(server.address(), &["ops@shop.example", "chief@shop.example"], None, Duration::from_secs(10));
    let receipt = channel.send(&notice("connection refused")).await.expect("it is taken");
    assert_eq!(receipt.0, "250 2.0.0 taken");
    let taken = eventually("the mail is written", || async { server.taken().pop() }).await;
    assert_eq!(taken["to"], serde_json::json!(["ops@shop.example", "chief@shop.example"]));
    let data = taken["data"].as_str().expect("a text");
    for words in [
        "Subject: shop: blue (live) is not working",
        "Message-ID: <blue-1795410000000/check=2Edown/ops@shop.example>",
        "Why: connection refused",
        "text/html",
        "allswell logs blue",
    ] {
        assert!(data.contains(words), "{words}\n{data}");
    }
}

#[tokio::test]
async fn a_mail_server_s_5_is_for_good_and_its_4_is_for_now() {
    let host = Host::new();
    let server = Smtp::start(&host, Demands { password: Some("hunter2"), ..Demands::default() }).await;
    let send = |to: &'static str, password: Option<&'static str>| {
        let channel = email(server.address(), &[to], password, Duration::from_secs(10));
        async move { channel.send(&notice("x")).await }
    };
    assert!(send("ops@shop.example", Some("hunter2")).await.is_ok());
    let gone = send("gone@shop.example", Some("hunter2")).await.unwrap_err();
    assert!(gone.is_permanent() && gone.to_string().contains("550"), "{gone}");
    let busy = send("busy@shop.example", Some("hunter2")).await.unwrap_err();
    assert!(!busy.is_permanent() && busy.to_string().contains("451"), "{busy}");
    let stranger = send("ops@shop.example", Some("wrong password")).await.unwrap_err();
    assert!(stranger.is_permanent() && stranger.to_string().contains("535"), "{stranger}");
    assert!(!stranger.to_string().contains("wrong password"), "{stranger}");
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn a_mail_server_that_accepts_and_says_nothing_ends_in_a_retry_within_the_timeout() {
    let host = Host::new();
    let _silent = mute(&host.at(2525)).await;
    let limit = Duration::from_millis(500);
    let channel = email(host.at(2525), &["ops@shop.example"], None, limit);
    let notice = notice("x");
    let ended = tokio::time::timeout(limit * 4, channel.send(&notice)).await.expect("it ends by itself");
    assert_eq!(ended, Err(SendError::Retry { why: "no answer in time".into(), after: None }));
}

#[tokio::test]
async fn a_mail_server_without_starttls_gets_nothing_when_starttls_is_asked_for() {
    let host = Host::new();
    let server = Smtp::start(&host, Demands::default()).await;
    let settings = EmailSettings {
        server: server.address(),
        tls: EmailTls::Starttls,
        user: None,
        password: None,
        from: "allswell@shop.example".into(),
        to: vec!["ops@shop.example".into()],
    };
    let refused = channel(ChannelKind::Email(settings), Duration::from_secs(10)).send(&notice("x")).await;
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("STARTTLS")), "{refused:?}");
    assert_eq!(server.taken().len(), 0);
}
