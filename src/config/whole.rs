//! One `allswell.toml`: every section, and what no section can see by itself.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::urls;
use crate::domain::colour::Colour;
use crate::domain::maintenance::Window;
use crate::domain::role::Role;
use crate::monitor::{CheckSettings, KeySettings, PageSettings, PingSettings, PublicSettings, WatcherSettings, read_window};
use crate::notify::ChannelSettings;
use crate::probe::ProbeSettings;
use crate::proxy::ProxySettings;
use crate::release::{Callee, ProberSettings, SwitchSettings};
use crate::runtime::{RuntimeSettings, UpSettings};
use crate::settings::{AppSettings, Document, Keys, Problem, Secret};
use crate::signing::fingerprint;
use crate::telemetry::LogSettings;

/// One `allswell.toml`: the whole system.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[app]`.
    pub app: AppSettings,
    /// `[runtime]`.
    pub runtime: RuntimeSettings,
    /// `[up]`.
    pub up: UpSettings,
    /// `[proxy]`.
    pub proxy: ProxySettings,
    /// `[switch]`.
    pub switch: SwitchSettings,
    /// `[probe]`.
    pub probe: ProbeSettings,
    /// `[prober]`.
    pub prober: ProberSettings,
    /// `[watcher]`.
    pub watcher: WatcherSettings,
    /// `[pings]`.
    pub pings: PingSettings,
    /// `[page]`.
    pub page: PageSettings,
    /// `[public]`.
    pub public: PublicSettings,
    /// `[log]`.
    pub log: LogSettings,
    /// Every `[[channel]]`.
    pub channels: Vec<ChannelSettings>,
    /// Every `[[key]]`.
    pub keys: Vec<KeySettings>,
    /// Every `[[check]]`.
    pub checks: Vec<CheckSettings>,
    /// Every `[[maintenance]]`.
    pub maintenance: Vec<Window>,
}

/// A config that was read: what it says, and what to warn of.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What is allowed and yet unwise.
    pub warnings: Vec<Problem>,
    /// Every key that could have been given, by section.
    pub keys: Vec<Keys>,
    text: String,
}

impl Loaded {
    /// The beginning of the text's SHA-256.
    #[must_use]
    pub fn hash(&self) -> String {
        fingerprint(&self.text)
    }
}

impl Config {
    /// Has the relative paths of its secrets be in this directory.
    pub(super) fn within(&mut self, state: &Path) {
        for secret in self.secrets() {
            *secret = secret.clone().within(state);
        }
    }

