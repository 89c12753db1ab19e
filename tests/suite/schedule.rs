//! Schedules, beside systemd itself.

use std::process::Command;

/// Every form that systemd.time(7) has.
const EXPRESSIONS: [&str; 39] = [
    "minutely",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "semi-annually",
    "annually",
    "Mon",
    "mon,tue..thu",
    "Sat,Thu,Mon-Wed,Sat-Sun",
    "Mon-Fri 10:00",
    "monday *-*~1",
    "12-24",
    "10:5",
    "*:*",
    "*:0/30",
    "*:0..30/7",
    "*:2/3:*",
    "*-*-* *:*:01..5",
    "*-*-* *:*:10.5/20",
    "*-*-* 03:30",
    "*-*-* 02,03:15,45",
    "2026..2030-1..6/2-1,15 1,13:30",
    "*-02-29",
    "Fri *-*-13",
    "*-*~1..7/2",
    "*-*~03 23:59:59",
    "Mon *-05~07/1",
    "24-1-1",
    "2096-2-29",
    "*-*-31 12:00",
    "Sun *-3,10-25..31 1..4:00",
    "*-1/3-1 00:00",
    "*-*-1/2 0/6:00",
    "*-*-* 23:59:59.5",
    "*-10-* 0..4:0/20",
    "*-03-25..31 *:15",
    "05:40 UTC",
];

/// Around changes of the clocks, ends of months and years.
const TIMES: [&str; 5] =
    ["2026-03-28 22:10:00", "2026-03-29 00:59:59", "2026-10-24 23:10:00", "2027-12-31 23:59:59", "2028-02-28 21:30:00"];

/// What systemd finds: the next times in UTC, whole seconds; none where it refuses the expression.
fn asked(expression: &str, zone: &str, after: &str) -> Option<Vec<String>> {
    let told = Command::new("systemd-analyze")
        .args(["calendar", "--iterations=4", &format!("--base-time={after} UTC"), format!("{expression} {zone}").trim()])
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .output()
        .expect("systemd-analyze, from Debian's package systemd");
    let text = String::from_utf8(told.stdout).unwrap();
    let times = text.lines().filter_map(|line| {
        let (label, time) = line.trim().split_once(": ")?;
        let time = time.strip_suffix(" UTC")?;
        (label == "Next elapse" || label.starts_with("Iter.")).then(|| time.split_once(' ').unwrap().1.to_owned())
    });
    told.status.success().then(|| times.collect())
}

/// What `allswell schedule` says; none where it refuses the expression.
fn found(expression: &str, zone: &str, after: &str) -> Option<Vec<String>> {
    let after = format!("{}Z", after.replace(' ', "T"));
    let told = Command::new(env!("CARGO_BIN_EXE_allswell"))
        .args(["schedule", expression, "--tz", zone, "--after", &after, "--count=4", "--json"])
        .output()
        .unwrap();
    let times: Vec<String> = if told.status.success() { serde_json::from_slice(&told.stdout).unwrap() } else { return None };
    Some(times.into_iter().map(|time| time[..19].replace('T', " ")).collect())
}

#[test]
fn every_expression_falls_due_when_systemd_says_so() {
    for zone in ["Europe/Riga", "Australia/Lord_Howe"] {
        for expression in EXPRESSIONS.iter() {
            for after in TIMES {
                let named = if expression.ends_with(" UTC") { "" } else { zone };
                let wanted = asked(expression, named, after).unwrap_or_else(|| panic!("systemd refuses {expression}"));
                assert_eq!(found(expression, zone, after), Some(wanted), "{expression} {zone} after {after}");
            }
        }
    }
}

#[test]
fn what_systemd_refuses_is_refused() {
    for expression in [
        "",
        "*-*-*/2",
        "*/2-01-01",
        "*:*:*/10",
        "*:*/5",
        "*-*-* 25:00",
        "*-*~0",
        "*:30..0",
        "* * * *",
        "*-*-7 Mon",
        "*-*~7..1",
        "Fri..Mon",
        "10",
        "1..31-1",
        "Mon..Fri..Sun",
        "noon",
        "10:00:60",
        "10:61",
        "*-13-1",
        "1969-1-1",
        "10:00 Mars/Base",
        "1:2:3:4",
        "*-*-* 10:00 11:00",
    ] {
        assert!(asked(expression, "", "2026-01-01 00:00:00").is_none(), "systemd takes {expression:?}");
        assert!(found(expression, "UTC", "2026-01-01 00:00:00").is_none(), "{expression:?}");
    }
}

#[test]
fn what_never_falls_due_is_refused() {
    let never = "*-02-30";
    assert_eq!(asked(never, "UTC", "2026-01-01 00:00:00"), Some(Vec::new()));
    assert_eq!(found(never, "UTC", "2026-01-01 00:00:00"), None);
}
