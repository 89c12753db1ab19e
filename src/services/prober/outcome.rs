//! How a switch ended, as channels are told.

use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::Severity;
use crate::domain::moment::Moment;
use crate::domain::notice::{Notice, NoticeKind, Subject};
use crate::domain::switch::{OUTSIDE, Phase};
use crate::monitor::MonitorSettings;
use crate::store::Entry;

/// What each channel is told of a switch that has ended; nothing where nothing was changed and whoever asked has heard it.
pub(super) fn notices(entry: &Entry, settings: &MonitorSettings, now: Moment) -> Vec<(String, Notice)> {
    let Some(ended) = ended(entry) else { return Vec::new() };
    let asked = &entry.asked;
    let forced = asked.forced.as_ref().map(|why| format!("; the gate was skipped: {why}")).unwrap_or_default();
    let why = entry.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let by = if asked.by == OUTSIDE { format!("made {OUTSIDE}") } else { format!("asked for by {}", asked.by) };
    let notice = Notice {
        key: String::new(),
        kind: if ended.status == Status::Up { NoticeKind::SwitchDone } else { NoticeKind::SwitchReverted },
        at: now,
        subject: Subject {
            incident: format!("switch-{}-{}", entry.id, entry.started_at.as_millis()),
            app: settings.app.clone(),
            check: "switch".to_owned(),
            status: ended.status,
            severity: ended.severity,
            colour: Some(asked.target),
            live: ended.live,
        },
        since: entry.started_at,
        reason: format!("the switch to {} {by} {}{why}{forced}", asked.target, ended.words),
        duration_seconds: entry.ended_at.map(|at| at.since(entry.started_at).as_secs()),
        also: Vec::new(),
        url: settings.page_url.clone(),
    };
    settings.own_channels.iter().map(|channel| (channel.clone(), notice.clone().for_channel(channel))).collect()
}

struct Ended {
    words: &'static str,
    status: Status,
    severity: Severity,
    live: Option<Colour>,
}

fn ended(entry: &Entry) -> Option<Ended> {
    let target = Some(entry.asked.target);
    let ended = |words, status, severity, live| Some(Ended { words, status, severity, live });
    match entry.phase {
        Phase::Done => ended("is done", Status::Up, Severity::Info, target),
        Phase::Reverted => ended("was taken back", Status::Down, Severity::Warning, entry.origin),
        Phase::Stayed => ended("went wrong and could not be taken back", Status::Down, Severity::Critical, target),
        Phase::Interrupted => ended("was interrupted", Status::Down, Severity::Warning, entry.origin),
        Phase::Refused | Phase::Intended | Phase::Gated | Phase::Shifted | Phase::Verified | Phase::Drained => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Expectations;
    use crate::store::{Asked, What};

    fn entry(phase: Phase) -> Entry {
        Entry {
            id: 7,
            epoch: 9,
            what: What::Switch,
            asked: Asked { target: Colour::Green, version: None, by: "ann@desk".into(), forced: None, instances: None },
            origin: Some(Colour::Blue),
            phase,
            reason: Some("green failed 3 probes: answered 500".into()),
            output: None,
            steps: Vec::new(),
            started_at: Moment::from_millis(1_000),
            ended_at: Some(Moment::from_millis(4_000)),
        }
    }

    fn told(phase: Phase) -> Vec<(String, Notice)> {
        told_of(&entry(phase))
    }

    fn told_of(entry: &Entry) -> Vec<(String, Notice)> {
        let own_channels = vec!["ops".to_owned(), "mail".to_owned()];
        let settings = MonitorSettings {
            name: "prober".into(),
            app: "shop".into(),
            page_url: None,
            checks: Expectations::default(),
            channels: Vec::new(),
            own_channels,
            own_plan: crate::domain::follow_up::Plan::default(),
            maintenance: Vec::new(),
            most_made: 0,
            keep: crate::monitor::Keep { log: std::time::Duration::MAX, beats: std::time::Duration::MAX },
            strangers_after: std::time::Duration::MAX,
        };
        notices(entry, &settings, Moment::from_millis(5_000))
    }

    #[test]
    fn what_went_wrong_is_told_to_every_channel_under_a_key_that_stays() {
        let (once, again) = (told(Phase::Stayed), told(Phase::Stayed));
        assert_eq!(once, again);
        let keys: Vec<&str> = once.iter().map(|(_, notice)| notice.key.as_str()).collect();
        assert_eq!(keys, ["switch-7-1000/switch.reverted/ops", "switch-7-1000/switch.reverted/mail"]);
        let (_, notice) = &once[0];
        assert_eq!((notice.subject.severity, notice.subject.live), (Severity::Critical, Some(Colour::Green)));
        assert!(notice.reason.contains("ann@desk went wrong and could not be taken back: green failed 3 probes"), "{}", notice.reason);
        assert_eq!(told(Phase::Reverted)[0].1.subject.live, Some(Colour::Blue));
    }

    #[test]
    fn what_was_refused_is_the_business_of_whoever_asked() {
        assert_eq!(told(Phase::Refused), []);
        assert_eq!(told(Phase::Done)[0].1.kind, NoticeKind::SwitchDone);
    }

    #[test]
    fn a_switch_that_nobody_asked_the_prober_for_is_told_as_one() {
        let done = entry(Phase::Done);
        let asked = Asked { by: OUTSIDE.into(), forced: Some("directly at the proxy".into()), ..done.asked.clone() };
        let reason = Some("the proxy serves green, epoch 9, where the journal said blue, epoch 7".to_owned());
        let told = told_of(&Entry { asked, reason, ..done });
        let (_, notice) = &told[0];
        assert_eq!((notice.kind, notice.subject.live), (NoticeKind::SwitchDone, Some(Colour::Green)));
        let words = "the switch to green made outside the prober is done: the proxy serves green, epoch 9, where the journal said blue, epoch 7; \
                     the gate was skipped: directly at the proxy";
        assert_eq!(notice.reason, words);
    }
}
