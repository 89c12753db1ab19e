//! The live colour, its epoch and who asked for it, as a restart finds them: the same on two lines, each in a sector of its own. What is new is
//! written over one of them, with one wait for the disk, while the other one stands; and then over that.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::claim::Live;
use crate::domain::colour::Colour;
use crate::files;
use crate::signing;

/// So many bytes has a line: as many as the largest sector of a disk.
const LINE: usize = 4_096;
/// Where the lines begin.
const PLACES: [u64; 2] = [0, LINE as u64];

/// The state could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("the proxy's state cannot be stored in {0}: {1}. Nothing was changed")]
pub struct StateError(PathBuf, io::Error);

/// The file in the state directory.
#[derive(Debug, Clone)]
pub(super) struct StateFile(PathBuf);

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    live: Colour,
    epoch: u64,
    /// Who asked for it. It stands before the sum, so that a line that was not written to its end has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Of colour and epoch, as also those proxies reckon it that keep nothing else. A file of one record, as it was written at first, has none.
    #[serde(default)]
    sum: Option<String>,
}

impl Content {
    fn new(live: Colour, epoch: u64, by: Option<&str>) -> Self {
        Self { live, epoch, by: by.map(str::to_owned), sum: Some(sum(live, epoch)) }
    }

    /// Of the line at this place, where it is whole.
    fn read(file: &File, place: u64) -> Result<Self, String> {
        let mut line = [0; LINE];
        file.read_exact_at(&mut line, place).map_err(|error| error.to_string())?;
        let record: Self = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
        let is_whole = record.sum.as_ref() == Some(&sum(record.live, record.epoch));
        if is_whole { Ok(record) } else { Err("its sum is another".to_owned()) }
    }

    fn line(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.resize(LINE - 1, b' ');
        line.push(b'\n');
        Ok(line)
    }
}

fn sum(live: Colour, epoch: u64) -> String {
    signing::fingerprint(&format!("{live} {epoch}"))
}

/// What the file said at the start.
#[derive(Debug)]
pub(super) struct Found {
    /// What is live; undefined where the file is there and cannot be read.
    pub(super) live: Live,
    /// Who asked for that, where it is known.
    pub(super) by: Option<String>,
    /// Why it is undefined.
    pub(super) trouble: Option<String>,
}

impl From<Content> for Found {
    fn from(Content { live, epoch, by, .. }: Content) -> Self {
        Self { live: Live { colour: Some(live), epoch }, by, trouble: None }
    }
}

