//! What is done from the pages, in a real browser.

use allswell::domain::beat::BeatKind;

use super::stage::{Stage, TOKEN};
use crate::harness::{Browser, Look, eventually};

const CHECK: &str = "[[check]]\nname = \"nightly backup\"\nperiod = \"1h\"\n";

async fn sign_in(browser: &Browser) {
    browser.type_into("input[name=name]", "ann").await;
    browser.type_into("input[name=token]", TOKEN).await;
    browser.click("main button").await;
}

#[tokio::test]
async fn an_incident_is_acknowledged_and_its_check_muted_from_the_page() {
    let stage = Stage::new(CHECK).await;
    assert_eq!(stage.sender.say("nightly backup", BeatKind::Fail).await, Some(200));
    stage.incident("nightly backup").await;
    let browser = Browser::start(&stage.host).await;
    browser.look(Look::WIDE).await;
    browser.open(&stage.url("/")).await;
    browser.shows("nightly backup is not working").await;
    browser.click(".incident h3 a").await;
    browser.shows("To acknowledge it here, sign in").await;
    browser.click(".who a").await;
    sign_in(&browser).await;
    browser.click(".incident h3 a").await;
    browser.type_into("form[action$='/acknowledge'] input[name=note]", "<b>on my way</b>").await;
    browser.click("form[action$='/acknowledge'] button").await;
    browser.shows("acknowledged by ann (<b>on my way</b>)").await;
    browser.click("form[action$='/mute'] button").await;
    browser.shows("nightly backup muted by ann until").await;
    browser.click("form[action$='/resume'] button").await;
    browser.shows("Mute").await;
    let overview = stage.sender.overview().await.unwrap();
    assert_eq!(overview["incidents"][0]["acknowledged"]["by"], "ann");
    assert_eq!(overview["quiet"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn without_a_script_everything_is_there_and_works() {
    let stage = Stage::new(CHECK).await;
    assert_eq!(stage.sender.say("nightly backup", BeatKind::Fail).await, Some(200));
    stage.incident("nightly backup").await;
    let browser = Browser::start(&stage.host).await;
    browser.look(Look::WIDE).await;
    browser.without_scripts().await;
    browser.open(&stage.url("/sign-in?next=%2Fincidents")).await;
    sign_in(&browser).await;
    browser.shows("nightly backup is not working").await;
    assert!(browser.text().await.contains("as of"), "no script says that it is live");
    browser.click(".incident h3 a").await;
    browser.click("form[action$='/acknowledge'] button").await;
    browser.shows("acknowledged by ann").await;
    browser.open(&stage.url("/")).await;
    assert!(browser.text().await.contains("1 open incident"));
    assert_eq!(stage.sender.say("nightly backup", BeatKind::Success).await, Some(200));
    eventually("the browser asks again by itself", || async { browser.text().await.contains("Live colour undefined").then_some(()) }).await;
}
