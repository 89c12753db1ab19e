//! `allswell init`: writes a commented config.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::denied::whose;
use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use crate::config::init::{kinds, of_kind};

/// Write a commented allswell.toml for an app of your own.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// How instances are started: process, command, ... Default: process
    #[arg(long, value_name = "KIND", default_value = "process", hide_default_value = true, value_parser = known_kind)]
    kind: String,
}

fn known_kind(word: &str) -> Result<String, String> {
    let known = kinds();
    if known.contains(&word) { Ok(word.to_owned()) } else { Err(format!("one of {}", known.join(", "))) }
}

/// Writes it where there is none.
///
/// # Errors
/// Exit code 2 where there is a file already; 1 where it cannot be written.
pub fn run(operator: &Operator, args: &InitArgs) -> Outcome {
    let path = operator.options.config.clone().unwrap_or_else(|| PathBuf::from("allswell.toml"));
    write(&path, &of_kind(&args.kind).unwrap_or_default())?;
    if operator.json {
        screen::document(&json!({ "written": path }));
    } else {
        screen::line(format!(
            "wrote {}: say there how your app starts ([runtime]{}) and who is told ([[channel]]), then `allswell validate`{}",
            path.display(),
            if args.kind == "process" { " command; --kind is for what is started in another way" } else { "" },
            if args.kind == "process" { " and `allswell up`" } else { "" }
        ));
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> Result<(), super::exit::Trouble> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Exit::Usage.because(format!("{} is there already and was left as it is: --config FILE names another place", path.display()))
        }
        _ => Exit::Failed.because(format!("{} cannot be written: {error}{}", path.display(), whose(path, &error))),
    })
}
