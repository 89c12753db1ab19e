//! What is known, as lines of at most 80 columns.

use crate::cli::screen::{Paint, fitted};
use crate::clock;
use crate::domain::beat::Showing;
use crate::domain::check::Status;
use crate::domain::colour::Colour;
use crate::domain::incident::Severity;
use crate::domain::moment::{Moment, humane};
use crate::domain::role::Role;
use crate::monitor::overview::{CheckView, IncidentView, InstancesView, Overview};
use crate::release::ProberState;
use crate::runtime::process::control::UpState;

const COLUMNS: usize = 80;

/// What was found out, and who did not answer.
pub(super) struct Sight<'a> {
    /// The app's name.
    pub(super) app: &'a str,
    /// Now.
    pub(super) now: Moment,
    /// What the prober says, or why nothing.
    pub(super) prober: Result<&'a ProberState, &'a String>,
    /// What the watcher says, or why nothing.
    pub(super) watcher: Result<&'a Overview, &'a String>,
    /// What the supervisor says.
    pub(super) up: Option<&'a UpState>,
}

/// What a person reads about health.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Working,
    Poorly,
    NotWorking,
    Unknown,
    Stopped,
    Paused,
}

impl Health {
    fn of(status: Status) -> Self {
        match status {
            Status::Up | Status::Late | Status::Failing => Self::Working,
            Status::Poorly => Self::Poorly,
            Status::Down => Self::NotWorking,
            Status::New => Self::Unknown,
            Status::Stopped => Self::Stopped,
            Status::Paused => Self::Paused,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Working => "● working",
            Self::Poorly => "▲ doing poorly",
            Self::NotWorking => "✖ not working",
            Self::Unknown => "? not known",
            Self::Stopped => "■ stopped",
            Self::Paused => "■ paused",
        }
    }

    fn painted(self, paint: Paint, text: impl std::fmt::Display) -> String {
        match self {
            Self::Working => paint.good(text),
            Self::Poorly => paint.poor(text),
            Self::NotWorking => paint.bad(text),
            Self::Unknown | Self::Stopped | Self::Paused => paint.faint(text),
        }
    }
}

/// All of it.
pub(super) fn lines(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let mut lines = vec![title(sight, paint), String::new()];
    for colour in Colour::BOTH {
        lines.push(colour_line(sight, colour, paint));
        lines.extend(absent(sight, colour, paint));
    }
    lines.push(String::new());
    lines.extend(parts(sight, paint));
    for trouble in [sight.prober.err(), sight.watcher.err()].into_iter().flatten() {
        lines.extend(wrapped("  ! ", trouble).into_iter().map(|line| paint.bad(line)));
    }
    lines.extend(incidents(sight, paint));
    lines.extend(sight.watcher.iter().filter_map(|overview| overview.config.as_ref()).map(|config| {
        let age = humane(sight.now.since(config.loaded_at));
        fitted(&format!("  config  {} ({}), read {age} ago", config.file, config.hash), COLUMNS)
    }));
    lines.extend(sight.watcher.iter().flat_map(|overview| &overview.quiet).flat_map(|words| wrapped("  quiet   ", words)));
    lines.extend(silent(sight, paint));
    lines.extend(journal(sight, paint));
    lines.extend(
        sight.watcher.iter().flat_map(|overview| &overview.unheard).flat_map(|line| wrapped("  ", line)).map(|line| paint.faint(line)),
    );
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn live(sight: &Sight<'_>) -> Option<Colour> {
    sight.prober.ok().and_then(|state| state.live)
}

fn title(sight: &Sight<'_>, paint: Paint) -> String {
    let name = fitted(sight.app, 50);
    match live(sight) {
        Some(live) => format!("{}: {} is live", paint.strong(name), paint.colour(live, live)),
        None => format!("{}: {}", paint.strong(name), paint.bad("which colour is live is UNDEFINED")),
    }
}

/// `  blue   LIVE  ● working       v1.2    1 instance   12ms`
fn colour_line(sight: &Sight<'_>, colour: Colour, paint: Paint) -> String {
    let standing = match live(sight) {
        Some(live) if live == colour => "LIVE",
        Some(_) => "idle",
        None => "",
    };
    let check = sight.watcher.ok().and_then(|overview| named(overview, colour.as_str()));
    let (health, why) = health_of(sight, colour, check);
    let instances = counted(sight, colour);
    let version = version(sight, colour, check).map_or(String::new(), |version| format!("version {version}"));
    let head = format!("  {:<5}  {standing:<4}  ", colour);
    let tail = format!("  {:<16}  {instances:<11}  {why}", fitted(&version, 16));
    let room = COLUMNS - head.chars().count() - 14;
    format!(
        "  {}  {}  {}{}",
        paint.colour(colour, format!("{colour:<5}")),
        paint.strong(format!("{standing:<4}")),
        health.painted(paint, format!("{:<14}", health.words())),
        fitted(tail.trim_end(), room)
    )
}

/// `3 instances`, `2 of 3 well`.
fn counted(sight: &Sight<'_>, colour: Colour) -> String {
    match instances(sight, colour) {
        Some(counted) if counted.well < counted.expected => return format!("{} of {} well", counted.well, counted.expected),
        Some(_) | None => {}
    }
    let running = sight.up.map(|up| up.colour(colour).filter(|instance| instance.running).count());
    let beating = instances(sight, colour).and_then(|counted| usize::try_from(counted.well).ok());
    let count = running.or(beating);
    count.map_or(String::new(), |count| format!("{count} {}", if count == 1 { "instance" } else { "instances" }))
}

/// A line for each instance that is not well, where several are expected.
fn absent(sight: &Sight<'_>, colour: Colour, paint: Paint) -> Vec<String> {
    let Some(counted) = instances(sight, colour).filter(|counted| counted.expected > 1) else { return Vec::new() };
    let troubled = counted.known.iter().filter(|instance| instance.status.is_trouble());
    let mut lines: Vec<String> = troubled
        .map(|instance| {
            let why = instance.reason.as_deref().unwrap_or(&instance.health);
            paint.poor(fitted(&format!("         ✖ {}: {why}", instance.name), COLUMNS))
        })
        .collect();
    match counted.unknown() {
        0 => {}
        count => lines.push(paint.faint(format!("         ? {count} more expected and never heard"))),
    }
    lines
}

fn instances<'a>(sight: &'a Sight<'_>, colour: Colour) -> Option<&'a InstancesView> {
    named(sight.watcher.ok()?, &format!("heartbeat-{colour}"))?.instances.as_ref()
}

fn named<'a>(overview: &'a Overview, name: &str) -> Option<&'a CheckView> {
    overview.checks.iter().find(|check| check.name == name)
}

