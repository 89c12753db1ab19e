//! Reads an expression: `[WEEKDAYS] [DATE] [TIME] [ZONE]`.

use std::str::FromStr;

use super::expression::Calendar;
use super::field::{Field, Values};
use crate::domain::zone::Zone;

const SECOND: i64 = 1_000_000;
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The words that stand for an expression.
const SHORT: [(&str, &str); 11] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("semi-annually", "*-01,07-01 00:00:00"),
    ("biannually", "*-01,07-01 00:00:00"),
];

impl FromStr for Calendar {
    type Err = String;

    /// Says what was not understood, in the user's words.
    fn from_str(expression: &str) -> Result<Self, String> {
        read(expression)
    }
}

fn read(expression: &str) -> Result<Calendar, String> {
    let mut words: Vec<&str> = expression.split_whitespace().collect();
    let zone = words.last().and_then(|word| word.parse::<Zone>().ok());
    if zone.is_some() {
        words.pop();
    }
    let long = match words.as_slice() {
        [] => return Err("nothing says when".to_owned()),
        [word] => SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(word)).map(|(_, long)| *long),
        _ => None,
    };
    let mut words = long.map_or(words, |long| long.split(' ').collect()).into_iter().peekable();
    let weekdays = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())).map(weekdays).transpose()?;
    let date = words.next_if(|word| !word.contains(':'));
    let time = words.next();
    if let Some(more) = words.next() {
        return Err(format!("\"{more}\" is one too many: weekdays, a date, a time and a zone make an expression"));
    }
    let mut calendar = empty(weekdays.unwrap_or(0), zone);
    read_date(&mut calendar, date.unwrap_or("*-*-*"))?;
    read_time(&mut calendar, time.unwrap_or("00:00:00"))?;
    Ok(calendar)
}

fn empty(weekdays: u8, zone: Option<Zone>) -> Calendar {
    let any = Field::default;
    Calendar { weekdays, year: any(), month: any(), day: any(), from_end: false, hour: any(), minute: any(), second: any(), zone }
}

fn read_date(calendar: &mut Calendar, date: &str) -> Result<(), String> {
    let (rest, day, from_end) = match (date.rsplit_once('~'), date.rsplit_once('-')) {
        (Some((rest, day)), _) => (rest, day, true),
        (None, Some((rest, day))) => (rest, day, false),
        (None, None) => return Err(format!("\"{date}\" is neither a date (YEAR-MONTH-DAY) nor a time (HOUR:MINUTE)")),
    };
    let (year, month) = rest.rsplit_once('-').unwrap_or(("*", rest));
    calendar.year = field("the year", year, 1970..=2199, full_year)?;
    calendar.month = field("the month", month, 1..=12, |month| month)?;
    calendar.day = field("the day", day, 1..=31, |day| day)?;
    calendar.from_end = from_end;
    Ok(())
}

fn read_time(calendar: &mut Calendar, time: &str) -> Result<(), String> {
    let parts: Vec<&str> = time.split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, "0"),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return Err(format!("\"{time}\" is not a time: HOUR:MINUTE or HOUR:MINUTE:SECOND")),
    };
    calendar.hour = field("the hour", hour, 0..=23, |hour| hour)?;
    calendar.minute = field("the minute", minute, 0..=59, |minute| minute)?;
    calendar.second = seconds(second)?;
    Ok(())
}

/// 26 is 2026.
fn full_year(year: i64) -> i64 {
    match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        _ => year,
    }
}

fn field(what: &str, text: &str, range: std::ops::RangeInclusive<i64>, full: impl Fn(i64) -> i64) -> Result<Field, String> {
    let number = |digits: &str| whole(digits).map(&full).filter(|value| range.contains(value));
    list(text, number, whole, 1).ok_or_else(|| format!("{what}, \"{text}\", is not *, nor made of {}..{}", range.start(), range.end()))
}

fn seconds(text: &str) -> Result<Field, String> {
    if text == "*" {
        return Ok(Field(vec![Values { start: 0, stop: None, every: SECOND }]));
    }
    let number = |digits: &str| micros(digits).filter(|value| *value < 60 * SECOND);
    list(text, number, micros, SECOND).ok_or_else(|| format!("the second, \"{text}\", is not *, nor made of 0..59"))
}

/// `1,5..9,10/2`: values by `number`, steps by `every`; a range without a step goes by `one`.
fn list(text: &str, number: impl Fn(&str) -> Option<i64>, every: impl Fn(&str) -> Option<i64>, one: i64) -> Option<Field> {
    if text == "*" {
        return Some(Field::default());
    }
    let values = |part: &str| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = match step {
            Some(step) => Some(every(step).filter(|step| *step > 0)?),
            None => None,
        };
        match range.split_once("..") {
            None => Some(Values { start: number(range)?, stop: None, every: step.unwrap_or(0) }),
            Some((first, last)) => {
                let (start, stop) = (number(first)?, number(last)?);
                let every = step.unwrap_or(one);
                // The last one that a step reaches.
                (start <= stop).then(|| Values { start, stop: Some(stop - (stop - start) % every), every })
            }
        }
    };
    text.split(',').map(values).collect::<Option<Vec<_>>>().map(Field)
}

fn whole(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Seconds with up to six decimals.
fn micros(digits: &str) -> Option<i64> {
    let (seconds, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let kept: String = decimals.chars().chain("000000".chars()).take(6).collect();
    (decimals.len() <= 6).then_some(whole(seconds)? * SECOND + whole(&kept)?)
}

fn weekdays(text: &str) -> Result<u8, String> {
    let unknown = || format!("\"{text}\" is neither weekdays (Mon..Fri) nor a word such as daily");
    let mut bits = 0;
    for part in text.trim_end_matches(',').split(',') {
        let (first, last) = part.split_once("..").or_else(|| part.split_once('-')).unwrap_or((part, part));
        let (first, last) = (weekday(first).ok_or_else(unknown)?, weekday(last).ok_or_else(unknown)?);
        if first > last {
            return Err(unknown());
        }
        bits |= (first..=last).fold(0, |bits, day| bits | 1 << day);
    }
    Ok(bits)
}

fn weekday(name: &str) -> Option<u8> {
    let name = name.to_ascii_lowercase();
    let is_day = |day: &&str| **day == name || day.get(..3) == Some(name.as_str());
    WEEKDAYS.iter().position(is_day).and_then(|day| u8::try_from(day).ok())
}
