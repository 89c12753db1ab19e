//! Watches new containers while they are proven: one that has ended for good need not be waited for.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::found::Found;
use super::naming::Stage;
use super::settling::Settling;
use crate::runtime::release::{Step, Tell};

/// How often it is looked.
const PACE: Duration = Duration::from_millis(300);
/// How often one may end and be started again before nobody waits for it any more. An app may need a few turns until its database is there.
const TURNS: u32 = 5;

/// Returns when one of this deploy's new containers has ended for good, with what is to be said about it. Docker's own opinion is told, and
/// decides nothing.
pub(super) async fn fallen(settling: &Settling<'_>, deploy: &str, tell: Tell<'_>) -> String {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = HashSet::new();
    loop {
        pace.tick().await;
        // An engine that does not answer now has not ended anything: the gate's own time is the limit.
        let Ok(all) = settling.all().await else { continue };
        for container in all.iter().filter(|found| found.stage == Stage::New && found.deploy.as_deref() == Some(deploy)) {
            if let Some(why) = end(container) {
                return why;
            }
            if container.is_unhealthy() && told.insert(container.id.clone()) {
                tell(Step::Done(format!("! Docker calls {} unhealthy; the gate decides", container.name)));
            }
        }
    }
}

/// Why one will not come back, if so.
fn end(container: &Found) -> Option<String> {
    let restarts = container.restarts();
    if restarts >= TURNS {
        return Some(format!("{} {} and was started again {restarts} times", container.name, container.ending()));
    }
    container.is_over().then(|| format!("{} {}", container.name, container.ending()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: &str, restarts: u32) -> Found {
        let text = format!(
            "{{\"Id\":\"1\",\"Name\":\"/shop-blue-1-new\",\"RestartCount\":{restarts},\"State\":{state},\
             \"Config\":{{\"Labels\":{{\"allswell.colour\":\"blue\"}}}}}}"
        );
        Found::of(serde_json::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn one_that_will_not_come_back_has_ended() {
        let over = r#"{"Running":false,"Restarting":false,"ExitCode":3,"Pid":0,"FinishedAt":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(end(&container(over, 0)).unwrap(), "shop-blue-1-new ended with code 3");
        let clean = r#"{"Running":false,"Restarting":false,"ExitCode":0,"Pid":0,"FinishedAt":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(end(&container(clean, 0)).unwrap(), "shop-blue-1-new ended with code 0");
        let oom = r#"{"Running":false,"OOMKilled":true,"ExitCode":137,"Pid":0,"FinishedAt":"2026-01-01T00:00:00Z"}"#;
        assert!(end(&container(oom, 0)).unwrap().contains("its memory was too small"));
    }

    #[test]
    fn one_that_is_started_again_is_waited_for_a_few_turns() {
        let between = r#"{"Running":true,"Restarting":true,"ExitCode":3,"Pid":0,"FinishedAt":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(end(&container(between, TURNS - 1)), None);
        let told = end(&container(between, TURNS)).unwrap();
        assert_eq!(told, "shop-blue-1-new ended with code 3 and was started again 5 times");
    }

    #[test]
    fn one_that_runs_or_is_not_started_yet_has_not_ended() {
        for state in [
            r#"{"Running":true,"Pid":7,"FinishedAt":"0001-01-01T00:00:00Z"}"#,
            r#"{"Running":false,"ExitCode":0,"Pid":0,"FinishedAt":"0001-01-01T00:00:00Z"}"#,
            r#"{"Running":true,"Paused":true,"Pid":7,"FinishedAt":"0001-01-01T00:00:00Z"}"#,
        ] {
            assert_eq!(end(&container(state, 0)), None, "{state}");
        }
    }
}