/// The watcher decides how a colour does; where it is silent, the prober's last probe.
fn health_of(sight: &Sight<'_>, colour: Colour, check: Option<&CheckView>) -> (Health, String) {
    if let Some(check) = check {
        let health = Health::of(check.status);
        let latency = check.latency_ms.map(|latency| format!("{latency}ms")).unwrap_or_default();
        let why = check.reason.clone().filter(|_| health != Health::Working).unwrap_or(latency);
        return (health, why);
    }
    if sight.prober.ok().and_then(|state| state.expected).is_some_and(|expected| expected.of(colour) == 0) {
        return (Health::Stopped, String::new());
    }
    let target = sight.prober.ok().and_then(|state| state.targets.iter().find(|target| target.name == colour.as_str()));
    match target.and_then(|target| target.last.as_ref()) {
        Some(last) => {
            let health = match last.showing {
                Showing::Good => Health::Working,
                Showing::Slow => Health::Poorly,
                Showing::Bad | Showing::Exited => Health::NotWorking,
            };
            (health, last.reason.clone().unwrap_or_else(|| format!("{}ms", last.latency_ms)))
        }
        None => (Health::Unknown, String::new()),
    }
}

fn version(sight: &Sight<'_>, colour: Colour, check: Option<&CheckView>) -> Option<String> {
    let running = sight.up.and_then(|up| up.colour(colour).find_map(|instance| instance.version.clone()));
    let heartbeat = sight.watcher.ok().and_then(|overview| named(overview, &format!("heartbeat-{colour}")));
    running.or_else(|| check.and_then(|check| check.version.clone())).or_else(|| heartbeat.and_then(|check| check.version.clone()))
}

/// `  parts    ● proxy  ● prober  ✖ heartbeat-green`, and whatever of the user's own is expected.
fn parts(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(overview) = sight.watcher else { return Vec::new() };
    let (own, built_in): (Vec<_>, Vec<_>) = overview
        .checks
        .iter()
        .filter(|check| !matches!(Role::of(&check.name), Role::Colour(_)))
        .partition(|check| Role::of(&check.name) == Role::Own);
    let mut lines = shapes("  parts   ", &built_in, paint);
    lines.extend(shapes("  checks  ", &own, paint));
    lines
}

