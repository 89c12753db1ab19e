//! What is known, as lines that fit.

use super::sight::Sight;
use super::{checks, colours};
use crate::cli::screen::{Paint, cell, fitted, wrapped};
use crate::clock;
use crate::domain::incident::Severity;
use crate::domain::moment::{Moment, age};
use crate::monitor::overview::IncidentView;
use crate::proxy::control::Begun;
use crate::release::What;

/// All of it.
pub(super) fn lines(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let mut lines = vec![title(sight, paint), String::new()];
    lines.extend(colours::lines(sight, paint));
    let silent = [sight.prober.err(), sight.watcher.err()].into_iter().flatten();
    let silent = silent.flat_map(|trouble| wrapped("  ! ", trouble, sight.columns)).map(|line| paint.bad(line));
    let parts = [checks::lines(sight, paint), checks::silent(sight, paint)].concat();
    for block in [silent.collect(), pauses(sight, paint), incidents(sight, paint), parts, journal(sight, paint)] {
        if !block.is_empty() {
            lines.push(String::new());
            lines.extend(block);
        }
    }
    lines.extend(
        sight.watcher.iter().flat_map(|overview| &overview.quiet).flat_map(|words| wrapped("  quiet        ", words, sight.columns)),
    );
    lines.extend(sight.watcher.iter().filter_map(|overview| overview.config.as_ref()).map(|config| {
        let since = age(sight.now.since(config.loaded_at));
        fitted(&format!("  config       {} ({}), read {since} ago", config.file, config.hash), sight.columns)
    }));
    let unheard: Vec<String> =
        sight.watcher.iter().flat_map(|overview| &overview.unheard).flat_map(|line| wrapped("  ○ ", line, sight.columns)).collect();
    if !unheard.is_empty() {
        lines.push(String::new());
        lines.extend(unheard.into_iter().map(|line| paint.faint(line)));
    }
    lines
}

fn title(sight: &Sight<'_>, paint: Paint) -> String {
    let name = fitted(sight.app, sight.columns.saturating_sub(34));
    match sight.live() {
        Some(live) => format!("{}: {} is live", paint.strong(name), paint.colour(live, live)),
        None => format!("{}: {}", paint.strong(name), paint.bad("which colour is live is UNDEFINED")),
    }
}

/// What keeps visitors from the app, and how that ends.
fn pauses(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Some(pauses) = sight.pauses else { return Vec::new() };
    let maintenance = pauses.maintenance.as_ref().map(|message| {
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        let since = since(pauses.maintained.as_ref(), sight.now);
        wrapped("  maintenance  ", &format!("{since}every visitor gets 503{said} (allswell maintenance off)"), sight.columns)
    });
    let held = pauses.is_held.then(|| {
        let since = since(pauses.held.as_ref(), sight.now);
        let words = format!("{since}new requests are kept waiting, {} now (allswell hold off)", pauses.waiting);
        wrapped("  hold         ", &words, sight.columns)
    });
    maintenance.into_iter().chain(held).flatten().map(|line| paint.poor(line)).collect()
}

/// `since 14:02, ann@desk: `, with the day where that is not today; empty where it is not known.
fn since(begun: Option<&Begun>, now: Moment) -> String {
    let Some(Begun { since, by }) = begun else { return String::new() };
    let (since, now) = (clock::local(*since), clock::local(now));
    let format = if since.date_naive() == now.date_naive() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    let by = by.as_ref().map(|by| format!(", {by}")).unwrap_or_default();
    format!("since {}{by}: ", since.format(format))
}

/// The gravest first; those that another explains stand with it.
fn incidents(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(overview) = sight.watcher else { return Vec::new() };
    let mut open: Vec<&IncidentView> = overview.incidents.iter().collect();
    open.sort_by_key(|view| (std::cmp::Reverse(view.incident.severity), view.incident.since));
    if open.is_empty() {
        return vec!["  no open incidents".to_owned()];
    }
    let mut lines = vec![paint.strong(format!("  open incidents: {}", open.len()))];
    for IncidentView { incident, also, acknowledged, hushed, .. } in open {
        let since = age(sight.now.since(incident.since));
        let also = if also.is_empty() { String::new() } else { format!("; with it: {}", also.join(", ")) };
        let label = format!("  {}  {since:>7}  ", cell(&incident.severity.to_string(), 8));
        let text = wrapped(&label, &format!("{}: {}{also}", incident.subject(), incident.reason), sight.columns);
        lines.extend(text.into_iter().map(|line| match incident.severity {
            Severity::Critical => paint.bad(line),
            Severity::Warning => paint.poor(line),
            Severity::Info => line,
        }));
        let said = acknowledged.as_ref().map(ToString::to_string);
        lines.extend(said.iter().chain(hushed).map(|words| fitted(&format!("                     {words}"), sight.columns)));
    }
    lines
}

