//! What the watcher saw of the site stands in the day's file, too.

use crate::harness::{Host, eventually};

use super::stage::Stage;

#[tokio::test]
async fn each_look_at_the_site_is_a_line_in_the_day_s_file() {
    let host = Host::new();
    let site = format!("site = \"http://{}/\"", host.at(9100));
    let stage = Stage::on(host, &site, "every = \"200ms\"\ntimeout = \"150ms\"\nslow = \"100ms\"", "[log]\ndirectory = \"days\"\n").await;
    eventually("two looks are written down", || async {
        let file = std::fs::read_dir(stage.host.path("state/days")).ok()?.next()?.ok()?.path();
        let text = std::fs::read_to_string(file).ok()?;
        let looks = text.lines().filter(|line| line.contains(" site not working - ") && line.ends_with("connection refused"));
        (looks.count() >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_day_s_file_that_cannot_be_written_is_told_once_and_the_watch_goes_on() {
    let host = Host::new();
    std::fs::write(host.path("file"), "not a directory").unwrap();
    let log = format!("[log]\ndirectory = \"{}\"\n", host.path("file/days").display());
    let site = format!("site = \"http://{}/\"", host.at(9100));
    let stage = Stage::on(host, &site, "every = \"200ms\"\ntimeout = \"150ms\"\nslow = \"100ms\"", &log).await;
    let beats = |metrics: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix("allswell_beats_total{kind=\"fail\"} "));
        line.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0)
    };
    eventually("the site is looked at again and again", || async {
        let (_, metrics) = stage.sender.get("/metrics").await?;
        (beats(&metrics) >= 4).then_some(())
    })
    .await;
    let words = "the day's file cannot be written";
    let said = || std::fs::read_to_string(stage.host.path("watcher.log")).unwrap();
    eventually("it is told", || async { said().contains(words).then_some(()) }).await;
    assert_eq!(said().matches(words).count(), 1, "{}", said());
}
