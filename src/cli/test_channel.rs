//! `allswell test-channel`: whether a channel takes what it is told.

use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;

use super::exit::{Exit, Outcome, Trouble};
use super::operator::Operator;
use super::screen;
use crate::clock;
use crate::config::Config;
use crate::domain::check::Status;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::notify::{Channel, ChannelSettings};

/// Send a test to a channel, or to all of them.
#[derive(Debug, Args)]
pub struct TestChannelArgs {
    /// The channel's name. Default: all
    name: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Tested {
    channel: String,
    taken: bool,
    /// What the receiver said, or why it did not take it.
    said: String,
}

/// Sends to all at once, and says what each receiver said.
///
/// # Errors
/// Exit code 2 where there is no such channel. A channel that does not take it is exit code 1.
pub async fn run(operator: &Operator, args: &TestChannelArgs) -> Outcome {
    let config = operator.config()?;
    let chosen = chosen(&config, args.name.as_deref())?;
    let now = clock::now();
    let tested = join_all(chosen.into_iter().map(|settings| test(&config, settings, now))).await;
    if operator.json {
        screen::document(&tested);
    } else {
        for Tested { channel, taken, said } in &tested {
            screen::line(if *taken { format!("✓ {channel} took it: {said}") } else { format!("✗ {channel} did not take it: {said}") });
        }
    }
    Ok(if tested.iter().all(|tested| tested.taken) { Exit::Done } else { Exit::Failed })
}

fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a ChannelSettings>, Trouble> {
    let chosen: Vec<&ChannelSettings> = config.channels.iter().filter(|channel| name.is_none_or(|name| channel.name == name)).collect();
    let known: Vec<&str> = config.channels.iter().map(|channel| channel.name.as_str()).collect();
    match (chosen.is_empty(), name) {
        (false, _) => Ok(chosen),
        (true, Some(name)) if !known.is_empty() => {
            Err(Exit::Usage.because(format!("there is no channel \"{name}\": there are {}", known.join(", "))))
        }
        (true, _) => Err(Exit::Usage.because("there is no [[channel]] in the config: nobody would hear of anything. Add one: docs/alarms.md, and what `allswell init` writes")),
    }
}

async fn test(config: &Config, settings: &ChannelSettings, now: Moment) -> Tested {
    let sent = match Channel::new(settings) {
        Ok(channel) => channel.send(&notice(config, &settings.name, now)).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let taken = sent.is_ok();
    let said = sent.map_or_else(|why| why, |receipt| receipt.0);
    Tested { channel: settings.name.clone(), taken, said }
}

fn notice(config: &Config, channel: &str, now: Moment) -> Notice {
    let subject = Subject {
        incident: format!("test-{}", now.as_millis()),
        app: config.app.name.clone(),
        check: format!("channel-{channel}"),
        status: Status::Up,
        severity: Severity::Info,
        colour: None,
        live: None,
    };
    let notice = Notice {
        key: String::new(),
        kind: NoticeKind::ChannelTest,
        at: now,
        subject,
        since: now,
        reason: format!("{} asked for a test: nothing is wrong", Operator::by()),
        duration_seconds: None,
        also: Vec::new(),
        url: Some(config.watcher.page_url()),
    };
    notice.for_channel(channel)
}
