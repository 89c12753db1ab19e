//! Receivers that take what they are told and do not come to an end: it is taken, and not told again.

use std::time::Duration;

use allswell::clock;
use allswell::notify::{Channel, ChannelKind, Receipt, SendError};
use allswell::settings::Secret;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{channel, email, notice, slack, webhook};
use crate::harness::{Demands, Host, Smtp, eventually, listen};

/// Longer than anything here may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Answers to whatever comes with this head, and then a byte of a body now and then, for ever.
async fn trickling(host: &Host, head: &'static str) -> String {
    async fn answer(mut stream: TcpStream, head: &'static str) -> std::io::Result<()> {
        let mut request = [0; 16 * 1_024];
        if stream.read(&mut request).await? == 0 {
            return Ok(());
        }
        stream.write_all(format!("HTTP/1.1 {head}\r\ntransfer-encoding: chunked\r\n\r\n").as_bytes()).await?;
        loop {
            stream.write_all(b"1\r\n.\r\n").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let address = host.at(80);
    let listener = listen(&address).await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, head));
        }
    });
    format!("http://{address}")
}

/// What came of it, and that it came long before the channel's limit.
async fn sent(channel: &Channel) -> Result<Receipt, SendError> {
    let began = clock::elapsed();
    let ended = channel.send(&notice("connection refused")).await;
    assert!(clock::elapsed() - began < LIMIT / 2, "{ended:?}");
    ended
}

#[tokio::test]
async fn what_is_taken_by_its_status_is_taken_though_the_answer_s_body_never_ends() {
    let host = Host::new();
    let url = trickling(&host, "202 Accepted").await;
    assert_eq!(sent(&webhook(&url, None, LIMIT)).await, Ok(Receipt("202".into())));
    let pager = ChannelKind::PagerDuty { routing_key: Secret::Plain("key".into()), url };
    assert_eq!(sent(&channel(pager, LIMIT)).await, Ok(Receipt("202".into())));
    let host = Host::new();
    let alerts = ChannelKind::Alertmanager { url: Secret::Plain(trickling(&host, "200 OK").await) };
    assert_eq!(sent(&channel(alerts, LIMIT)).await, Ok(Receipt("200".into())));
}

#[tokio::test]
async fn a_refusal_is_heard_whole_though_its_body_never_ends() {
    let host = Host::new();
    let url = trickling(&host, "429 Too Many Requests\r\nretry-after: 7").await;
    let later = SendError::Retry { why: "answered 429".into(), after: Some(Duration::from_secs(7)) };
    assert_eq!(sent(&webhook(&url, None, LIMIT)).await, Err(later.clone()));
    assert_eq!(sent(&slack(&url)).await, Err(later));
    let host = Host::new();
    let gone = sent(&webhook(&trickling(&host, "410 Gone").await, None, LIMIT)).await;
    assert_eq!(gone, Err(SendError::Permanent { why: "answered 410".into() }));
}

#[tokio::test]
async fn a_mail_is_taken_though_the_server_says_nothing_to_a_goodbye() {
    async fn serve(stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 ready\r\n").await?;
        let (mut line, mut is_mail) = (String::new(), false);
        while stream.read_line(&mut line).await? > 0 {
            let answer: &[u8] = match line.trim_end() {
                "DATA" => b"354 go on\r\n",
                "." => b"250 2.0.0 taken\r\n",
                "QUIT" => b"",
                _ if is_mail => b"",
                _ => b"250 ok\r\n",
            };
            is_mail = (is_mail || line.trim_end() == "DATA") && line.trim_end() != ".";
            stream.write_all(answer).await?;
            line.clear();
        }
        Ok(())
    }
    let host = Host::new();
    let listener = listen(&host.at(2525)).await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let mail = email(host.at(2525), &["ops@shop.example"], None, LIMIT);
    assert_eq!(sent(&mail).await, Ok(Receipt("250 2.0.0 taken".into())));
}

#[tokio::test]
async fn a_receiver_who_is_not_there_any_more_keeps_a_mail_from_nobody_else() {
    let host = Host::new();
    let server = Smtp::start(&host, Demands::default()).await;
    let to = ["ops@shop.example", "gone@shop.example", "chief@shop.example"];
    let receipt = sent(&email(server.address(), &to, None, LIMIT)).await.expect("two of three take it").0;
    assert!(receipt.starts_with("250 2.0.0 taken; but not for gone@shop.example answered 550"), "{receipt}");
    let taken = eventually("the mail is written", || async { server.taken().pop() }).await;
    assert_eq!(taken["to"], serde_json::json!(["ops@shop.example", "chief@shop.example"]));
    let nobody = sent(&email(server.address(), &["gone@shop.example", "gone-too@shop.example"], None, LIMIT)).await.unwrap_err();
    assert!(nobody.is_permanent() && nobody.to_string().contains("gone-too@shop.example answered 550"), "{nobody}");
    // Who is to be asked later is asked again, with everybody: nobody knows better.
    let later = sent(&email(server.address(), &["ops@shop.example", "busy@shop.example"], None, LIMIT)).await.unwrap_err();
    assert!(!later.is_permanent(), "{later}");
    assert_eq!(server.taken().len(), 1);
}
