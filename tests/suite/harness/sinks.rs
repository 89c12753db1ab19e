//! Everybody who is told: Slack, e-mail and a webhook, each on the test's own address.

use std::time::Duration;

use serde_json::Value;

use super::host::Host;
use super::slack::Slack;
use super::smtp::{Demands, Smtp};
use super::wait::within;
use super::webhook::{Taken, Webhook};

/// One sink of each kind.
pub(crate) struct Sinks {
    pub(crate) slack: Slack,
    pub(crate) mail: Smtp,
    pub(crate) hook: Webhook,
}

impl Sinks {
    /// Starts all three.
    pub(crate) async fn start(host: &Host) -> Self {
        let slack = Slack::start(&host.at(9001)).await;
        let hook = Webhook::start(&host.at(9002), None).await;
        Self { slack, mail: Smtp::start(host, Demands::default()).await, hook }
    }

    /// The `[[channel]]`s that lead to them.
    pub(crate) fn channels(&self) -> String {
        format!(
            r#"
[[channel]]
name = "slack"
kind = "slack"
url = "{}"
[[channel]]
name = "mail"
kind = "email"
server = "{}"
tls = "none"
from = "allswell@shop.example"
to = ["ops@shop.example"]
[[channel]]
name = "hook"
kind = "webhook"
url = "{}"
"#,
            self.slack.url(),
            self.mail.address(),
            self.hook.url()
        )
    }

    /// What the webhook took of this kind about one of these checks.
    pub(crate) fn about(&self, kinds: &[&str], checks: &[&str]) -> Vec<Taken> {
        let concerned = |taken: &Taken| kinds.contains(&taken.kind.as_str()) && checks.contains(&check(&taken.body));
        self.hook.taken().into_iter().filter(concerned).collect()
    }

    /// Waits until every sink has heard that one of these checks is in trouble; says what the webhook was told.
    pub(crate) async fn alarmed(&self, limit: Duration, checks: &[&str]) -> Taken {
        self.told(limit, &["check.down", "check.poorly"], checks).await
    }

    /// Waits until every sink has heard one of these kinds about one of these checks; says what the webhook was told last.
    pub(crate) async fn told(&self, limit: Duration, kinds: &[&str], checks: &[&str]) -> Taken {
        let what = format!("{kinds:?} of {checks:?} on every channel");
        within(limit, &what, || async {
            let taken = self.about(kinds, checks).pop()?;
            let headline = |text: &str| checks.iter().any(|check| text.contains(check));
            let slack = self.slack.headlines().iter().any(|text| headline(text));
            let mail = self.mail.taken().iter().any(|mail| headline(mail["data"].as_str().unwrap_or_default()));
            (slack && mail).then_some(taken)
        })
        .await
    }

    /// The keys of the incidents of which a down or poorly was told, each once.
    pub(crate) fn incidents(&self) -> Vec<String> {
        let taken = self.hook.taken();
        let alarms = taken.iter().filter(|taken| taken.kind == "check.down" || taken.kind == "check.poorly");
        let mut keys: Vec<String> = alarms.map(|taken| taken.body["data"]["incident"].as_str().unwrap_or_default().to_owned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// The check that a webhook's body is about.
pub(crate) fn check(body: &Value) -> &str {
    body["data"]["check"].as_str().unwrap_or_default()
}
