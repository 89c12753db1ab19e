//! What really happened, by the one true clock: what watchers say is held against it.

use std::collections::{BTreeMap, BTreeSet};

use allswell::domain::beat::Live;
use allswell::domain::colour::Colour;
use allswell::domain::notice::{Notice, NoticeKind};
use uuid::Uuid;

use super::over::Over;
use super::plan::{Planned, SECOND, millis};

/// Others are told within this time in a channel's stead.
const PASSED_ON: i64 = 130 * SECOND;

/// What a check's senders did.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// When the next beat is due.
    due: i64,
    /// Up to this time of its schedule nothing more is due: a beat came shortly before it.
    served: i64,
    /// When silence is a missed deadline.
    pub(super) deadline: i64,
    /// When each instance was heard last, of what is in the store.
    pub(super) heard: BTreeMap<String, i64>,
    /// Every beat that is in the store and counts.
    pub(super) stored: Vec<Stored>,
    /// So many bad ones in a row, since the last good one.
    pub(super) bad: u32,
    /// It is quiet on purpose until then.
    pub(super) quiet_until: i64,
    /// Somebody wants to hear nothing of it until then.
    pub(super) muted_until: i64,
    /// The ends of all deploys that had it quiet.
    pub(super) quiets: Vec<i64>,
    pub(super) duty: Option<Duty>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) arrived: i64,
    pub(super) committed: i64,
    /// When silence after it is a missed deadline.
    deadline: i64,
}

impl Stored {
    /// Whether it shows that a check was not silent at that deadline.
    pub(super) fn refutes(&self, deadline: i64) -> bool {
        self.arrived < deadline && self.deadline > deadline
    }
}

/// A deploy, as the store has it from the prober.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeardDeploy {
    colour: Colour,
    pub(super) heard_at: i64,
    pub(super) until: i64,
}

impl HeardDeploy {
    pub(super) fn concerns(&self, check: &str) -> bool {
        check == self.colour.as_str() || check == format!("heartbeat-{}", self.colour)
    }
}

/// Something that must be told.
#[derive(Debug, Clone)]
pub(super) struct Duty {
    /// The deadline that was missed, or when the last bad answer was stored.
    pub(super) since: i64,
    pub(super) is_silence: bool,
    /// How much time there was to tell it by a channel of its own; and by another in its stead.
    pub(super) used: i64,
    pub(super) used_elsewhere: i64,
    /// In so much time it must be told.
    pub(super) budget: i64,
    /// How often its deadline may have moved: we were blind.
    pub(super) blind: u32,
    pub(super) is_told: bool,
}

/// What the people behind a channel have read.
#[derive(Debug, Clone)]
pub(super) struct Take {
    pub(super) channel: usize,
    pub(super) notice: Notice,
    /// When the trouble began.
    pub(super) since: i64,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) checks: Vec<Known>,
    pub(super) takes: Vec<Take>,
    /// So often the receipt of a notice was hidden from whoever sent it.
    pub(super) hidden: BTreeMap<(usize, String), usize>,
    /// The beats that a sender was told are stored.
    pub(super) acknowledged: Vec<(Uuid, u64)>,
    pub(super) missed: usize,
    pub(super) deploy: Option<HeardDeploy>,
    /// When a time ended in which nobody swept, and how long it was.
    pub(super) gaps: Vec<(i64, i64)>,
    /// What was over before anybody had heard of it, and is to be told still.
    pub(super) over: Vec<Over>,
    /// The incidents that were over when they were looked at.
    pub(super) noted: BTreeSet<String>,
}

impl Duty {
    /// Whether there was time enough.
    pub(super) fn is_overdue(&self) -> bool {
        self.used > self.budget || self.used_elsewhere > self.budget + PASSED_ON
    }
}

impl Take {
    /// Whether it tells of several together which were over before anybody had heard of them.
    pub(super) fn is_of_what_was_over(&self) -> bool {
        self.is_end() && self.is_of_a_group() && self.notice.reason.starts_with("was ")
    }

    /// Whether it is about several checks.
    pub(super) fn is_of_a_group(&self) -> bool {
        self.notice.subject.check.starts_with("group-")
    }

    pub(super) fn is_end(&self) -> bool {
        self.notice.kind == NoticeKind::CheckResolved
    }

    /// Whether it is the alarm that one check is silent.
    pub(super) fn is_silence(&self) -> bool {
        let words = &self.notice.reason;
        self.notice.kind == NoticeKind::CheckDown && (words.starts_with("no beat since") || words.starts_with("never heard"))
    }
}

