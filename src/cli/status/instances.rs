//! The instances, as what runs them sees them: by host where there are several.

use std::time::Duration;

use tokio::time::timeout;

use crate::cli::reach::Reach;
use crate::cli::screen::{Paint, cell, fitted};
use crate::domain::moment::{Moment, humane};
use crate::runtime::Instance;

/// How long the runtime may take to say what runs.
const LIMIT: Duration = Duration::from_secs(10);

/// What the runtime says, or why nothing; none where the supervisor's own answer stands in the colours' lines already.
pub(super) async fn ask(reach: &Reach) -> Option<Result<Vec<Instance>, String>> {
    if reach.config.runtime.kind.has_supervisor() {
        return None;
    }
    let driver = reach.driver();
    Some(match timeout(LIMIT, driver.instances()).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("what runs the instances did not say within {} what runs", humane(LIMIT))),
    })
}

/// A line each, under its host.
pub(super) fn lines(asked: Option<&Result<Vec<Instance>, String>>, now: Moment, columns: usize, paint: Paint) -> Vec<String> {
    let instances = match asked {
        None => return Vec::new(),
        Some(Err(why)) => return vec![String::new(), paint.bad(fitted(&format!("  ! {why}"), columns))],
        Some(Ok(instances)) if instances.is_empty() => return Vec::new(),
        Some(Ok(instances)) => instances,
    };
    let mut sorted: Vec<&Instance> = instances.iter().collect();
    sorted.sort_by_key(|instance| (instance.node.clone(), instance.colour, instance.name.clone()));
    let mut lines = vec![String::new()];
    let mut host = None;
    for instance in sorted {
        if instance.node.is_some() && instance.node != host {
            host.clone_from(&instance.node);
            lines.push(paint.strong(format!("  on {}", fitted(host.as_deref().unwrap_or_default(), 60))));
        }
        lines.push(line(instance, now, columns, paint));
    }
    lines
}

/// `  blue   ● shop-blue-1           version 1.4  0f3c9a12  up 3m  1 restart`
fn line(instance: &Instance, now: Moment, columns: usize, paint: Paint) -> String {
    let Instance { colour, name, version, image, id, since, restarts, running, note, .. } = instance;
    // Of one that does not run, why comes first: the rest may not fit.
    let (why, note) = if *running { (None, note.clone()) } else { (note.clone(), None) };
    let mut facts = Vec::new();
    facts.extend(why);
    facts.extend(version.as_ref().map(|version| format!("version {version}")).or_else(|| image.clone()));
    facts.extend(id.as_ref().map(|id| id.chars().take(12).collect()));
    facts.extend(since.filter(|_| *running).map(|since| format!("up {}", humane(now.since(since)))));
    facts.extend((*restarts > 0).then(|| format!("{restarts} {}", if *restarts == 1 { "restart" } else { "restarts" })));
    facts.extend(note);
    let rest = fitted(&format!("{}  {}", cell(name, 22), facts.join("  ")), columns - 11);
    let shape = if *running { paint.good("●") } else { paint.bad("✖") };
    format!("  {}  {shape} {}", paint.colour(*colour, format!("{colour:<5}")), rest.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::colour::Colour;

    fn instance(colour: Colour, name: &str, node: Option<&str>) -> Instance {
        Instance {
            colour,
            name: name.to_owned(),
            address: None,
            version: Some("1.4".to_owned()),
            image: None,
            node: node.map(str::to_owned),
            id: Some("0f3c9a12b7d6e5f4a3b2".to_owned()),
            since: Some(Moment::from_millis(0)),
            restarts: 2,
            running: true,
            note: None,
        }
    }

    #[test]
    fn each_instance_is_one_line_under_its_host() {
        let all = vec![
            instance(Colour::Green, "shop-green.1", Some("b")),
            instance(Colour::Blue, "shop-blue.2", Some("a")),
            Instance {
                running: false,
                note: Some("exited with code 137: out of memory".to_owned()),
                ..instance(Colour::Blue, "shop-blue.1", Some("b"))
            },
        ];
        let told = lines(Some(&Ok(all)), Moment::from_millis(180_000), 80, Paint::none());
        assert_eq!((told[1].as_str(), told[3].as_str()), ("  on a", "  on b"));
        assert_eq!(told[2], "  blue   ● shop-blue.2             version 1.4  0f3c9a12b7d6  up 3m  2 restarts");
        assert!(told[4].starts_with("  blue   ✖ shop-blue.1 ") && told[4].contains("exited with code 137") && !told[4].contains("up 3m"));
        assert!(told.iter().all(|line| line.chars().count() <= 80), "{told:?}");
    }

    #[test]
    fn a_runtime_that_does_not_answer_is_shown_and_one_that_was_not_asked_is_not() {
        let silent = lines(Some(&Err("the engine does not answer".into())), Moment::default(), 80, Paint::none());
        assert!(silent.join("\n").contains("! the engine does not answer"));
        assert!(lines(None, Moment::default(), 80, Paint::none()).is_empty());
    }
}
