//! What to do where the operating system refuses a file.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The end of a message about a file that cannot be used: whose it is, and that one is to act as they. Empty where that is not why.
pub(super) fn whose(path: &Path, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return String::new();
    }
    let seen = path.ancestors().find_map(|place| std::fs::metadata(if place.as_os_str().is_empty() { Path::new(".") } else { place }).ok());
    let Some(owner) = seen.map(|metadata| metadata.uid()) else { return String::new() };
    let named = user_name(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), owner);
    let owner = named.unwrap_or_else(|| format!("#{owner}"));
    format!(". It belongs to {owner}: act as that user (sudo -u {owner} allswell ...)")
}

/// The name of a user in the text of `/etc/passwd`.
pub(super) fn user_name(passwd: &str, uid: u32) -> Option<String> {
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut of_uid = fields.filter(|fields| fields.get(2).is_some_and(|field| *field == uid.to_string()));
    of_uid.next().map(|fields| fields[0].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_file_says_whose_it_is_and_a_missing_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let own = whose(&folder.path().join("not/there"), &denied);
        assert!(own.starts_with(". It belongs to ") && own.contains("sudo -u "), "{own}");
        assert_eq!(whose(folder.path(), &io::Error::from(io::ErrorKind::NotFound)), "");
    }

    #[test]
    fn a_user_has_the_name_that_stands_beside_the_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("ann"));
        assert_eq!(user_name(passwd, 7), None);
    }
}