    /// Every secret that is named.
    fn secrets(&mut self) -> impl Iterator<Item = &mut Secret> {
        let of_watcher = self.watcher.outside.iter_mut().chain(&mut self.watcher.beat_key).chain(&mut self.watcher.token);
        let of_watcher = of_watcher.chain(&mut self.pings.key);
        let of_watcher = of_watcher.chain(self.keys.iter_mut().filter_map(|key| key.secret.as_mut()));
        let hooks = self.switch.hooks.iter_mut().filter_map(|hook| match &mut hook.callee {
            Callee::Url(url) => Some(url),
            Callee::Command(_) => None,
        });
        of_watcher
            .chain(self.runtime.kind.secrets())
            .chain(self.channels.iter_mut().flat_map(|channel| channel.kind.secrets()))
            .chain(hooks)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line.
    pub fn parse(text: &str) -> Result<Loaded, Vec<Problem>> {
        let document = Document::parse(text);
        let mut root = document.root();
        let config = Self {
            app: AppSettings::read(root.section("app")),
            runtime: RuntimeSettings::read(root.section("runtime")),
            up: UpSettings::read(root.section("up")),
            proxy: ProxySettings::read(root.section("proxy")),
            switch: SwitchSettings::read(root.section("switch")),
            probe: ProbeSettings::read(root.section("probe")),
            prober: ProberSettings::read(root.section("prober")),
            watcher: WatcherSettings::read(root.section("watcher")),
            pings: PingSettings::read(root.section("pings")),
            page: PageSettings::read(root.section("page")),
            public: PublicSettings::read(root.section("public")),
            log: LogSettings::read(root.section("log")),
            channels: root.sections("channel").into_iter().map(ChannelSettings::read).collect(),
            keys: root.sections("key").into_iter().map(KeySettings::read).collect(),
            checks: root.sections("check").into_iter().filter_map(CheckSettings::read).collect(),
            maintenance: root.sections("maintenance").into_iter().filter_map(read_window).collect(),
        };
        for problem in config.contradictions() {
            root.error("config", problem);
        }
        // A root of its own: what this one knows is listed where a key is not known.
        urls::must_be_whole(&mut document.root(), &config.prober, &config.watcher);
        root.finish();
        let (errors, warnings, keys) = document.finish();
        if errors.is_empty() { Ok(Loaded { config, warnings, keys, text: text.to_owned() }) } else { Err(errors) }
    }

    /// What no section can see by itself: names that do not exist, names that exist twice.
    fn contradictions(&self) -> Vec<String> {
        let names: Vec<&str> = self.channels.iter().map(|channel| channel.name.as_str()).collect();
        let used = self.channels.iter().filter_map(|channel| channel.fallback.as_ref());
        let used =
            used.chain(&self.watcher.channels).chain(&self.prober.channels).chain(self.checks.iter().flat_map(|check| &check.channels));
        let plans = self.checks.iter().map(|check| &check.plan).chain([&self.watcher.plan]);
        let used = used.chain(plans.filter_map(|plan| plan.escalate.as_ref()).flat_map(|escalation| &escalation.to));
        let unknown = used.filter(|name| !names.contains(&name.as_str()));
        let mut problems: Vec<String> = unknown.map(|name| format!("there is no [[channel]] named \"{name}\"")).collect();
        problems.extend(twice(&names).map(|name| format!("two channels are named \"{name}\"")));
        let alone = self.channels.iter().filter(|channel| channel.fallback.as_ref() == Some(&channel.name));
        problems.extend(alone.map(|channel| {
            format!("channel \"{}\" is its own fallback: name another, or none, and all others hear what it does not take", channel.name)
        }));
        let checks: Vec<&str> = self.checks.iter().map(|check| check.name.as_str()).collect();
        problems.extend(twice(&checks).map(|name| format!("two checks are named \"{name}\"")));
        let keys: Vec<&str> = self.keys.iter().map(|key| key.name.as_str()).collect();
        problems.extend(twice(&keys).map(|name| format!("two keys are named \"{name}\"")));
        let slugs: Vec<&str> = self.checks.iter().map(|check| check.slug.as_str()).filter(|slug| !slug.is_empty()).collect();
        problems
            .extend(twice(&slugs).map(|slug| format!("two checks have the slug \"{slug}\": give one of them another by slug = \"...\"")));
        let uuids: Vec<String> = self.checks.iter().filter_map(|check| check.uuid).map(|uuid| uuid.to_string()).collect();
        let uuids: Vec<&str> = uuids.iter().map(String::as_str).collect();
        problems.extend(twice(&uuids).map(|uuid| format!("two checks have the uuid {uuid}")));
        let built_in = checks.iter().filter(|name| Role::of(name) != Role::Own);
        problems.extend(built_in.map(|name| format!("\"{name}\" is the name of a built-in check: choose another")));
        problems.extend(self.unknown_checks());
        problems.extend(Colour::BOTH.into_iter().filter_map(|colour| self.unplaced(colour)));
        problems
    }

    /// What stands behind, or under maintenance, must be there; nothing stands behind itself.
    fn unknown_checks(&self) -> Vec<String> {
        // By name, for there may be a hundred thousand.
        let own: HashMap<&str, &[String]> = self.checks.iter().map(|check| (check.name.as_str(), check.behind.as_slice())).collect();
        let is_known = |name: &str| own.contains_key(name) || !matches!(Role::of(name), Role::Own | Role::Group);
        let behind =
            self.checks.iter().flat_map(|check| check.behind.iter().map(|name| (format!("check \"{}\" stands behind", check.name), name)));
        let under = self
            .maintenance
            .iter()
            .flat_map(|window| window.checks.iter().map(|name| (format!("maintenance \"{}\" is of", window.name), name)));
        let public = self.public.checks.iter().map(|name| ("[public] shows".to_owned(), name));
        let unknown = behind.chain(under).chain(public).filter(|(_, name)| !is_known(name));
        let mut problems: Vec<String> = unknown.map(|(what, name)| format!("{what} \"{name}\", which is no check")).collect();
        let circular = self.checks.iter().filter(|check| stands_behind_itself(&check.name, &own));
        problems.extend(circular.map(|check| format!("check \"{}\" stands behind itself", check.name)));
        problems
    }

    /// A process needs an address of its own, so that as many are expected as there are.
    fn unplaced(&self, colour: Colour) -> Option<String> {
        let settings = self.app.colour(colour);
        let (instances, places) = (settings.instances, settings.addresses.len());
        (self.runtime.kind.has_supervisor() && usize::try_from(instances) != Ok(places)).then(|| {
            format!("app.{colour}.instances is {instances}, and the number of its addresses {places}: each process has its own, so leave instances out")
        })
    }

    /// The names of the channels of the built-in checks: those that the watcher names, else all.
    #[must_use]
    pub fn built_in_channels(&self) -> Vec<String> {
        match self.watcher.channels.as_slice() {
            [] => self.channels.iter().map(|channel| channel.name.clone()).collect(),
            named => named.to_vec(),
        }
    }
}

/// Whether what stands behind this check, or behind that, is the check itself.
fn stands_behind_itself(check: &str, own: &HashMap<&str, &[String]>) -> bool {
    let (mut seen, mut next) = (HashSet::new(), vec![check]);
    while let Some(one) = next.pop() {
        for behind in own.get(one).into_iter().copied().flatten() {
            if behind == check {
                return true;
            }
            if seen.insert(behind.as_str()) {
                next.push(behind);
            }
        }
    }
    false
}

fn twice<'a>(names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let mut seen = HashSet::new();
    names.iter().copied().filter(move |name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_needs_no_more_than_a_command() {
        let loaded = Config::parse("[runtime]\ncommand = \"./server --port {port}\"\n").unwrap();
        assert_eq!(loaded.config.switch.passes, 3);
        assert_eq!(loaded.warnings, []);
    }

    #[test]
    fn the_files_of_secrets_are_in_the_state_directory() {
        let text = "[runtime]\ncommand = \"x\"\n[watcher]\nbeat_key = { file = \"k\" }\n[[channel]]\nname = \"ops\"\nkind = \"slack\"\nurl = { file = \"u\" }\n";
        let mut config = Config::parse(text).unwrap().config;
        config.within(Path::new("/s"));
        let places: Vec<Secret> = config.secrets().map(|secret| secret.clone()).collect();
        assert_eq!(places, [Secret::File("/s/k".into()), Secret::File("/s/u".into())]);
    }

    #[test]
    fn processes_are_as_many_as_their_addresses() {
        let told = Config::parse("[runtime]\ncommand = \"x\"\n[app.green]\naddress = \"127.0.0.1:1\"\ninstances = 3\n").unwrap_err();
        assert!(told[0].message.contains("app.green.instances is 3, and the number of its addresses 1"), "{told:?}");
        let containers = "[app.green]\naddress = \"green:1\"\ninstances = 3\n[runtime]\nkind = \"docker\"\nnetwork = \"shop\"\n";
        assert!(Config::parse(containers).is_ok());
    }

    #[test]
    fn what_stands_behind_must_be_there_and_not_behind_itself() {
        let check = |name: &str, behind: &str| format!("[[check]]\nname = \"{name}\"\nperiod = \"1h\"\nbehind = \"{behind}\"\n");
        let told = |text: String| match Config::parse(&format!("[runtime]\ncommand = \"x\"\n{text}")) {
            Ok(_) => String::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        assert_eq!(told(check("a", "proxy") + &check("b", "a")), "");
        assert!(told(check("a", "c")).contains("check \"a\" stands behind \"c\", which is no check"));
        assert!(told(check("a", "b") + &check("b", "a")).contains("check \"a\" stands behind itself"));
        let into_a_circle = told(check("a", "b") + &check("b", "c") + &check("c", "b"));
        assert!(into_a_circle.contains("\"b\" stands behind itself") && !into_a_circle.contains("\"a\" stands"), "{into_a_circle}");
        let window = "[[maintenance]]\nname = \"m\"\nchecks = [\"nobody\"]\nschedule = \"0 2 * * *\"\nduration = \"1h\"\n";
        assert!(told(window.to_owned()).contains("maintenance \"m\" is of \"nobody\""));
        let escalate = "[watcher]\nescalate = { after = \"1h\", to = [\"boss\"] }\n";
        assert!(told(escalate.to_owned()).contains("no [[channel]] named \"boss\""));
    }

    #[test]
    fn a_channel_is_not_its_own_fallback() {
        let channel = |name: &str, fallback: &str| {
            format!("[[channel]]\nname = \"{name}\"\nkind = \"command\"\ncommand = \"x\"\nfallback = \"{fallback}\"\n")
        };
        let parse = |ops: &str| Config::parse(&format!("[runtime]\ncommand = \"x\"\n{}{}", channel("ops", ops), channel("mail", "ops")));
        assert!(parse("mail").is_ok());
        let told = parse("ops").unwrap_err();
        assert!(told.len() == 1 && told[0].message.contains("channel \"ops\" is its own fallback"), "{told:?}");
    }

    #[test]
    fn names_that_do_not_exist_are_refused() {
        let text = "[runtime]\ncommand = \"x\"\n[watcher]\nchannels = [\"ops\"]\n[[check]]\nname = \"blue\"\nperiod = \"1h\"\n";
        let told = Config::parse(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(told.contains("no [[channel]] named \"ops\""), "{told}");
        assert!(told.contains("\"blue\" is the name of a built-in check"), "{told}");
    }
}
