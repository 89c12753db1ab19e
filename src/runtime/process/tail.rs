//! Reads a growing file line by line, and goes on in the new one when it is rotated.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that is being followed.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line whose end has not been written yet.
    rest: Vec<u8>,
}

impl Tail {
    /// From the beginning of this file, which may not be there yet.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: File::open(path).ok(), rest: Vec::new() }
    }

    /// The whole lines that have been written since the last call: first the rest of a file that was rotated away, then the new one's.
    ///
    /// # Errors
    /// As the operating system says; a file that is not there has no lines.
    pub(super) fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut lines = self.read()?;
        if self.is_rotated()? {
            lines.extend(self.read()?);
            lines.extend(self.last());
            self.file = File::open(&self.path).ok();
            lines.extend(self.read()?);
        }
        Ok(lines)
    }

    /// A last line without an end, once nothing more will come.
    pub(super) fn last(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }

    fn is_rotated(&self) -> io::Result<bool> {
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some(file) = &self.file else { return Ok(true) };
        let ours = file.metadata()?;
        Ok((ours.dev(), ours.ino()) != (there.dev(), there.ino()))
    }

    fn read(&mut self) -> io::Result<Vec<String>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        if file.stream_position()? > file.metadata()?.len() {
            file.seek(SeekFrom::Start(0))?;
        }
        file.read_to_end(&mut self.rest)?;
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        Ok(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn append(path: &Path, text: &str) {
        fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn no_line_is_lost_or_torn_when_the_file_is_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blue-1.log");
        let mut tail = Tail::new(&path);
        assert!(tail.lines().unwrap().is_empty(), "it is not there yet");
        append(&path, "one\ntw");
        assert_eq!(tail.lines().unwrap(), ["one"]);
        append(&path, "o\n");
        fs::rename(&path, folder.path().join("blue-1.log.1")).unwrap();
        append(&folder.path().join("blue-1.log.1"), "three\n");
        append(&path, "four\nfi");
        assert_eq!(tail.lines().unwrap(), ["two", "three", "four"]);
        assert_eq!(tail.last().as_deref(), Some("fi"));
    }

    #[test]
    fn a_file_that_was_cut_short_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blue-1.log");
        append(&path, "a long line\n");
        let mut tail = Tail::new(&path);
        assert_eq!(tail.lines().unwrap(), ["a long line"]);
        fs::write(&path, "new\n").unwrap();
        assert_eq!(tail.lines().unwrap(), ["new"]);
    }
}
