//! Somebody who is told.

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use super::alertmanager::Alertmanager;
use super::command::Command;
use super::email::Email;
use super::further::Further;
use super::ntfy::Ntfy;
use super::pagerduty::PagerDuty;
use super::receipt::{ChannelError, Receipt, SendError};
use super::settings::{ChannelKind, ChannelSettings};
use super::slack::Slack;
use super::slack_bot::SlackBot;
use super::webhook::Webhook;
use crate::domain::notice::Notice;

/// Somebody who is told.
pub struct Channel {
    name: String,
    timeout: Duration,
    way: Way,
}

enum Way {
    Slack(Slack),
    Email(Box<Email>),
    Webhook(Webhook),
    Further(Box<dyn Further>),
}

impl Channel {
    /// Reads the channel's secrets and prepares what sends to it. Connects to nothing.
    ///
    /// # Errors
    /// Where a secret cannot be read, or a setting is not what it must be.
    pub fn new(settings: &ChannelSettings) -> Result<Self, ChannelError> {
        let (name, timeout) = (&settings.name, settings.timeout);
        let further: Box<dyn Further> = match &settings.kind {
            ChannelKind::Slack { .. } | ChannelKind::Webhook { .. } | ChannelKind::Email(_) => return Self::of_heartbeat(settings),
            ChannelKind::SlackBot { token, channel, api } => Box::new(SlackBot::new(name, token, channel, api, timeout)?),
            ChannelKind::Alertmanager { url } => Box::new(Alertmanager::new(name, url, timeout)?),
            ChannelKind::PagerDuty { routing_key, url } => Box::new(PagerDuty::new(name, routing_key, url, timeout)?),
            ChannelKind::Command { words } => Box::new(Command::new(name, words)?),
            ChannelKind::Ntfy { url, token } => Box::new(Ntfy::new(name, url, token.as_ref(), timeout)?),
        };
        Ok(Self { name: name.clone(), timeout, way: Way::Further(further) })
    }

    /// Prepares, as [`Channel::new`], a channel of a heartbeat, which knows three kinds: whatever is made here alone is all that it carries.
    ///
    /// # Errors
    /// As [`Channel::new`], and where it is of another kind.
    pub fn of_heartbeat(settings: &ChannelSettings) -> Result<Self, ChannelError> {
        let name = &settings.name;
        let way = match &settings.kind {
            ChannelKind::Slack { url } => Way::Slack(Slack::new(name, url, settings.timeout)?),
            ChannelKind::Webhook { url, signing_key } => Way::Webhook(Webhook::new(name, url, signing_key.as_ref(), settings.timeout)?),
            ChannelKind::Email(email) => Way::Email(Box::new(Email::new(name, email, settings.timeout)?)),
            ChannelKind::SlackBot { .. }
            | ChannelKind::Alertmanager { .. }
            | ChannelKind::PagerDuty { .. }
            | ChannelKind::Command { .. }
            | ChannelKind::Ntfy { .. } => {
                return Err(ChannelError::Setting(name.clone(), "a heartbeat tells by slack, webhook or email alone".to_owned()));
            }
        };
        Ok(Self { name: name.clone(), timeout: settings.timeout, way })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends a notice, once; ends within the channel's timeout whatever the receiver does.
    ///
    /// # Errors
    /// Where the notice was not taken: whether to try again, and when.
    pub async fn send(&self, notice: &Notice) -> Result<Receipt, SendError> {
        self.send_after(notice, None).await
    }

    /// Sends a notice, as [`Channel::send`], with the receipt of the first notice of the same incident, where this channel has taken one.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub async fn send_after(&self, notice: &Notice, earlier: Option<&str>) -> Result<Receipt, SendError> {
        let sending = async {
            match &self.way {
                Way::Slack(slack) => slack.send(notice).await,
                Way::Email(email) => email.send(notice).await,
                Way::Webhook(webhook) => webhook.send(notice).await,
                Way::Further(further) => further.send_after(notice, earlier).await,
            }
        };
        timeout(self.timeout, sending).await.unwrap_or_else(|_| Err(SendError::retry("no answer in time")))
    }

    /// How often it is to be told again what it has taken and what is not over, by [`Channel::send_again`]. None: it does not forget.
    #[must_use]
    pub fn again_every(&self) -> Option<Duration> {
        match &self.way {
            Way::Further(further) => further.again_every(),
            Way::Slack(_) | Way::Email(_) | Way::Webhook(_) => None,
        }
    }

    /// Says again of what it has taken that it is not over; or, where `is_over`, that it is. Nobody is told of it anew.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub async fn send_again(&self, taken: &[Notice], is_over: bool) -> Result<(), SendError> {
        let Way::Further(further) = &self.way else { return Ok(()) };
        let sending = timeout(self.timeout, further.send_again(taken, is_over));
        sending.await.unwrap_or_else(|_| Err(SendError::retry("no answer in time"))).map(|_| ())
    }
}

/// Shows the name alone: the rest may be secret.
impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Secret;

    fn webhook(url: &str) -> ChannelSettings {
        ChannelSettings {
            name: "ops".into(),
            kind: ChannelKind::Webhook { url: Secret::Plain(url.into()), signing_key: None },
            fallback: None,
            say: None,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_channel_with_a_wrong_url_says_which_and_never_shows_it() {
        for wrong in ["hooks.example/T0/secret", "ftp://hooks.example/secret", "http://"] {
            let error = Channel::new(&webhook(wrong)).unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(told.contains("ops") && told.contains("http://"), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn a_channel_is_printed_without_its_url() {
        let channel = Channel::new(&webhook("https://hooks.example/secret")).unwrap();
        assert_eq!(format!("{channel:?}"), "Channel { name: \"ops\", .. }");
        assert_eq!(channel.name(), "ops");
    }

    #[test]
    fn who_keeps_alerts_in_memory_alone_is_told_again_and_who_tells_people_is_not() {
        let url = || Secret::Plain("https://alerts.example".into());
        let every = |kind| Channel::new(&ChannelSettings { kind, ..webhook("https://hooks.example") }).unwrap().again_every();
        assert_eq!(every(ChannelKind::Alertmanager { url: url() }), Some(Duration::from_secs(60)));
        assert_eq!(every(ChannelKind::Slack { url: url() }), None);
        assert_eq!(every(ChannelKind::PagerDuty { routing_key: Secret::Plain("key".into()), url: "https://pager.example".into() }), None);
    }
}