impl StateFile {
    /// At this path.
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Reads it; where no state was ever written, `first_live` is written.
    ///
    /// # Errors
    /// Where there is no file and none can be written.
    pub(super) fn load(&self, first_live: Colour) -> Result<Found, StateError> {
        if let Some(file) = self.of_two_lines(OpenOptions::new().read(true)) {
            return Ok(self.newest(&file));
        }
        match fs::read(&self.0) {
            Ok(bytes) => Ok(match serde_json::from_slice::<Content>(&bytes) {
                Ok(record) => Found::from(record),
                Err(error) => self.undefined(epoch_of(&bytes), &error.to_string()),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let first = Content::new(first_live, 0, None);
                self.replace(&first).map_err(|error| StateError(self.0.clone(), error))?;
                Ok(Found::from(first))
            }
            Err(error) => Ok(self.undefined(0, &error.to_string())),
        }
    }

    /// The newer of two lines. One that was being written when the power went off was never acknowledged.
    fn newest(&self, file: &File) -> Found {
        let (mut newest, mut trouble): (Option<Content>, _) = (None, None);
        for place in PLACES {
            match Content::read(file, place) {
                Ok(record) if newest.as_ref().is_none_or(|newest| newest.epoch < record.epoch) => newest = Some(record),
                Ok(_) => {}
                Err(why) => trouble = Some(why),
            }
        }
        match (newest, trouble) {
            (Some(record), trouble) => {
                if let Some(trouble) = trouble {
                    let file = self.0.display();
                    tracing::warn!(%file, live = %record.live, epoch = record.epoch, trouble, "one of two lines is not whole: the other one stands");
                }
                Found::from(record)
            }
            (None, trouble) => {
                let bytes = fs::read(&self.0).unwrap_or_default();
                let epoch = bytes.chunks(LINE).map(epoch_of).max().unwrap_or(0);
                self.undefined(epoch, &trouble.unwrap_or_default())
            }
        }
    }

    fn undefined(&self, epoch: u64, why: &str) -> Found {
        let trouble = format!("live is undefined: {} cannot be read ({why}). A switch to either colour cures it", self.0.display());
        Found { live: Live { colour: None, epoch }, by: None, trouble: Some(trouble) }
    }

    /// Stores it beside what has the epoch `kept`, which stands until this is there. When this has returned, a power cut leaves the new state.
    ///
    /// # Errors
    /// As the operating system says.
    pub(super) fn store(&self, live: Colour, epoch: u64, by: Option<&str>, kept: u64) -> Result<(), StateError> {
        let record = Content::new(live, epoch, by);
        let stored = match self.beside(kept) {
            Some((file, places)) => record.line().and_then(|line| write(&file, places, &line)),
            None => self.replace(&record),
        };
        stored.map_err(|error| StateError(self.0.clone(), error))
    }

    /// Where a line may be written so that one with this epoch stays, and then the place of that. None: there is no such line.
    fn beside(&self, kept: u64) -> Option<(File, [u64; 2])> {
        let file = self.of_two_lines(OpenOptions::new().read(true).write(true))?;
        let [first, second] = PLACES;
        let is_kept = |place| Content::read(&file, place).is_ok_and(|record| record.epoch == kept);
        let places = if is_kept(first) { [second, first] } else { is_kept(second).then_some(PLACES)? };
        Some((file, places))
    }

    /// The file, where it is of two lines.
    fn of_two_lines(&self, options: &OpenOptions) -> Option<File> {
        let file = options.open(&self.0).ok()?;
        let length = file.metadata().ok()?.len();
        (length == 2 * LINE as u64).then_some(file)
    }

    /// The whole file, with the same twice.
    fn replace(&self, record: &Content) -> io::Result<()> {
        files::replace(&self.0, &record.line()?.repeat(2))
    }
}

/// To one place, and when it is on disk there, to the other: whatever damages one of them later, the other one says the same.
fn write(file: &File, [first, second]: [u64; 2], line: &[u8]) -> io::Result<()> {
    file.write_all_at(line, first)?;
    file.sync_data()?;
    // Nobody waits for it, and where it cannot be written the first one is newer.
    let _ = file.write_all_at(line, second);
    Ok(())
}

/// The epoch of what cannot be read otherwise, where at least that can.
fn epoch_of(line: &[u8]) -> u64 {
    let said: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    said.and_then(|said| said.get("epoch")?.as_u64()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: Option<&str>) -> (tempfile::TempDir, StateFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.json");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        (folder, StateFile::new(&path))
    }

    fn live(file: &StateFile) -> (Option<Colour>, u64) {
        let Live { colour, epoch } = file.load(Colour::Blue).unwrap().live;
        (colour, epoch)
    }

    #[test]
    fn the_first_colour_is_used_once_and_what_was_stored_ever_after() {
        let (_folder, file) = file(None);
        assert_eq!(file.load(Colour::Green).unwrap().live, Live { colour: Some(Colour::Green), epoch: 0 });
        assert_eq!(live(&file), (Some(Colour::Green), 0));
        for (colour, epoch, kept) in [(Colour::Blue, 7, 0), (Colour::Green, 8, 7), (Colour::Green, 20, 8)] {
            file.store(colour, epoch, None, kept).unwrap();
            assert_eq!(live(&file), (Some(colour), epoch));
        }
    }

    #[test]
    fn wherever_the_power_goes_off_the_old_or_the_new_is_live() {
        let (_folder, file) = file(None);
        file.load(Colour::Green).unwrap();
        file.store(Colour::Green, 8, None, 0).unwrap();
        let before = fs::read(&file.0).unwrap();
        file.store(Colour::Blue, 9, None, 8).unwrap();
        let after = fs::read(&file.0).unwrap();
        let (old, new) = ((Some(Colour::Green), 8), (Some(Colour::Blue), 9));
        let last = (0..LINE).rposition(|place| before[place] != after[place]).unwrap();
        for end in 0..=last + 1 {
            let (first, second) =
                ([&before[..LINE], &after[LINE..LINE + end], &before[LINE + end..]], [&after[..end], &before[end..LINE], &after[LINE..]]);
            fs::write(&file.0, first.concat()).unwrap();
            assert_eq!(live(&file), if end <= last { old } else { new }, "{end} bytes of the first that is written");
            fs::write(&file.0, second.concat()).unwrap();
            assert_eq!(live(&file), new, "{end} bytes of the second");
        }
    }

    #[test]
    fn one_line_that_is_damaged_takes_nothing() {
        for place in [0, LINE] {
            let (_folder, file) = file(None);
            file.load(Colour::Green).unwrap();
            file.store(Colour::Blue, 7, None, 0).unwrap();
            let mut bytes = fs::read(&file.0).unwrap();
            bytes[place + 3] ^= 1;
            fs::write(&file.0, bytes).unwrap();
            assert_eq!(live(&file), (Some(Colour::Blue), 7));
            let [first, _] = file.beside(7).unwrap().1;
            assert_eq!(first, place as u64, "the whole one stands until the other one is there");
            file.store(Colour::Green, 8, None, 7).unwrap();
            assert_eq!(live(&file), (Some(Colour::Green), 8));
        }
    }

    #[test]
    fn who_asked_is_read_back_and_an_older_proxy_reads_the_rest() {
        let (_folder, file) = file(None);
        file.load(Colour::Green).unwrap();
        let by = || file.load(Colour::Green).unwrap().by;
        assert_eq!(by(), None);
        file.store(Colour::Blue, 7, Some("ann@desk"), 0).unwrap();
        assert_eq!((live(&file), by().as_deref()), ((Some(Colour::Blue), 7), Some("ann@desk")));
        // Its records have neither this field nor a sum of it.
        let kept = Content::read(&File::open(&file.0).unwrap(), PLACES[0]).unwrap();
        assert_eq!(kept.sum, Some(signing::fingerprint("blue 7")));
        file.store(Colour::Green, 8, None, 7).unwrap();
        assert_eq!((live(&file), by()), ((Some(Colour::Green), 8), None), "nobody has said so of this one");
    }

    #[test]
    fn wherever_the_power_goes_off_nobody_is_named_for_what_another_one_asked() {
        let (_folder, file) = file(None);
        file.load(Colour::Green).unwrap();
        file.store(Colour::Green, 8, Some("ann@desk"), 0).unwrap();
        let before = fs::read(&file.0).unwrap();
        file.store(Colour::Blue, 9, Some("bob@table"), 8).unwrap();
        let after = fs::read(&file.0).unwrap();
        for end in 0..=LINE {
            fs::write(&file.0, [&before[..LINE], &after[LINE..LINE + end], &before[LINE + end..]].concat()).unwrap();
            let found = file.load(Colour::Blue).unwrap();
            let named = if found.live.epoch == 8 { "ann@desk" } else { "bob@table" };
            assert_eq!(found.by.as_deref(), Some(named), "{end} bytes of the first that is written");
        }
    }

    #[test]
    fn what_could_not_be_stored_is_written_over_and_what_stood_stands() {
        let (_folder, file) = file(None);
        file.load(Colour::Green).unwrap();
        file.store(Colour::Blue, 7, None, 0).unwrap();
        file.store(Colour::Green, 7, None, 0).unwrap();
        assert_eq!(live(&file), (Some(Colour::Green), 7));
        file.store(Colour::Green, 0, None, 0).unwrap();
        assert_eq!(live(&file), (Some(Colour::Green), 0));
    }

    #[test]
    fn a_file_of_one_record_is_read_and_becomes_one_of_two() {
        let (_folder, file) = file(Some("{\"live\":\"green\",\"epoch\":4}"));
        assert_eq!(live(&file), (Some(Colour::Green), 4));
        file.store(Colour::Blue, 5, None, 4).unwrap();
        assert_eq!((live(&file), fs::metadata(&file.0).unwrap().len()), ((Some(Colour::Blue), 5), 2 * LINE as u64));
    }

    #[test]
    fn what_cannot_be_read_is_undefined_and_never_a_guess() {
        let torn = String::from_utf8(Content::new(Colour::Green, 5, None).line().unwrap()).unwrap().replace(":5", ":6").repeat(2);
        for (content, epoch) in
            [("", 0), ("{\"live\":\"blue\"", 0), ("{\"live\":\"purple\",\"epoch\":9}", 9), ("[]", 0), (torn.as_str(), 6)]
        {
            let (_folder, file) = file(Some(content));
            let found = file.load(Colour::Blue).unwrap();
            assert_eq!(found.live, Live { colour: None, epoch }, "{content}");
            assert!(found.trouble.unwrap().contains("proxy.json"));
            file.store(Colour::Green, 10, None, epoch).unwrap();
            assert_eq!(live(&file), (Some(Colour::Green), 10), "{content}: a switch cures it");
        }
    }
}
