//! Faults of our own, which say nothing about the target.

use std::error::Error;
use std::io;
use std::os::unix::net::UnixDatagram;

use rustix::io::Errno;

/// What this process or this machine can be out of.
const OURS: [Errno; 7] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL, Errno::NETDOWN, Errno::NETUNREACH];

/// Whether this process can open one more socket.
///
/// # Errors
/// Why not, in the user's words.
pub fn able() -> Result<(), String> {
    UnixDatagram::unbound().map(drop).map_err(|error| words(&error))
}

/// The fault of our own behind an error, if there is one.
#[must_use]
pub fn fault(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(next) = cause {
        if let Some(io) = next.downcast_ref::<io::Error>()
            && Errno::from_io_error(io).is_some_and(|errno| OURS.contains(&errno))
        {
            return Some(words(io));
        }
        cause = next.source();
    }
    // A name lookup that is out of file descriptors does not say so.
    able().err()
}

fn words(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => "this process is out of file descriptors".to_owned(),
        Some(Errno::NFILE) => "this machine is out of file descriptors".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_the_targets_and_a_missing_descriptor_is_ours() {
        let refused = io::Error::from(Errno::CONNREFUSED);
        assert_eq!(fault(&refused), None);
        let ours = io::Error::from(Errno::MFILE);
        assert_eq!(fault(&ours).as_deref(), Some("this process is out of file descriptors"));
    }
}
