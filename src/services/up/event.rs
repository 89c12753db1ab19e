//! What happens, for whoever looks on.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::domain::colour::Colour;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A process was started.
    Started {
        /// Its name.
        name: String,
        /// Its process id.
        pid: u32,
        /// How often it was started again so far; 0 the first time.
        restarts: u32,
    },
    /// A process of an earlier `up` still runs, and is kept.
    Adopted {
        /// Its name.
        name: String,
        /// Its process id.
        pid: u32,
    },
    /// A process of an earlier `up` runs by another config, and is replaced.
    Outdated {
        /// Its name.
        name: String,
    },
    /// A process ended when nobody had asked it to.
    Died {
        /// Its name.
        name: String,
        /// `ended by signal 9`.
        how: String,
        /// When it is started again.
        wait: Duration,
    },
    /// A process ends again and again.
    Stuck {
        /// Its name.
        name: String,
        /// How often in a row.
        deaths: u32,
        /// The last line that it said.
        last_line: Option<String>,
        /// Where the rest is.
        log: PathBuf,
    },
    /// A colour's instances are being replaced.
    Replacing {
        /// The colour.
        colour: Colour,
        /// By this version.
        version: Option<String>,
    },
    /// The listeners that people look at answer.
    Answering,
    /// Some of them do not answer yet, after a while.
    NotAnswering(Vec<String>),
    /// The watcher's page says that both colours are working.
    Working,
    /// A watcher does not take our beats.
    Unheard {
        /// The watcher.
        watcher: String,
        /// Why not.
        why: String,
    },
    /// It takes them again.
    Heard {
        /// The watcher.
        watcher: String,
    },
    /// A process was asked to end.
    Ending {
        /// Its name.
        name: String,
    },
    /// A process has ended as asked.
    Ended {
        /// Its name.
        name: String,
        /// After so long.
        after: Duration,
        /// It did not end in time, and was killed.
        killed: bool,
    },
    /// Something that changes nothing yet, and should be seen to.
    Trouble(String),
}

/// Where events go. Nobody has to look on.
#[derive(Debug, Clone)]
pub(super) struct Events(pub(super) UnboundedSender<Event>);

impl Events {
    pub(super) fn say(&self, event: Event) {
        // Whoever looked on has gone: nothing changes.
        let _ = self.0.send(event);
    }
}
