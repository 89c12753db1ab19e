//! What a process says: one file each, appended to, kept short.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::domain::plain::bare;

/// A log larger than this is moved aside.
pub const LARGEST: u64 = 10 * 1024 * 1024;

/// Where the end of a log is looked for, in bytes.
const TAIL: u64 = 16 * 1024;

/// Longer lines are cut, in characters.
const LONGEST_LINE: usize = 300;

/// Opens a log for appending, mode 0600, and makes it if it is not there.
///
/// # Errors
/// As the operating system says.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Moves a log larger than `largest` bytes to `LOG.1`, over the one before. The file stays the same one, because whoever writes it has it
/// open: it is copied and then emptied, and what is written between the two is lost.
///
/// # Errors
/// As the operating system says.
pub fn rotate(path: &Path, largest: u64) -> io::Result<bool> {
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    if length <= largest {
        return Ok(false);
    }
    fs::copy(path, older(path))?;
    OpenOptions::new().write(true).open(path)?.set_len(0)?;
    Ok(true)
}

fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// The last lines of a log that are not empty, oldest first, without colours and control characters.
#[must_use]
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let Ok(end) = tail(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&end);
    let mut lines: Vec<String> =
        text.lines().rev().map(|line| bare(line, LONGEST_LINE)).filter(|line| !line.is_empty()).take(count).collect();
    lines.reverse();
    lines
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut end = Vec::new();
    file.take(TAIL).read_to_end(&mut end)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_that_is_too_large_is_moved_aside_while_its_writer_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blue-1.log");
        let mut writer = open(&path).unwrap();
        writer.write_all(b"0123456789").unwrap();
        assert!(!rotate(&path, 10).unwrap());
        writer.write_all(b"x\n").unwrap();
        assert!(rotate(&path, 10).unwrap());
        writer.write_all(b"after\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after\n");
        assert_eq!(fs::read(folder.path().join("blue-1.log.1")).unwrap(), b"0123456789x\n");
    }

    #[test]
    fn a_log_that_is_not_there_is_not_too_large() {
        assert!(!rotate(Path::new("/nowhere/at/all"), 10).unwrap());
        assert!(last_lines(Path::new("/nowhere/at/all"), 3).is_empty());
    }

    #[test]
    fn the_last_lines_are_plain_and_none_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, b"one\ntwo\n\n\x1b[31mthree\x1b[0m\r\n\n\xfffour").unwrap();
        assert_eq!(last_lines(&path, 2), ["three", "\u{fffd}four"]);
        assert_eq!(last_lines(&path, 9).len(), 4);
    }
}
