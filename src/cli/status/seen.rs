//! One look: prober, watcher, up and the runtime are asked at once, and who does not answer is part of what was seen.

use std::time::Duration;

use serde_json::{Value, json};

use super::instances;
use super::sight::Sight;
use super::view;
use crate::cli::exit::Exit;
use crate::cli::reach::Reach;
use crate::cli::screen::Paint;
use crate::clock;
use crate::monitor::overview::Overview;
use crate::net::client::{explain, http};
use crate::net::question;
use crate::proxy::ProxyDriver;
use crate::proxy::control::Pauses;
use crate::release::ProberState;
use crate::runtime::Instance;
use crate::runtime::process::control::UpState;
use crate::signing::Key;

/// How long a watcher may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// A line is at least so long, and at most: longer ones are hard to read.
const COLUMNS: std::ops::RangeInclusive<usize> = 60..=160;

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    prober: Result<ProberState, String>,
    watcher: Result<Overview, String>,
    up: Option<UpState>,
    instances: Option<Result<Vec<Instance>, String>>,
    pauses: Option<Pauses>,
}

impl Seen {
    /// Asks them all.
    pub(super) async fn look(reach: &Reach) -> Self {
        // With --watch this goes on for long: what is said to be some time ago is so by the clock as it is.
        let _ = clock::take_step();
        let up = reach.up_soon();
        let (watchers, key) = (&reach.config.prober.watchers, reach.beat_key());
        let (prober, watcher, up, instances, pauses) =
            tokio::join!(ask_prober(reach), ask_watchers(watchers, key.as_ref()), up.state(), instances::ask(reach), ask_proxy(reach));
        Self { prober, watcher, up: up.ok(), instances, pauses }
    }

    /// 8 where prober or watcher does not answer, 3 where the live colour is undefined.
    pub(super) fn exit(&self) -> Exit {
        match &self.prober {
            Err(_) => Exit::Unreachable,
            Ok(state) if state.live.is_none() => Exit::Undefined,
            Ok(_) if self.watcher.is_err() => Exit::Unreachable,
            Ok(_) => Exit::Done,
        }
    }

    /// As lines of so many columns.
    pub(super) fn lines(&self, reach: &Reach, columns: usize, paint: Paint) -> Vec<String> {
        let sight = Sight {
            app: &reach.config.app.name,
            now: clock::now(),
            columns: columns.clamp(*COLUMNS.start(), *COLUMNS.end()),
            prober: self.prober.as_ref(),
            watcher: self.watcher.as_ref(),
            up: self.up.as_ref(),
            pauses: self.pauses.as_ref(),
        };
        let instances = instances::lines(self.instances.as_ref(), sight.now, sight.columns, paint);
        view::lines(&sight, paint).into_iter().chain(instances).collect()
    }

    /// For machines.
    pub(super) fn document(&self, reach: &Reach) -> Value {
        let silent: Vec<&String> = self.prober.as_ref().err().into_iter().chain(self.watcher.as_ref().err()).collect();
        json!({
            "app": reach.config.app.name,
            "live": self.prober.as_ref().ok().and_then(|state| state.live),
            "unreachable": silent,
            "prober": self.prober.as_ref().ok(),
            "watcher": self.watcher.as_ref().ok(),
            "up": self.up,
            "instances": self.instances.as_ref().and_then(|asked| asked.as_ref().ok()),
            "runtime_trouble": self.instances.as_ref().and_then(|asked| asked.as_ref().err()),
            "pauses": self.pauses,
        })
    }
}

async fn ask_prober(reach: &Reach) -> Result<ProberState, String> {
    let prober = reach.prober().map_err(|trouble| trouble.message)?;
    prober.state().await.map_err(|error| error.to_string())
}

/// What keeps visitors away on purpose; none where the proxy is not beside us, is another one than ours, or does not answer.
async fn ask_proxy(reach: &Reach) -> Option<Pauses> {
    match reach.proxy() {
        ProxyDriver::Embedded(control) => control.pauses().await.ok(),
        ProxyDriver::Haproxy(_) | ProxyDriver::Nginx(_) | ProxyDriver::Caddy(_) => None,
    }
}

/// The first that answers.
pub(in crate::cli) async fn ask_watchers(urls: &[String], key: Option<&Key>) -> Result<Overview, String> {
    let client = http(LIMIT).map_err(|error| error.to_string())?;
    let mut trouble = "no watcher is named: prober.watchers in the config is empty".to_owned();
    for url in urls {
        match ask(question::overview(&client, url, key)).await {
            Ok(overview) => return Ok(overview),
            Err(why) => trouble = format!("the watcher on {url} {why}"),
        }
    }
    Err(trouble)
}

async fn ask(question: reqwest::RequestBuilder) -> Result<Overview, String> {
    let silent = |error| format!("does not answer: {}", explain(error));
    let answer = question.send().await.map_err(silent)?;
    if answer.status().is_success() {
        return answer.json().await.map_err(silent);
    }
    let status = answer.status().as_u16();
    let said = answer.json::<Value>().await.ok().and_then(|said| Some(said["error"].as_str()?.to_owned()));
    let said = match said {
        None => format!("is none of ours: it says {status}"),
        Some(said) if matches!(status, 401 | 403) => format!("refuses ({status}): {said}"),
        Some(said) => format!("answers {status}: {said}"),
    };
    let hint = ". Is --state the directory that it runs with, or watcher.beat_key set?";
    Err(if status == 401 { said + hint } else { said })
}
