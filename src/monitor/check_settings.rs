//! `[[check]]`: what else is expected to beat.

use uuid::Uuid;

use super::plan::read_plan;
use crate::domain::check::Check;
use crate::domain::follow_up::Plan;
use crate::domain::moment::humane;
use crate::domain::schedule::Schedule;
use crate::settings::Section;

/// `[[check]]`: a check of the user's own.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Its name, unique.
    pub name: String,
    /// Its name in ping URLs, unique. Default: made of the name.
    pub slug: String,
    /// Its own ping address. Default: made of the slug by the beat key.
    pub uuid: Option<Uuid>,
    /// Whether a ping must be a POST. Default: no.
    pub post_only: bool,
    /// When it is due and how long it may be late.
    pub check: Check,
    /// The channels that are told. Default: those of the watcher.
    pub channels: Vec<String>,
    /// How many instances are to beat, each by its own name. Default: not counted, whoever beats stands for all.
    pub instances: Option<u32>,
    /// What is done while nobody acknowledges an incident. Default: as the watcher has it.
    pub plan: Plan,
    /// The checks whose trouble explains this one's. Default: none.
    pub behind: Vec<String>,
}

impl CheckSettings {
    /// Reads one `[[check]]`; none where it has no schedule.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let name = section.text_required("name");
        let slug = section.text("slug");
        if let Some(slug) = slug.as_ref().filter(|slug| !is_slug(slug)) {
            section.error("slug", format!("\"{slug}\" must be up to 100 of a-z, 0-9, - and _"));
        }
        let uuid = section.parsed("uuid");
        let methods = section.one_of("methods", &[("any", false), ("POST", true)]);
        let schedule = schedule(&mut section);
        let grace = section.duration("grace").or_else(|| schedule.as_ref().map(Schedule::usual_grace)).unwrap_or_default();
        let (rise, fall) = (section.count_or("rise", 1), section.count_or("fall", 1));
        let apart = section.duration("min_interval");
        let channels = section.texts("channels");
        // 0 is the number that nobody gives.
        let instances = Some(section.count_or("instances", 0)).filter(|count| *count > 0);
        if let (Some(Schedule::Every(period)), Some(apart)) = (&schedule, apart)
            && apart > *period
        {
            section.error("min_interval", format!("must not be longer than the period, {}", humane(*period)));
        }
        let (plan, behind) = (read_plan(&mut section), section.texts("behind"));
        section.finish();
        let check = Check { schedule: schedule?, grace, rise, fall, apart };
        let slug = slug.unwrap_or_else(|| slug_of(&name));
        Some(Self { name, slug, uuid, post_only: methods.unwrap_or(false), check, channels, instances, plan, behind })
    }
}

fn schedule(section: &mut Section<'_>) -> Option<Schedule> {
    let zone = section.text("tz");
    match (section.text("schedule"), section.duration("period")) {
        (Some(expression), None) => match Schedule::parse(&expression, zone.as_deref().unwrap_or("UTC")) {
            Ok(schedule) => Some(schedule),
            Err(error) => {
                section.error("schedule", error);
                None
            }
        },
        (None, Some(period)) => Some(Schedule::Every(period)),
        (None, None) | (Some(_), Some(_)) => {
            section.error("schedule", "give schedule = \"MIN HOUR DAY MONTH WEEKDAY\" or period = \"1h\", one of them");
            None
        }
    }
}

/// Whether it can stand in a ping URL.
#[must_use]
pub fn is_slug(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

/// The name as it can stand in a URL: `Nightly backup!` is `nightly-backup`. Empty where nothing is left of it.
#[must_use]
pub(super) fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().take(100) {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '_') => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    #[test]
    fn a_check_that_says_nothing_of_its_grace_has_that_of_its_pace() {
        let grace = |lines: &str| {
            let text = format!("[check]\nname = \"job\"\n{lines}");
            let document = Document::parse(&text);
            CheckSettings::read(document.root().section("check")).unwrap().check.grace.as_secs()
        };
        assert_eq!(["period = \"1m\"", "period = \"1d\"", "schedule = \"*/5 * * * *\""].map(grace), [120, 3_600, 600]);
        assert_eq!(grace("period = \"1m\"\ngrace = \"3h\""), 10_800);
    }

    #[test]
    fn a_slug_is_what_can_stand_in_a_url() {
        for (name, slug) in [("Nightly backup!", "nightly-backup"), ("a_b-c", "a_b-c"), ("  x  y ", "x-y"), ("été", "t"), ("日本", "")]
        {
            assert_eq!(slug_of(name), slug);
        }
        assert!(is_slug("a-b_9") && !is_slug("A") && !is_slug("") && !is_slug(&"a".repeat(101)) && !is_slug("a.b"));
    }
}