impl Known {
    /// Expected from the beginning.
    pub(super) fn new(planned: &Planned) -> Self {
        let due = planned.due(0);
        Self { due, deadline: due + planned.grace, ..Self::default() }
    }

    /// When the beat is due that follows those that were heard; of several instances, of the one that is needed and was heard longest ago.
    fn next_due(&self, planned: &Planned) -> i64 {
        let mut heard: Vec<i64> = self.heard.values().copied().collect();
        heard.sort_unstable_by(|one, other| other.cmp(one));
        let last_needed = usize::try_from(planned.instances.unwrap_or(1)).unwrap_or(1) - 1;
        planned.due(heard.get(last_needed).copied().unwrap_or(0).max(self.served))
    }

    /// A beat is in the store.
    pub(super) fn store(&mut self, planned: &Planned, instance: &str, (arrived, committed): (i64, i64), is_bad: bool) -> Stored {
        let served = if planned.is_early(self.due, arrived) { self.due } else { self.served };
        let deadline = planned.due(arrived.max(served)) + planned.grace;
        let before = self.heard.insert(instance.to_owned(), arrived);
        if let Some(later) = before.filter(|before| *before > arrived) {
            self.heard.insert(instance.to_owned(), later);
        } else {
            self.served = served;
            self.due = self.next_due(planned);
        }
        let stored = Stored { arrived, committed, deadline };
        self.stored.push(stored);
        self.bad = if is_bad { self.bad + 1 } else { 0 };
        self.deadline = self.due + planned.grace;
        stored
    }
}

impl Truth {
    /// What the prober says of a deploy is in the store.
    pub(super) fn heard_of(&mut self, live: &Live, now: i64) {
        let said = live.deploy.as_ref().map(|deploy| (deploy.colour, millis(deploy.until)));
        if self.deploy.map(|deploy| (deploy.colour, deploy.until)) != said {
            self.deploy = said.map(|(colour, until)| HeardDeploy { colour, heard_at: now, until });
        }
    }

    /// Whether silence of this check may be dated so: by a deadline, by the end of a deploy, or by where a time of blindness has moved it.
    pub(super) fn is_a_deadline(&self, planned: &Planned, known: &Known, at: i64) -> bool {
        // Time for whoever was not heard to say so: as long as we were blind or its grace is, and half a minute at least.
        let moved =
            |(end, lasted): &(i64, i64)| (30 * SECOND..=(lasted + 2 * SECOND).min(planned.grace).max(30 * SECOND)).contains(&(at - end));
        at == planned.due(0) + planned.grace
            || known.quiets.contains(&at)
            || known.stored.iter().any(|stored| stored.deadline == at)
            || self.gaps.iter().any(moved)
    }

    /// Whether somebody has read that this incident is there.
    pub(super) fn is_told(&self, incident: &str) -> bool {
        self.takes.iter().any(|take| take.notice.subject.incident == incident && !take.is_end())
    }

    pub(super) fn hide(&mut self, channel: usize, key: &str) {
        *self.hidden.entry((channel, key.to_owned())).or_insert(0) += 1;
    }

    /// What the people behind a channel would complain about, when they read this.
    pub(super) fn complaint(&self, channel: usize, notice: &Notice) -> Option<String> {
        let before = self.takes.iter().filter(|take| take.channel == channel);
        let times = before.clone().filter(|take| take.notice.key == notice.key).count();
        let hidden = self.hidden.get(&(channel, notice.key.clone())).copied().unwrap_or(0);
        if times > hidden {
            return Some(format!("{} is told twice, and no receipt of it was hidden", notice.key));
        }
        let is_reminder = notice.kind == NoticeKind::CheckReminder;
        let is_alike = |take: &&Take| {
            take.notice.key != notice.key && take.notice.kind == notice.kind && take.notice.subject.incident == notice.subject.incident
        };
        if let Some(take) = before.clone().find(is_alike).filter(|_| !is_reminder) {
            return Some(format!("{} is told as {} as well", take.notice.key, notice.key));
        }
        let mut of_incident = before.filter(|take| take.notice.subject.incident == notice.subject.incident);
        let is_end = notice.kind == NoticeKind::CheckResolved;
        let says_it_all = ["was ", "recorded late"].iter().any(|words| notice.reason.starts_with(words));
        if is_end && !says_it_all && !of_incident.clone().any(|take| !take.is_end()) {
            return Some(format!("{} is resolved before it is down: {}", notice.key, notice.reason));
        }
        if !is_end && times == 0 && of_incident.any(Take::is_end) {
            return Some(format!("{} is down after it was resolved", notice.key));
        }
        None
    }
}
