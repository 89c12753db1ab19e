//! Somebody has a check be quiet for a time.

use allswell::domain::notice::{Notice, NoticeKind};
use allswell::domain::quiet::QuietKind;
use allswell::monitor::orders::QuietOrder;

use super::plan::millis;
use super::report::{Violation, clock};
use super::truth::{HeardDeploy, Take};
use super::watcher::Condition;
use super::world::{Event, World};

impl World {
    /// Mutes a check.
    pub(super) async fn mute(&mut self, number: usize) {
        let check = self.dice.below(self.plan.checks.len());
        let lasts = self.outage();
        if self.now < self.state.stalled_until || self.watchers[number].condition != Condition::Running {
            return;
        }
        let Some(monitor) = self.watchers[number].monitor.clone() else { return };
        let name = self.plan.checks[check].name.clone();
        let for_ms = u64::try_from(lasts).unwrap_or(1);
        let order = QuietOrder { check: name.clone(), kind: QuietKind::Mute, for_ms, by: "ann@desk".into(), note: None };
        monitor.quiet(order, self.clock(self.now)).await.unwrap();
        // What it explained may be told by itself from now on.
        for behind in 0..self.plan.checks.len() {
            let patience = self.patience(&self.plan.checks[behind]);
            self.truth.checks[behind].duty.iter_mut().for_each(|duty| duty.budget += patience);
        }
        self.truth.checks[check].muted_until = self.now + lasts;
        self.agenda.set(self.now + lasts, Event::MuteOver { check });
        self.state.active_at = self.now;
        self.story.say(self.now, format_args!("{name} is muted for {lasts} ms"));
        self.wake();
        self.look();
    }

    /// It is over: what is open is to be told now.
    pub(super) fn mute_over(&mut self, check: usize) {
        self.state.active_at = self.now;
        self.story.say(self.now, format_args!("{} is no longer muted", self.plan.checks[check].name));
    }

    /// Nobody is told of what is quiet: by hand, or because a deploy that the watchers have heard of replaces it.
    pub(super) async fn told_in_quiet(&mut self, take: &Take) -> Result<(), Box<Violation>> {
        let Notice { subject, kind, .. } = &take.notice;
        let Some(check) = self.plan.named(&subject.check) else { return Ok(()) };
        if !matches!(kind, NoticeKind::CheckDown | NoticeKind::CheckPoorly | NoticeKind::CheckReminder) {
            return Ok(());
        }
        let name = subject.check.clone();
        let is_open = self.open_of(check).await.is_some_and(|open| open.incident.key == take.notice.subject.incident);
        if self.now < self.truth.checks[check].muted_until && is_open {
            return Err(self.violation(format!("{name} is muted, and this is told: {:?}", take.notice)));
        }
        let (written, since) = (millis(take.notice.at), take.since);
        let covers = |deploy: &HeardDeploy| deploy.concerns(&name) && deploy.heard_at <= since && written < deploy.until;
        let deploy = self.truth.deploy.filter(covers);
        if let Some(deploy) = deploy.filter(|_| *kind == NoticeKind::CheckDown) {
            let words = format!("{name} is told since {} in a deploy that was heard of: {deploy:?}", clock(take.since));
            return Err(self.violation(words));
        }
        Ok(())
    }
}
