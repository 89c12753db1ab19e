//! What containers say, as lines.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use tokio::time::{MissedTickBehavior, interval};

use super::engine::Engine;
use super::found::{self, Found};
use crate::domain::colour::Colour;
use crate::runtime::error::RuntimeError;

/// How often it is looked whether new containers have come, while lines are followed.
const LOOK: Duration = Duration::from_secs(1);

/// The last lines of one container, oldest first; none where the engine does not say, since they stand in a message about something else.
pub(super) async fn last(engine: &Engine, container: &Found, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut whole = Lines::default();
    let mut said = say(engine, &container.id, Some(count), false);
    while let Some((_, bytes)) = said.next().await {
        whole.take(&bytes, |line| lines.push(line.to_owned()));
    }
    whole.end(|line| lines.push(line.to_owned()));
    lines.split_off(lines.len().saturating_sub(count))
}

/// Tells each line of a colour's containers: the last `count`, else all; and, with `follow`, what they say from now on, new containers included.
///
/// # Errors
/// Where the engine does not answer.
pub(super) async fn tell(
    engine: &Engine,
    (app, colour): (&str, Colour),
    count: Option<usize>,
    follow: bool,
    each: &(dyn Fn(&str, &str) + Sync),
) -> Result<(), RuntimeError> {
    let mut known: HashMap<String, (String, Lines)> = HashMap::new();
    let mut streams = SelectAll::new();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked = false;
    loop {
        tokio::select! {
            _ = look.tick(), if follow || !looked => {
                for container in found::all(engine, app).await?.into_iter().filter(|found| found.colour == colour) {
                    if let Entry::Vacant(unknown) = known.entry(container.id) {
                        // What comes later is told from its first line.
                        streams.push(say(engine, unknown.key(), count.filter(|_| !looked), follow));
                        unknown.insert((container.name, Lines::default()));
                    }
                }
                looked = true;
            }
            said = streams.next(), if !streams.is_empty() => {
                // None: the last of them has ended.
                if let Some((name, lines, bytes)) = said.and_then(|(id, bytes)| known.get_mut(&id).map(|(name, lines)| (name, lines, bytes))) {
                    lines.take(&bytes, |line| each(name, line));
                }
            }
        }
        if looked && !follow && streams.is_empty() {
            break;
        }
    }
    for (name, lines) in known.values_mut() {
        lines.end(|line| each(name, line));
    }
    Ok(())
}

/// What a container says, until it or the engine ends.
fn say(engine: &Engine, id: &str, count: Option<usize>, follow: bool) -> BoxStream<'static, (String, bytes::Bytes)> {
    let tail = count.map_or_else(|| "all".to_owned(), |count| count.to_string());
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).follow(follow).tail(&tail).build();
    let id = id.to_owned();
    let said = engine.docker.logs(&id, Some(options));
    // A container that goes while it speaks has said all that it had to.
    said.take_while(|said| std::future::ready(said.is_ok()))
        .filter_map(move |said| std::future::ready(said.ok().map(|said| (id.clone(), said.into_bytes()))))
        .boxed()
}

/// Cuts what is said into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    pub(super) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        self.pending.extend_from_slice(bytes);
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            each(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
        }
    }

    /// A last line need not have an end.
    pub(super) fn end(&mut self, mut each: impl FnMut(&str)) {
        if !self.pending.is_empty() {
            each(&String::from_utf8_lossy(&std::mem::take(&mut self.pending)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come() {
        let mut lines = Lines::default();
        let mut told = Vec::new();
        for piece in ["a", "b\r\nc", "\n\nd"] {
            lines.take(piece.as_bytes(), |line| told.push(line.to_owned()));
        }
        lines.end(|line| told.push(line.to_owned()));
        assert_eq!(told, ["ab", "c", "", "d"]);
    }
}
