//! From `up` to the first look at the page.

use std::time::Duration;

use crate::harness::system::{config, demo_command, reqwest_client};
use crate::harness::{Host, System, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn from_up_to_both_colours_working_on_the_page_takes_under_five_seconds() {
    let host = Host::alone();
    let text = config(&host, &demo_command(&host), "");
    let page = format!("http://{}/", host.at(7700));
    let _system = System::launch(host, &text).await;
    let client = reqwest_client();
    within(Duration::from_secs(5), "both colours are working on the page", || async {
        let page = client.get(&page).send().await.ok()?.text().await.ok()?;
        let healths: Vec<&str> = page.split("<p class=\"health ").skip(1).collect();
        let is_well = |health: &&str| health.starts_with("good\">") && health.split("</p>").any(|words| words.ends_with(">working</a>"));
        (healths.len() == 2 && healths.iter().all(is_well)).then_some(())
    })
    .await;
}
