//! Why one of the user's commands did not do it, in their words.

use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use super::call::Call;
use super::run::GRACE;
use crate::domain::moment::humane;
use crate::runtime::error::RuntimeError;

/// It could not be started.
pub(super) fn cannot_start(call: &Call, error: &io::Error) -> RuntimeError {
    let (key, program) = (call.key, call.program());
    let is_path = program.contains('/');
    let here = std::env::current_dir().map_or_else(|_| "here".to_owned(), |folder| folder.display().to_string());
    let why = match error.kind() {
        ErrorKind::NotFound if is_path && Path::new(program).exists() => {
            format!("{program} is there, and what its first line (#!) names is not: mend that line")
        }
        ErrorKind::NotFound if is_path => {
            format!("{program} was not found, seen from {here}: say its full path, or run allswell where it is")
        }
        ErrorKind::NotFound => format!("{program} was not found on the PATH: install it, or say its full path"),
        ErrorKind::PermissionDenied if Path::new(program).is_dir() => format!("{program} is a directory: name the program in it"),
        ErrorKind::PermissionDenied => format!("{program} may not be executed: chmod +x {program}, or run allswell as a user who may"),
        _ => format!("{program} cannot be started: {error}. A script needs a first line like #!/bin/sh"),
    };
    RuntimeError::Refused(format!("the command of [runtime] {key} was not run: {why}"))
}

/// It ended, and not well.
pub(super) fn failed(call: &Call, status: ExitStatus, last: &[String]) -> RuntimeError {
    let how = ended(status);
    RuntimeError::Refused(format!("the command of [runtime] {} {how}: {}{}", call.key, call.shown(), said(last)))
}

/// It took too long.
pub(super) fn late(call: &Call, last: &[String]) -> RuntimeError {
    let limit = call.limit.map(humane).unwrap_or_default();
    RuntimeError::Late(format!(
        "the command of [runtime] {key} had not ended after {limit}, and was ended with all that it had started (SIGTERM, and SIGKILL after {}): \
         {}. [runtime] {key}_timeout gives it longer{}",
        humane(GRACE),
        call.shown(),
        said(last),
        key = call.key,
    ))
}

/// How it ended, after its name.
pub(super) fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn said(last: &[String]) -> String {
    if last.is_empty() { ". It said nothing".to_owned() } else { format!("\nits last lines:\n  {}", last.join("\n  ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(program: &str, error: ErrorKind) -> String {
        let call = Call { key: "replace", words: vec![program.to_owned()], environment: Vec::new(), limit: None };
        cannot_start(&call, &io::Error::from(error)).to_string()
    }

    #[test]
    fn each_way_not_to_start_says_what_to_do() {
        for (program, error, words) in [
            ("no-such-program", ErrorKind::NotFound, "not found on the PATH"),
            ("./no-such-file", ErrorKind::NotFound, "./no-such-file was not found, seen from /"),
            ("/etc/hostname", ErrorKind::NotFound, "what its first line (#!) names is not"),
            ("/etc", ErrorKind::PermissionDenied, "is a directory"),
            ("/etc/hostname", ErrorKind::PermissionDenied, "chmod +x /etc/hostname"),
            ("/etc/hostname", ErrorKind::Other, "#!/bin/sh"),
        ] {
            let told = told(program, error);
            assert!(told.starts_with("the command of [runtime] replace was not run: ") && told.contains(words), "{told}");
        }
    }
}
