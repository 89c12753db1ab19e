//! `docs/config.md` is made from the config that `allswell init` writes, of which other tests know that it has every key.
//! It is written anew by: ALLSWELL_WRITE=1 cargo test --lib config::reference

use std::fmt::Write;

use super::init::TEXT;

const PAGE: &str = "docs/config.md";
const HEAD: &str = "# Every setting

One `allswell.toml` describes the whole system; every part reads its own sections, so the same file can be on every host. `allswell init` writes
it with all that stands here, `allswell validate` checks it: unknown keys are errors, each with its line and the nearest known key.

A setting is shown with its default; where the text names another default, what is shown is an example. This page is made from that file
(`src/config/init.toml`); the settings of nginx, HAProxy and Caddy stand in [proxies.md](proxies.md).
";

/// One line of the file, whatever it is commented out by.
enum Line<'a> {
    Empty,
    Words(&'a str),
    Header(&'a str),
    Setting(&'a str),
}

fn read(line: &str) -> Line<'_> {
    let line = line.strip_prefix("## ").unwrap_or(line);
    let bare = line.strip_prefix("# ").unwrap_or(line);
    let bare = bare.strip_prefix("or: ").unwrap_or(bare);
    let key = bare.chars().take_while(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-')).count();
    if line.trim_matches('#').trim().is_empty() {
        Line::Empty
    } else if bare.starts_with('[') {
        Line::Header(bare)
    } else if key > 0 && bare[key..].starts_with(" = ") {
        Line::Setting(bare)
    } else {
        Line::Words(bare)
    }
}

/// Settings that have their words in common.
#[derive(Default)]
struct Row {
    settings: Vec<String>,
    words: String,
}

#[derive(Default)]
struct Page {
    text: String,
    row: Row,
    section: String,
    /// The heading of the settings and what it is about, when nothing of it is written yet.
    header: Option<(String, String)>,
}

impl Page {
    fn words(&mut self, words: &str) {
        if !self.row.settings.is_empty() {
            self.end_row();
        }
        if !self.row.words.is_empty() {
            self.row.words.push(' ');
        }
        self.row.words.push_str(words);
    }

    fn setting(&mut self, setting: &str) {
        if setting.starts_with("kind = ") && setting != "kind = \"embedded\"" && setting != "kind = \"process\"" {
            self.begin_kind(setting);
        }
        self.row.settings.push(format!("`{}`", setting.replace('|', "\\|")));
    }

    /// A section that looks different for each kind has a heading for each.
    fn begin_kind(&mut self, setting: &str) {
        match &mut self.header {
            Some((header, _)) => write!(header, ", {setting}").expect("memory"),
            None => {
                let intro = std::mem::take(&mut self.row.words);
                self.header = Some((format!("{}, {setting}", self.section), intro));
            }
        }
    }

    fn begin(&mut self, header: &str) {
        if !self.row.settings.is_empty() {
            self.end_row();
        }
        // `[runtime.health]` is a part of `[runtime]`.
        self.section = if header.starts_with("[runtime.") { "[runtime]".to_owned() } else { header.to_owned() };
        self.header = Some((header.to_owned(), std::mem::take(&mut self.row.words)));
    }

    fn end_row(&mut self) {
        let Row { settings, words } = std::mem::take(&mut self.row);
        let is_of_heading = |setting: &String| setting.starts_with("`kind = ") || setting.starts_with("`name = ");
        if settings.is_empty() || (words.is_empty() && settings.iter().all(is_of_heading)) {
            return;
        }
        if let Some((header, intro)) = self.header.take() {
            let (name, kind) =
                header.split_once(", ").map_or((header.as_str(), String::new()), |(name, kind)| (name, format!(", `{kind}`")));
            write!(self.text, "\n## `{name}`{kind}\n").expect("memory");
            if !intro.is_empty() {
                write!(self.text, "\n{intro}\n").expect("memory");
            }
            self.text.push_str("\n| setting | meaning |\n|---|---|\n");
        }
        writeln!(self.text, "| {} | {} |", settings.join("<br>"), words.replace('|', "\\|")).expect("memory");
    }
}

/// The page, from the file.
fn page(file: &str) -> String {
    let mut page = Page { text: HEAD.to_owned(), ..Page::default() };
    // The file's head tells how to write durations, secrets and paths.
    let (head, rest) = file.split_once("\n\n").expect("a head");
    let notes: Vec<&str> = head.lines().map(|line| line.trim_start_matches('#').trim()).collect();
    let durations = notes.iter().position(|line| line.starts_with("Durations")).expect("it says how durations are written");
    write!(page.text, "\n{}\n", notes[durations..].join("\n")).expect("memory");
    for line in rest.lines() {
        match read(line) {
            Line::Empty => page.end_row(),
            Line::Words(words) => page.words(words),
            Line::Header(header) => page.begin(header),
            Line::Setting(setting) => page.setting(setting),
        }
    }
    page.end_row();
    page.text
}

#[test]
fn the_page_of_every_setting_is_made_from_the_config_that_init_writes() {
    let made = page(TEXT);
    if std::env::var_os("ALLSWELL_WRITE").is_some() {
        std::fs::write(PAGE, &made).expect("the page can be written");
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(written == made, "{PAGE} is not what src/config/init.toml says: ALLSWELL_WRITE=1 cargo test --lib config::reference");
}

#[test]
fn every_setting_of_the_file_stands_on_the_page() {
    let made = page(TEXT);
    let settings = TEXT.lines().filter_map(|line| match read(line) {
        Line::Setting(setting) => Some(setting),
        Line::Empty | Line::Words(_) | Line::Header(_) => None,
    });
    let (mut count, mut absent) = (0, Vec::new());
    for setting in settings {
        count += 1;
        // The names of channels are examples.
        if !setting.starts_with("name = ") && !made.contains(&setting.replace('|', "\\|")) {
            absent.push(setting);
        }
    }
    assert!(count > 150 && absent.is_empty(), "{count}: {absent:?}");
    assert!(page(&TEXT.replace("# drain = \"30s\"", "# drain = \"31s\"")) != made, "a changed default changes the page");
}