fn shapes(label: &str, checks: &[&CheckView], paint: Paint) -> Vec<String> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for check in checks {
        let health = Health::of(check.status);
        let shape = health.words().chars().next().unwrap_or(' ');
        let text = format!("{shape} {}", fitted(&check.name, 40));
        let width = text.chars().count() + 2;
        match lines.last_mut() {
            Some((used, line)) if *used + width <= COLUMNS => {
                *used += width;
                line.push_str("  ");
                line.push_str(&health.painted(paint, text));
            }
            Some(_) | None => {
                let label = if lines.is_empty() { label.to_owned() } else { " ".repeat(label.len()) };
                lines.push((label.len() + width - 2, format!("{label}{}", health.painted(paint, text))));
            }
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

/// The gravest first; those that another explains stand with it.
fn incidents(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(overview) = sight.watcher else { return Vec::new() };
    let mut open: Vec<&IncidentView> = overview.incidents.iter().collect();
    open.sort_by_key(|view| (std::cmp::Reverse(view.incident.severity), view.incident.since));
    if open.is_empty() {
        return vec![String::new(), "  no open incidents".to_owned()];
    }
    let mut lines = vec![String::new(), paint.strong(format!("  open incidents: {}", open.len()))];
    for IncidentView { incident, also, acknowledged, hushed, .. } in open {
        let age = humane(sight.now.since(incident.since));
        let also = if also.is_empty() { String::new() } else { format!(" (and {})", also.join(", ")) };
        let text = fitted(&format!("  {:<8}  {age:>7}  {}: {}{also}", incident.severity, incident.subject(), incident.reason), COLUMNS);
        lines.push(match incident.severity {
            Severity::Critical => paint.bad(text),
            Severity::Warning => paint.poor(text),
            Severity::Info => text,
        });
        let said = acknowledged.as_ref().map(ToString::to_string);
        lines.extend(said.iter().chain(hushed).map(|words| fitted(&format!("                     {words}"), COLUMNS)));
    }
    lines
}

/// Who has said nothing although it was time.
fn silent(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(overview) = sight.watcher else { return Vec::new() };
    let overdue = overview.checks.iter().filter(|check| matches!(check.status, Status::Late | Status::New));
    let told = |check: &CheckView| match check.last_heard {
        Some(last) => format!("{} (last heard {} ago)", check.name, humane(sight.now.since(last))),
        None => format!("{} (never heard)", check.name),
    };
    let names: Vec<String> = overdue.map(told).collect();
    if names.is_empty() {
        return Vec::new();
    }
    wrapped("  silent  ", &names.join(", ")).into_iter().map(|line| paint.poor(line)).collect()
}

/// What is under way, and the last switch.
fn journal(sight: &Sight<'_>, paint: Paint) -> Vec<String> {
    let Ok(state) = sight.prober else { return Vec::new() };
    let mut lines = vec![String::new()];
    if let Some(lease) = &state.lease {
        let what = match lease.what {
            crate::release::What::Switch => "switch to",
            crate::release::What::Deploy => "deploy of",
            crate::release::What::Scale => "scale of",
            crate::release::What::Stop => "stop of",
        };
        let age = humane(sight.now.since(lease.since));
        lines.push(paint.poor(fitted(&format!("  under way    {what} {} by {}, since {age}", lease.target, lease.holder), COLUMNS)));
    }
    match &state.switch {
        Some(last) => {
            let at = clock::local(last.started_at).format("%Y-%m-%d %H:%M");
            let ago = humane(sight.now.since(last.started_at));
            let text = format!("  last switch  to {} by {}: {}, {at} ({ago} ago)", last.asked.target, last.asked.by, last.phase);
            lines.push(fitted(&text, COLUMNS));
        }
        None => lines.push("  last switch  none yet".to_owned()),
    }
    lines.push(String::new());
    lines
}

/// Broken at blanks; following lines stand under the first one's text.
fn wrapped(label: &str, text: &str) -> Vec<String> {
    let mut lines = vec![label.to_owned()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let is_empty = lines[last].trim_start_matches(label).trim().is_empty();
        if is_empty || lines[last].chars().count() + 1 + word.chars().count() <= COLUMNS {
            if !is_empty {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        } else {
            lines.push(format!("{}{word}", " ".repeat(label.chars().count())));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::check::Reason;
    use crate::domain::incident::Incident;
    use crate::monitor::overview::LiveView;
    use crate::release::{Lease, What};

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
        IncidentView { incident, also: vec!["heartbeat-green".to_owned()], is_held: false, acknowledged: None, hushed: None }
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

    fn shown(prober: Result<&ProberState, &String>, watcher: Result<&Overview, &String>) -> Vec<String> {
        lines(&Sight { app: "shop", now: at(100), prober, watcher, up: None }, Paint::none())
    }

    #[test]
    fn everything_fits_eighty_columns_and_the_gravest_comes_first() {
        let lines = shown(Ok(&prober(Some(Colour::Green))), Ok(&overview()));
        for line in &lines {
            assert!(line.chars().count() <= COLUMNS, "{line}");
        }
        let text = lines.join("\n");
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        assert!(place("shop: green is live") < place("  green  LIVE  ✖ not working"));
        assert!(place("  critical       1m") < place("  warning    1m 30s"), "{text}");
        assert!(text.contains("blue   idle  ● working"), "{text}");
        assert!(text.contains("deploy of blue by ann@host, since 3s"), "{text}");
        assert!(text.contains("nightly backup (never heard)"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_said_and_not_guessed() {
        let silent = "the prober does not answer on http://127.0.0.1:7701: connection refused".to_owned();
        let text = shown(Err(&silent), Err(&silent)).join("\n");
        assert!(text.contains("UNDEFINED") && text.contains("? not known") && text.contains("does not answer"), "{text}");
        let text = shown(Ok(&prober(None)), Ok(&overview())).join("\n");
        assert!(text.contains("UNDEFINED") && !text.contains("LIVE"), "{text}");
    }
}
