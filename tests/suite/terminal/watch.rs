//! Stories about: `status --watch`.

use allswell::cli::scroll::conduct::Conduct;
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::progress::{line_of, shop};
use crate::harness::{Tmux, command, eventually};

#[tokio::test]
async fn watched_status_draws_in_place_follows_the_size_and_shows_a_failure_and_its_end() {
    let system = shop("").await;
    let terminal = Tmux::start(&system.host, 80, 30, &[]);
    terminal.enter(&line_of(&system, "status --watch"));
    let shown =
        terminal.until("status-80", "everything was heard", |text| text.matches("● working").count() == 2 && !text.contains('?')).await;
    assert!(shown.starts_with("shop: blue is live"), "{shown}");
    for words in ["LIVE", "idle", "version 1", "1 instance", "● proxy", "● prober", "no open incidents", "last switch  none yet", "q ends"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let coloured = terminal.coloured();
    assert!(coloured.contains("\u{1b}[32m● working"), "{coloured}");
    system.conduct("blue", Conduct::Fail).await;
    let shown = terminal.until("status-80-failing", "the failure is shown", |text| text.contains("✖ not working")).await;
    terminal.until("", "its incident, too", |text| text.contains("open incidents: 1") && text.contains("critical")).await;
    assert!(shown.contains("answered 500"), "{shown}");
    terminal.resize(120, 40);
    terminal
        .until("status-120-failing", "it is drawn at the new size", |text| {
            text.lines().count() == 40 && text.contains("nobody hears") && !text.contains("more lines")
        })
        .await;
    terminal.resize(80, 8);
    terminal.until("status-80-low", "what does not fit is counted", |text| text.contains("more lines: the terminal is too low")).await;
    terminal.resize(120, 40);
    system.conduct("blue", Conduct::Recover).await;
    terminal.until("status-120", "all is well again", |text| text.contains("no open incidents") && !text.contains('✖')).await;
    assert_eq!(terminal.fact("history_size"), "0", "nothing has scrolled away");
}

#[tokio::test]
async fn watched_status_leaves_the_terminal_as_it_found_it() {
    let system = shop("").await;
    let terminal = Tmux::start(&system.host, 80, 24, &[]);
    for (end, how) in [("q", "q"), ("C-c", "Ctrl-C")] {
        terminal.enter(&format!("clear; echo before; {}; echo \"code $?\"", line_of(&system, "status --watch")));
        terminal.until("", "it is drawn", |text| text.contains("● working")).await;
        assert_eq!((terminal.fact("alternate_on").as_str(), terminal.fact("cursor_flag").as_str()), ("1", "0"), "{how}");
        terminal.press(end);
        let shown = terminal.until("", "the shell goes on", |text| text.contains("code 0")).await;
        assert!(shown.contains("before") && !shown.contains("is live"), "{how}: {shown}");
        assert_eq!((terminal.fact("alternate_on").as_str(), terminal.fact("cursor_flag").as_str()), ("0", "1"), "{how}");
        terminal.enter("clear; stty -a");
        let modes = terminal.until("", "its modes", |text| text.contains("icanon")).await;
        assert!(!modes.contains("-icanon") && modes.contains(" echo "), "{how}: {modes}");
    }
    terminal.enter(&format!("clear; {}", line_of(&system, "status --watch")));
    terminal.until("", "it is drawn", |text| text.contains("● working")).await;
    terminal.press("C-z");
    terminal.until("", "the shell is back", |text| text.contains("Stopped")).await;
    assert_eq!(terminal.fact("alternate_on"), "0");
    terminal.enter("fg");
    terminal.until("", "it is drawn again", |text| text.contains("● working") && text.contains("q ends")).await;
    terminal.press("q");
    terminal.until("", "the shell goes on", |text| text.contains("$")).await;
}

#[tokio::test]
async fn no_color_leaves_words_and_shapes() {
    let system = shop("").await;
    let terminal = Tmux::start(&system.host, 80, 30, &[("NO_COLOR", "1")]);
    terminal.enter(&line_of(&system, "status --watch"));
    terminal.until("", "it is drawn", |text| text.contains("● working")).await;
    let coloured = terminal.coloured();
    assert!(!coloured.contains("\u{1b}["), "{coloured:?}");
}

#[tokio::test]
async fn piped_it_prints_one_status_after_the_other_and_as_json_one_document_a_line() {
    let system = shop("").await;
    let out = system.host.path("watched.txt");
    let end = async |words: &[&str], enough: &dyn Fn(&str) -> bool| {
        let file = std::fs::File::create(&out).expect("a file");
        let state = system.state();
        let words: Vec<&str> = words.iter().copied().chain(["--state", state.to_str().expect("words")]).collect();
        let mut child = command(&system.host, &words).stdout(file).spawn().expect("it starts");
        let text = eventually("two statuses", || async { std::fs::read_to_string(&out).ok().filter(|text| enough(text)) }).await;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw).expect("it runs");
        kill_process(pid, Signal::INT).expect("it is there");
        assert_eq!(child.wait().await.expect("it ends").code(), Some(0));
        text
    };
    let text = end(&["status", "--watch", "--every", "200ms"], &|text| text.matches("shop: blue is live").count() >= 2).await;
    assert!(text.starts_with("── 20") && !text.contains('\u{1b}'), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let text = end(&["status", "--watch", "--json"], &|text| text.lines().count() >= 2 && text.ends_with('\n')).await;
    for line in text.lines() {
        let document: Value = serde_json::from_str(line).expect("one document a line");
        assert_eq!(document["live"], "blue");
    }
}
