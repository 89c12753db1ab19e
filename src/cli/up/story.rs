//! What `allswell up` says on the screen.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::doors;
use crate::cli::screen::{self, Paint, wrapped};
use crate::cli::terminal::room;
use crate::clock;
use crate::config::{Config, unheard};
use crate::domain::colour::Colour;
use crate::domain::moment::{Moment, humane};
use crate::services::up::Event;

/// Where the columns of names end.
const NAME: usize = 17;

/// Tells what happens as it happens.
#[derive(Debug)]
pub(super) struct Story {
    paint: Paint,
    began: Moment,
    config: PathBuf,
    is_demo: bool,
    state: PathBuf,
    places: [(&'static str, String, &'static str); 3],
    unheard: Vec<String>,
    ending: bool,
}

impl Story {
    pub(super) fn new(config: &Config, path: &Path, is_demo: bool, state: &Path) -> Self {
        Self {
            paint: Paint::of_stdout(),
            began: clock::now(),
            config: path.to_owned(),
            is_demo,
            state: state.to_owned(),
            places: [
                ("live site", format!("{}/", doors::live(&config.proxy)), "what everyone gets"),
                ("preview", format!("{}/", doors::preview(&config.proxy)), "the idle colour"),
                ("status page", config.watcher.page_url(), "who is well, and who is not"),
            ],
            unheard: unheard(config),
            ending: false,
        }
    }

    pub(super) fn begin(&self) {
        let paint = self.paint;
        let what =
            if self.is_demo { "the demo: a page that everyone scrolls together".to_owned() } else { self.config.display().to_string() };
        screen::line(format!("\n  {}  {}", paint.strong("allswell up"), what));
        let config = if self.is_demo { format!("config {}, ", self.config.display()) } else { String::new() };
        screen::line(format!("  {}\n", paint.faint(format!("{config}state {}", self.state.display()))));
    }

    pub(super) fn tell(&mut self, event: Event) {
        let paint = self.paint;
        match event {
            Event::Started { name, pid, restarts: 0 } => self.row("✓", &name, paint.faint(format!("started, process {pid}"))),
            Event::Started { name, pid, restarts } => {
                self.row("↻", &name, format!("started again, process {pid} {}", paint.faint(format!("(restart {restarts})"))));
            }
            Event::Adopted { name, pid } => self.row("✓", &name, paint.faint(format!("still runs, process {pid}"))),
            Event::Outdated { name } => self.row("↻", &name, "still runs, by another config: it is replaced"),
            Event::Died { name, how, wait } => self.row("✗", &name, format!("{}; started again in {}", paint.bad(how), humane(wait))),
            Event::Stuck { name, deaths, last_line, log } => {
                let said = last_line.unwrap_or_else(|| "it said nothing".to_owned());
                self.row("!", &name, paint.bad(format!("ended {deaths} times in a row: {said}")));
                self.row(" ", "", paint.faint(format!("its log: {}", log.display())));
            }
            Event::Replacing { colour, version } => {
                let version = version.map_or_else(String::new, |version| format!(" by version {version}"));
                self.row("⇄", "", format!("{} is replaced{version}", paint.colour(colour, colour)));
            }
            Event::Answering => self.where_to_look(),
            Event::NotAnswering(addresses) => {
                self.row("!", "", paint.poor(format!("nothing answers yet on {}: see {}", addresses.join(", "), self.state.display())));
            }
            Event::Working => self.working(),
            Event::NotWorking(bad) => {
                for (colour, why) in bad {
                    let look = paint.faint(format!("see: allswell logs {colour}"));
                    self.row("!", colour.as_str(), format!("{} {look}", paint.poor(format!("is not working yet: {why};"))));
                }
            }
            Event::Unheard { watcher, why } => self.row("!", "up", paint.bad(format!("{watcher} does not take our beats: {why}"))),
            Event::Heard { watcher } => self.row("✓", "up", paint.good(format!("{watcher} takes our beats again"))),
            Event::Ending { name } => {
                self.say_that_it_ends();
                self.row("…", &name, paint.faint("asked to end"));
            }
            Event::Ended { name, after, killed: false } => self.row("✓", &name, paint.faint(format!("ended after {}", humane(after)))),
            Event::Ended { name, after, killed: true } => self.row("✗", &name, paint.poor(format!("killed after {}", humane(after)))),
            Event::Trouble(what) => self.row("!", "", paint.bad(what)),
        }
    }

    fn row(&self, mark: &str, name: &str, words: impl std::fmt::Display) {
        let paint = self.paint;
        let mark = match mark {
            "✓" => paint.good(mark),
            "✗" | "!" => paint.bad(mark),
            other => paint.poor(other),
        };
        let time = clock::local(clock::now()).format("%H:%M:%S");
        let padded = format!("{name:NAME$}");
        let colour = Colour::BOTH.into_iter().find(|colour| name.contains(colour.as_str()));
        let name = colour.map_or_else(|| paint.strong(&padded), |colour| paint.colour(colour, &padded));
        screen::line(format!("  {} {mark} {name} {words}", paint.faint(time)));
    }

    fn where_to_look(&self) {
        let paint = self.paint;
        screen::line("");
        for (what, url, why) in &self.places {
            screen::line(format!("  {:12} {} {}", what, paint.strong(format!("{url:32}")), paint.faint(why)));
        }
        screen::line("");
        for line in self.unheard.iter().flat_map(|line| wrapped("  ○ ", line, room())) {
            screen::line(paint.faint(line));
        }
        if !self.unheard.is_empty() {
            screen::line("");
        }
    }

    fn working(&self) {
        let paint = self.paint;
        let after = clock::now().since(self.began);
        let (blue, green) = (paint.colour(Colour::Blue, "blue"), paint.colour(Colour::Green, "green"));
        screen::line(format!("\n  {} {blue} and {green} are working, {} after the start", paint.good("●"), tenths(after)));
        let demo = if self.is_demo { " · allswell demo fail blue" } else { "" };
        screen::line(format!("  {}", paint.faint(format!("In a second terminal: allswell status · allswell switch green{demo}"))));
        screen::line(format!("  {}\n", paint.faint("Ctrl-C ends everything, in order")));
    }

    fn say_that_it_ends(&mut self) {
        if !std::mem::replace(&mut self.ending, true) {
            screen::line(format!("\n  {}", self.paint.strong("Ending everything, in order. Ctrl-C again: at once")));
        }
    }

    pub(super) fn end(&self) {
        screen::line(format!("  {} everything has ended\n", self.paint.good("●")));
    }
}

fn tenths(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_look_is_said_in_the_way_that_each_speaks() {
        let text = "[runtime]\ncommand = \"x\"\n[proxy]\nlive_tls = { certificate = \"c\", key = \"k\" }\n";
        let config = Config::parse(text).unwrap().config;
        let story = Story::new(&config, Path::new("allswell.toml"), false, Path::new("/s"));
        let urls: Vec<&str> = story.places.iter().map(|(_, url, _)| url.as_str()).collect();
        assert_eq!(urls, ["https://127.0.0.1:8000/", "http://127.0.0.1:8080/", "http://127.0.0.1:7700"]);
    }
}
