//! `allswell backup`: a copy of what must survive.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::denied::whose;
use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use crate::store::backup::{self, BackupError};

/// Copy the watcher's store to a file, while the watcher goes on
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Copy the prober's store instead: journal, lease, expected instances
    #[arg(long)]
    prober: bool,
}

/// Copies it, and says how it is brought back.
///
/// # Errors
/// Exit code 2 where the store is a server or the file is there already, 1 where there is no copy for another reason.
pub async fn run(operator: &Operator, args: &BackupArgs) -> Outcome {
    let config = operator.options.load()?.config;
    let (part, url) = if args.prober { ("prober", &config.prober.store) } else { ("watcher", &config.watcher.store) };
    let copied = backup::copy(url, &operator.options.state, &args.file);
    let store = copied.map_err(|error| match &error {
        BackupError::Server | BackupError::Exists(_) => Exit::Usage.because(error.to_string()),
        BackupError::Io(cause) => Exit::Failed.because(format!(
            "the copy {} cannot be written: {cause}{}. Is its directory there, and yours?",
            args.file.display(),
            whose(&args.file, cause)
        )),
        BackupError::Missing(_) | BackupError::Store(_) => Exit::Failed.because(error.to_string()),
    })?;
    if operator.json {
        screen::document(&json!({ "store": store, "file": args.file }));
    } else {
        let (store, file) = (store.display(), args.file.display());
        screen::line(format!("{store} is copied to {file}"));
        screen::line(format!("to bring it back: stop the {part}, remove {store}-wal and {store}-shm, put the copy in place of {store}"));
    }
    Ok(Exit::Done)
}
