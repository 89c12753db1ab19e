//! A schedule as people say it. What has no short words stays as it is written.

use super::moment::humane;
use super::schedule::Schedule;

/// `every 5m`, `every day at 03:00 (Europe/Riga)`, `at 0 3 1-7 * 1 (Europe/Riga)`.
#[must_use]
pub fn in_words(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Every(period) => format!("every {}", humane(*period)),
        Schedule::Cron(cron) => {
            let said = of_cron(cron.expression()).unwrap_or_else(|| format!("at {}", cron.expression()));
            format!("{said} ({})", cron.zone())
        }
        Schedule::Calendar(_) => schedule.to_string(),
    }
}

/// Of the expressions that most people write.
fn of_cron(expression: &str) -> Option<String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let [minute, hour, day, "*", weekday] = fields.as_slice() else { return None };
    let number = |text: &str| text.parse::<u8>().ok();
    let at = || Some(format!("{:02}:{:02}", number(hour)?, number(minute)?));
    match (*minute, *hour, *day, *weekday) {
        ("*", "*", "*", "*") => Some("every minute".to_owned()),
        (step, "*", "*", "*") if step.starts_with("*/") => Some(format!("every {} minutes", number(step.trim_start_matches("*/"))?)),
        (_, "*", "*", "*") => Some(format!("every hour at :{:02}", number(minute)?)),
        ("0", step, "*", "*") if step.starts_with("*/") => Some(format!("every {} hours", number(step.trim_start_matches("*/"))?)),
        (_, _, "*", "*") => Some(format!("every day at {}", at()?)),
        (_, _, "*", days) => Some(format!("every {} at {}", weekdays(days)?, at()?)),
        (_, _, day, "*") => Some(format!("on day {} of each month at {}", number(day)?, at()?)),
        _ => None,
    }
}

fn weekdays(field: &str) -> Option<String> {
    const NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let one = |text: &str| {
        let by_number = text.parse::<usize>().ok().and_then(|number| NAMES.get(number % 7)).filter(|_| text.len() == 1);
        by_number.or_else(|| NAMES.iter().find(|name| text.len() == 3 && name.to_lowercase().starts_with(&text.to_lowercase()))).copied()
    };
    match field.split_once('-') {
        Some((from, to)) => Some(format!("{} to {}", one(from)?, one(to)?)),
        None => Some(field.split(',').map(one).collect::<Option<Vec<_>>>()?.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_people_write_has_words_and_the_rest_stays_as_it_is() {
        for (expression, words) in [
            ("* * * * *", "every minute (UTC)"),
            ("*/5 * * * *", "every 5 minutes (UTC)"),
            ("7 * * * *", "every hour at :07 (UTC)"),
            ("0 */6 * * *", "every 6 hours (UTC)"),
            ("0 3 * * *", "every day at 03:00 (UTC)"),
            ("30 18 * * 1-5", "every Monday to Friday at 18:30 (UTC)"),
            ("30 18 * * sat,0", "every Saturday and Sunday at 18:30 (UTC)"),
            ("5 4 1 * *", "on day 1 of each month at 04:05 (UTC)"),
            ("0 3 1-7 * 1", "at 0 3 1-7 * 1 (UTC)"),
            ("0 3 * 2 *", "at 0 3 * 2 * (UTC)"),
            ("1,2 3 * * *", "at 1,2 3 * * * (UTC)"),
        ] {
            assert_eq!(in_words(&Schedule::parse(expression, "UTC").unwrap()), words);
        }
        assert_eq!(in_words(&Schedule::Every(std::time::Duration::from_secs(90))), "every 1m 30s");
    }
}
