//! Channels know nothing of each other.

use allswell::domain::beat::BeatKind;

use super::stage::Stage;
use crate::harness::{eventually, mute};

#[tokio::test]
async fn a_mail_server_that_says_nothing_delays_no_other_channel_by_anything() {
    let more = |address: &str| {
        format!(
            "[[channel]]\nname = \"mail\"\nkind = \"email\"\nserver = \"{address}\"\nfrom = \"a@shop.example\"\nto = [\"b@shop.example\"]\ntls = \"none\"\n\
             timeout = \"60s\"\n[[check]]\nname = \"backup\"\nperiod = \"1h\"\nchannels = [\"mail\", \"ops\"]\n"
        )
    };
    let stage = Stage::prepared("", |host| more(&host.at(2525))).await;
    let server = mute(&stage.host.at(2525)).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Fail).await, Some(200));
    let (_connection, _) = server.accept().await.unwrap();
    stage.told("check.down backup", 1).await;
    assert_eq!(stage.sender.say("backup", BeatKind::Success).await, Some(200));
    stage.told("check.resolved backup", 1).await;
    assert_eq!(stage.ops.told(), ["check.down backup", "check.resolved backup"]);
    let waiting = "allswell_notices_total{channel=\"mail\"";
    let metrics = eventually("metrics", || async { stage.sender.get("/metrics").await }).await.1;
    let ended: Vec<&str> = metrics.lines().filter(|line| line.starts_with(waiting) && !line.ends_with(" 0")).collect();
    assert_eq!(ended, [""; 0], "the mail's first attempt goes on");
}
