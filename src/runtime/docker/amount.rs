//! Amounts as Docker writes them: bytes and processors.

/// How many bytes `512m` are: a whole number with `b`, `k`, `m`, `g` or none, in powers of 1,024.
pub(super) fn bytes(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is not an amount of memory: a whole number of bytes, or one with k, m or g: \"512m\"");
    let (digits, power) = match text.trim().to_ascii_lowercase() {
        lower if lower.ends_with('k') => (lower, 1),
        lower if lower.ends_with('m') => (lower, 2),
        lower if lower.ends_with('g') => (lower, 3),
        lower => (lower, 0),
    };
    let number: i64 = digits.trim_end_matches(['b', 'k', 'm', 'g']).parse().map_err(|_| wrong())?;
    number.checked_mul(1024_i64.pow(power)).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// How many thousand-millionths of a processor `1.5` are.
pub(super) fn nano_cpus(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is not a number of processors: \"0.5\", \"2\"");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let nano: i64 = format!("{whole}{fraction:0<9}").parse().map_err(|_| wrong())?;
    if nano > 0 { Ok(nano) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_in_powers_of_1024() {
        for (text, wanted) in [("4096", 4096), ("1b", 1), ("512m", 512 << 20), ("2G", 2 << 30), ("3k", 3072)] {
            assert_eq!(bytes(text), Ok(wanted), "{text}");
        }
        for text in ["", "m", "0", "-1m", "1.5g", "99999999999g", "1t"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn processors_may_be_fractions() {
        for (text, wanted) in [("1", 1_000_000_000), ("0.5", 500_000_000), ("1.25", 1_250_000_000)] {
            assert_eq!(nano_cpus(text), Ok(wanted), "{text}");
        }
        for text in ["", "0", "-1", "one", "1.-5", "0.0000000001"] {
            assert!(nano_cpus(text).is_err(), "{text}");
        }
    }
}
