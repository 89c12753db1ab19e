//! Stories about: a deploy and a switch as they happen.

use std::str::FromStr;
use std::time::Duration;

use allswell::cli::scroll::conduct::Conduct;
use allswell::domain::colour::Colour;
use allswell::proxy::control::ProxyControl;

use crate::harness::system::reqwest_client;
use crate::harness::{Host, System, Tmux, eventually, system};

/// The demo app in both colours, whose manners can be changed.
pub(super) async fn shop(more: &str) -> System {
    let host = Host::new();
    let control = host.path("demo-{colour}.sock");
    let command = format!("{} --control {}", system::demo_command(&host), control.display());
    let config = system::config(&host, &command, more).replace("stop_grace", "version = \"1\"\nstop_grace");
    System::start(host, &config).await
}

/// What a person types.
pub(super) fn line_of(system: &System, words: &str) -> String {
    let (config, state) = (system.host.path("allswell.toml"), system.state());
    format!("{} {words} --config {} --state {}", env!("CARGO_BIN_EXE_allswell"), config.display(), state.display())
}

/// These words one after the other.
fn in_order(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        rest = rest.split_once(word).unwrap_or_else(|| panic!("{word} is missing, or not in its place: {text}")).1;
    }
}

#[tokio::test]
async fn a_deploy_and_a_switch_show_their_phases_with_a_bar_for_what_takes_time() {
    let system = shop("").await;
    for (columns, colour, version) in [(80, "green", "2"), (120, "blue", "3")] {
        let terminal = Tmux::start(&system.host, columns, 24, &[]);
        terminal.enter(&format!("clear; {}", line_of(&system, &format!("deploy --version {version}"))));
        let name = |what: &str| format!("{what}-{columns}");
        let is_drawn = |text: &str, what: &str| text.contains(what) && text.contains('░');
        terminal.until(&name("deploy-gate"), "the gate has a bar", |text| is_drawn(text, &format!("gate: probing {colour}"))).await;
        let shown = terminal.until(&name("deploy"), "it is fit", |text| text.contains("Then: allswell switch")).await;
        in_order(
            &shown,
            &[
                "✓ replaced",
                &format!("1 instance of {colour}"),
                "✓ fit",
                "is fit to go live. Look at it: http://",
                &format!("Then: allswell switch {colour}"),
            ],
        );
        assert!(!shown.contains('░'), "the bar is gone: {shown}");

        // What the old colour is still at, so that there is something to drain.
        let old = Colour::from_str(colour).expect("a colour").other();
        system.conduct(old.as_str(), Conduct::Hang).await;
        let url = format!("http://{}/whoami", system.host.at(8000));
        let hanging: Vec<_> = (0..3).map(|_| tokio::spawn(reqwest_client().get(&url).send())).collect();
        let proxy = ProxyControl::new(&system.state().join("proxy.sock"), Duration::from_secs(5));
        eventually("the proxy has claimed them", || async { proxy.state().await.ok().filter(|state| state.load(old).in_flight >= 3) })
            .await;
        terminal.enter(&format!("clear; {}", line_of(&system, &format!("switch {colour}"))));
        terminal.until(&name("switch-drain"), "the drain has a bar", |text| is_drawn(text, "drain: ")).await;
        terminal
            .until(&name("switch-observe"), "the observation has a bar", |text| is_drawn(text, "observe: ") && text.contains("of 3s"))
            .await;
        let shown = terminal.until(&name("switch"), "it is done", |text| text.contains("✓ done")).await;
        in_order(&shown, &["✓ gated", "✓ shifted", "✓ verified", "✓ drained", "✓ done", &format!("{colour} is live")]);
        assert!(!shown.contains('░'), "the bar is gone: {shown}");
        system.conduct(old.as_str(), Conduct::Recover).await;
        hanging.iter().for_each(tokio::task::JoinHandle::abort);
        assert!(shown.lines().skip(1).all(|line| line.chars().count() <= columns.into()), "{shown}");
    }
}

#[tokio::test]
async fn piped_each_phase_is_one_line_without_a_sequence() {
    let system = shop("").await;
    let ran = system.run(&["deploy", "--version", "2", "--switch"]).await;
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    let marks: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("✓ ")?.split_whitespace().next()).collect();
    assert_eq!(marks, ["replaced", "fit", "gated", "shifted", "verified", "drained", "done"], "{out}");
    assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}') && !out.contains('░'), "{out}{err}");
}
