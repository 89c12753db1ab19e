//! `allswell init`: writes a commented config.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use crate::config::init::TEXT;

/// Write a commented allswell.toml for an app of your own.
#[derive(Debug, Args)]
pub struct InitArgs {}

/// Writes it where there is none.
///
/// # Errors
/// Exit code 2 where there is a file already; 1 where it cannot be written.
pub fn run(operator: &Operator) -> Outcome {
    let path = operator.options.config.clone().unwrap_or_else(|| PathBuf::from("allswell.toml"));
    write(&path)?;
    if operator.json {
        screen::document(&json!({ "written": path }));
    } else {
        screen::line(format!("wrote {}: say there how your app starts, then `allswell validate` and `allswell up`", path.display()));
    }
    Ok(Exit::Done)
}

fn write(path: &Path) -> Result<(), super::exit::Trouble> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(TEXT.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Exit::Usage.because(format!("{} is there already and was left as it is: --config FILE names another place", path.display()))
        }
        _ => Exit::Failed.because(format!("{} cannot be written: {error}", path.display())),
    })
}