/// What is under way, and the last switch.
fn journal(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(state) = sight.prober else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(lease) = &state.lease {
        let what = match lease.what {
            What::Switch => "switch to",
            What::Deploy => "deploy of",
            What::Scale => "scale of",
            What::Stop => "stop of",
        };
        let since = age(sight.now.since(lease.since));
        lines
            .push(paint.poor(fitted(&format!("  under way    {what} {} by {}, since {since}", lease.target, lease.holder), sight.columns)));
    }
    match &state.switch {
        Some(last) => {
            let at = clock::local(last.started_at).format("%Y-%m-%d %H:%M");
            let ago = age(sight.now.since(last.started_at));
            let text = format!("  last switch  to {} by {}: {}, {at} ({ago} ago)", last.asked.target, last.asked.by, last.phase);
            lines.push(fitted(&text, sight.columns));
        }
        None => lines.push("  last switch  none yet".to_owned()),
    }
    lines
}

#[cfg(test)]
mod tests {
    use chrono::{Local, TimeZone};

    use super::*;
    use crate::cli::screen::width;
    use crate::domain::check::{Reason, Status};
    use crate::domain::colour::Colour;
    use crate::domain::incident::Incident;
    use crate::monitor::overview::{CheckView, LiveView, Overview};
    use crate::proxy::control::Pauses;
    use crate::release::{Lease, ProberState};

    fn at(second: i64) -> Moment {
        Moment::from_millis(second * 1_000)
    }

    fn check(name: &str, status: Status) -> CheckView {
        CheckView {
            name: name.to_owned(),
            status,
            health: String::new(),
            since: at(0),
            due: at(10),
            last_heard: (status != Status::New).then(|| at(5)),
            colour: None,
            version: None,
            latency_ms: Some(12),
            reason: Some("answered 500, which is a rather long reason that would not fit".to_owned()),
            instances: None,
        }
    }

    fn incident(check: &str, severity: Severity, since: i64) -> IncidentView {
        let incident = Incident {
            key: check.to_owned(),
            check: check.to_owned(),
            status: Status::Down,
            severity,
            since: at(since),
            reason: Reason::Failing { what: "connection refused".repeat(5), times: 3 },
            cause: None,
            flips: 1,
            resolved_at: None,
        };
        let also = vec!["heartbeat-green".to_owned()];
        let checks = std::collections::BTreeSet::new();
        IncidentView { incident, also, is_held: false, acknowledged: None, hushed: None, checks, awaits: None }
    }

    fn overview() -> Overview {
        let live = LiveView { colour: None, epoch: 1, phase: None, deploy: None, heard_at: None, expected: None };
        let mut checks = vec![check("blue", Status::Up), check("green", Status::Down), check("nightly backup", Status::New)];
        checks.extend((0..20).map(|number| check(&format!("channel-{number}"), Status::Late)));
        Overview {
            now: at(100),
            app: "shop".to_owned(),
            live,
            checks,
            incidents: vec![incident("channel-mail", Severity::Warning, 10), incident("green", Severity::Critical, 40)],
            resolved: Vec::new(),
            notices: Vec::new(),
            unheard: vec!["nobody hears when this host dies or is cut off: ".repeat(3)],
            quiet: Vec::new(),
            config: None,
        }
    }

    fn prober(live: Option<Colour>) -> ProberState {
        let lease = Lease {
            holder: "ann@host".to_owned(),
            what: What::Deploy,
            target: Colour::Blue,
            since: at(97),
            epoch: 2,
            entry: 1,
            until: at(200),
        };
        ProberState {
            live,
            epoch: 1,
            proxy_trouble: None,
            targets: Vec::new(),
            watchers: Vec::new(),
            lease: Some(lease),
            switch: None,
            deploy: None,
            expected: None,
        }
    }

    fn shown(prober: Result<&ProberState, &String>, watcher: Result<&Overview, &String>, columns: usize) -> Vec<String> {
        lines(&Sight { app: "shop", now: at(100), columns, prober, watcher, up: None, pauses: None }, Paint::none())
    }

    #[test]
    fn everything_fits_its_columns_and_the_gravest_comes_first() {
        for columns in [60, 80, 120] {
            let lines = shown(Ok(&prober(Some(Colour::Green))), Ok(&overview()), columns);
            for line in &lines {
                assert!(width(line) <= columns, "{line}");
            }
            let text = lines.join("\n");
            let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
            assert!(place("shop: green is live") < place("  green  LIVE  ✖ not working"));
            assert!(place("  critical       1m") < place("  warning    1m 30s"), "{text}");
            assert!(text.contains("blue   idle  ● working"), "{text}");
            assert!(columns < 80 || text.contains("12ms, 1m 35s ago"), "{text}");
            assert!(text.contains("deploy of blue by ann@host, since 3s"), "{text}");
            assert!(text.contains("nightly backup (never heard)"), "{text}");
        }
    }

