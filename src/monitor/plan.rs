//! `remind` and `escalate`, of the watcher and of each check.

use std::time::Duration;

use crate::domain::follow_up::{Escalation, Plan};
use crate::settings::Section;

/// Nobody is reminded more often.
const SHORTEST: Duration = Duration::from_secs(1);

/// What is done while nobody acknowledges.
pub(super) fn read_plan(section: &mut Section<'_>) -> Plan {
    let remind = section.duration("remind");
    if remind.is_some_and(|remind| remind < SHORTEST) {
        section.error("remind", "must be at least 1s");
    }
    let mut given = section.section("escalate");
    let (after, to) = (given.duration("after"), given.texts("to"));
    let escalate = match (after, to.is_empty()) {
        (Some(after), false) => Some(Escalation { after, to }),
        _ if !given.is_present() => None,
        (None, _) => {
            given.error("after", "is missing: how long is nobody else told?");
            None
        }
        (Some(_), true) => {
            given.error("to", "is missing: which channels are told then?");
            None
        }
    };
    given.finish();
    Plan { remind, escalate }
}
