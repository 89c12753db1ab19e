//! `"200ms"`, `"5s"`, `"30m"`, `"2h"`, `"1d"`.

use std::time::Duration;

/// Not a duration, in the user's words.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is not a duration: write a whole number and a unit, such as \"200ms\", \"5s\", \"30m\", \"2h\" or \"1d\"")]
pub struct NotADuration(String);

/// Reads a whole number and one of the units ms, s, m, h, d.
///
/// # Errors
/// Where the text is anything else, or zero, or over a hundred years.
pub fn parse_duration(text: &str) -> Result<Duration, NotADuration> {
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);
    let wrong = || NotADuration(text.to_owned());
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit_millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let duration = number.checked_mul(unit_millis).map(Duration::from_millis).ok_or_else(wrong)?;
    if duration.is_zero() || duration > LONGEST { Err(wrong()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_is_a_duration_and_nothing_else_is() {
        assert_eq!(parse_duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse_duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "5", "s", "5 s", "-5s", "0s", "5sec", "1.5s", "99999999999999999999d", "40000d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