    #[test]
    fn what_keeps_visitors_away_on_purpose_is_shown_with_its_message_and_how_it_ends() {
        let (prober, overview) = (prober(Some(Colour::Green)), overview());
        let shown = |is_held, maintenance: Option<&str>| {
            let pauses = Pauses { is_held, waiting: 3, maintenance: maintenance.map(str::to_owned), held: None, maintained: None };
            let (prober, watcher) = (Ok(&prober), Ok(&overview));
            let sight = Sight { app: "shop", now: at(100), columns: 120, prober, watcher, up: None, pauses: Some(&pauses) };
            lines(&sight, Paint::none()).join("\n")
        };
        let both = shown(true, Some("back at noon"));
        assert!(both.contains("  maintenance  every visitor gets 503: back at noon (allswell maintenance off)"), "{both}");
        assert!(both.contains("  hold         new requests are kept waiting, 3 now (allswell hold off)"), "{both}");
        let silent = shown(false, Some(""));
        assert!(silent.contains("every visitor gets 503 (allswell maintenance off)") && !silent.contains("hold off"), "{silent}");
        let none = shown(false, None);
        assert!(!none.contains("maintenance") && !none.contains("hold off"), "{none}");
    }

    #[test]
    fn since_when_visitors_are_kept_away_and_by_whom_is_shown_with_the_day_where_that_was_another_one() {
        let (prober, overview) = (prober(Some(Colour::Green)), overview());
        let noon = |day: u32| Local.with_ymd_and_hms(2026, 7, day, 12, 0, 0).unwrap();
        let shown = |held: Begun, maintained: Begun| {
            let (held, maintained) = (Some(held), Some(maintained));
            let pauses = Pauses { is_held: true, waiting: 3, maintenance: Some("back at one".to_owned()), held, maintained };
            let (prober, watcher, now) = (Ok(&prober), Ok(&overview), Moment::from(noon(21).to_utc()));
            let sight = Sight { app: "shop", now, columns: 120, prober, watcher, up: None, pauses: Some(&pauses) };
            lines(&sight, Paint::none()).join("\n")
        };
        let begun = |day, by: Option<&str>| Begun { since: Moment::from(noon(day).to_utc()), by: by.map(str::to_owned) };
        let today = shown(begun(21, None), begun(21, Some("ann@desk")));
        assert!(today.contains("  maintenance  since 12:00, ann@desk: every visitor gets 503: back at one (allswell"), "{today}");
        assert!(today.contains("  hold         since 12:00: new requests are kept waiting, 3 now"), "{today}");
        let earlier = shown(begun(20, Some("bob@table")), begun(19, None));
        assert!(earlier.contains("  maintenance  since 2026-07-19 12:00: every visitor"), "{earlier}");
        assert!(earlier.contains("  hold         since 2026-07-20 12:00, bob@table: new requests"), "{earlier}");
    }

    #[test]
    fn many_checks_that_do_well_are_counted_and_the_one_that_does_not_is_named() {
        let mut overview = overview();
        overview.checks.extend((0..900).map(|number| check(&format!("job {number}"), Status::Up)));
        overview.checks.push(check("job 4000", Status::Down));
        let text = shown(Ok(&prober(Some(Colour::Green))), Ok(&overview), 80).join("\n");
        assert!(text.contains("✖ job 4000 1m 35s") && text.contains("● 876 more are working"), "{text}");
        assert!(text.lines().count() < 50, "{text}");
    }

    #[test]
    fn what_fails_and_is_not_down_yet_says_how_often() {
        let mut overview = overview();
        overview.checks[0].status = Status::Failing;
        overview.checks[0].health = "failing, 1 of 3".to_owned();
        overview.checks[0].reason = Some("answered 500".to_owned());
        let text = shown(Ok(&prober(Some(Colour::Green))), Ok(&overview), 120).join("\n");
        assert!(text.contains("● working") && text.contains("failing, 1 of 3: answered 500"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_said_and_not_guessed() {
        let silent = "the prober does not answer on http://127.0.0.1:7701: connection refused".to_owned();
        let text = shown(Err(&silent), Err(&silent), 80).join("\n");
        assert!(text.contains("UNDEFINED") && text.contains("? not known") && text.contains("does not answer"), "{text}");
        let text = shown(Ok(&prober(None)), Ok(&overview()), 80).join("\n");
        assert!(text.contains("UNDEFINED") && !text.contains("LIVE"), "{text}");
    }
}
