//! `[[maintenance]]`.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeZone};

use crate::domain::maintenance::{When, Window};
use crate::domain::moment::Moment;
use crate::domain::schedule::Schedule;
use crate::domain::zone::Zone;
use crate::settings::Section;

/// A maintenance window is never longer.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// Reads one `[[maintenance]]`; none where it is not understood.
pub fn read_window(mut section: Section<'_>) -> Option<Window> {
    let name = section.text_required("name");
    let checks = section.texts("checks");
    let zone = section.text_or("tz", "UTC");
    let schedule = section.text("schedule");
    let duration = section.duration("duration");
    let (from, to) = (section.time("from"), section.time("to"));
    let when = match (schedule, duration, from, to) {
        (Some(schedule), Some(lasts), None, None) => again(&mut section, &schedule, lasts, &zone),
        (None, None, Some(from), Some(to)) => once(&mut section, (&from, &to), &zone),
        _ => {
            section.error("name", "give from and to, or schedule and duration");
            None
        }
    };
    section.finish();
    Some(Window { name, checks, when: when? })
}

fn again(section: &mut Section<'_>, schedule: &str, lasts: Duration, zone: &str) -> Option<When> {
    if lasts > LONGEST {
        section.error("duration", "must be at most 31 days");
    }
    match Schedule::parse(schedule, zone) {
        Ok(schedule) => Some(When::Again { schedule, lasts }),
        Err(error) => {
            section.error("schedule", error);
            None
        }
    }
}

fn once(section: &mut Section<'_>, (from, to): (&str, &str), zone: &str) -> Option<When> {
    let (from, to) = (moment(section, "from", from, zone)?, moment(section, "to", to, zone)?);
    if from >= to {
        section.error("to", "must be after from");
        return None;
    }
    if to.since(from) > LONGEST {
        section.error("to", "must be at most 31 days after from");
    }
    Some(When::Once { from, to })
}

/// `2026-12-01 22:00` in the zone, or with an offset of its own.
fn moment(section: &mut Section<'_>, key: &'static str, text: &str, zone: &str) -> Option<Moment> {
    let zone: Zone = zone.parse().map_err(|error| section.error("tz", error)).ok()?;
    let whole = text.replacen(' ', "T", 1);
    if let Ok(moment) = DateTime::parse_from_rfc3339(&whole) {
        return Some(Moment::from(moment.to_utc()));
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"].into_iter().find_map(|format| NaiveDateTime::parse_from_str(&whole, format).ok());
    let moment = local.and_then(|local| zone.from_local_datetime(&local).earliest());
    if moment.is_none() {
        section.error(key, format!("\"{text}\" is no time there: write 2026-12-01 22:00"));
    }
    moment.map(|moment| Moment::from(moment.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Document;

    fn read(text: &str) -> (Option<Window>, Vec<String>) {
        let document = Document::parse(text);
        let mut root = document.root();
        let window = root.sections("maintenance").into_iter().map(read_window).next().flatten();
        root.finish();
        (window, document.finish().0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn times_stand_in_their_zone_as_texts_and_as_toml_has_them() {
        for times in [
            "from = \"2026-12-01 22:00\"\nto = \"2026-12-01T23:30\"\ntz = \"Europe/Riga\"",
            "from = 2026-12-01T20:00:00Z\nto = 2026-12-01T23:30:00+02:00",
        ] {
            let (window, errors) = read(&format!("[[maintenance]]\nname = \"move\"\n{times}\n"));
            assert_eq!(errors, [""; 0]);
            let inside = Moment::from("2026-12-01T20:00:00Z".parse::<DateTime<chrono::Utc>>().unwrap());
            assert_eq!(
                window.unwrap().open_until(inside).map(|until| until.to_string()),
                Some("2026-12-01T21:30:00.000Z".to_owned()),
                "{times}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_said_with_its_line() {
        for (lines, wrong) in [
            ("from = \"2026-12-01 22:00\"", "line 1: maintenance.name: give from and to, or schedule and duration"),
            ("from = \"2026-12-01 22:00\"\nto = \"2026-12-01 21:00\"", "to: must be after from"),
            ("from = \"tomorrow\"\nto = \"2026-12-01 21:00\"", "from: \"tomorrow\" is no time there"),
            ("schedule = \"61 * * * *\"\nduration = \"1h\"", "schedule: \"61 * * * *\" is not a cron schedule"),
            ("schedule = \"0 2 * * *\"\nduration = \"40d\"", "duration: must be at most 31 days"),
            ("from = 3\nto = \"2026-12-01 21:00\"", "from must be a time"),
        ] {
            let (_, errors) = read(&format!("[[maintenance]]\n{lines}\nname = \"x\"\n"));
            assert!(errors.join("\n").contains(wrong.trim_start_matches("line 1: ")), "{lines}: {errors:?}");
        }
    }
}
