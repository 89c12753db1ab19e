//! `[runtime]` with `kind = "process"`.

use crate::runtime::words::words;
use crate::settings::Section;

/// What only processes need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessSettings {
    /// The command that starts one instance: words, no shell; `{port}`, `{colour}` and `{version}` are replaced.
    pub command: Vec<String>,
}

impl ProcessSettings {
    pub(in crate::runtime) fn read(section: &mut Section<'_>) -> Self {
        let command = section.text_required("command");
        let command = words(&command).unwrap_or_else(|problem| {
            section.error("command", problem);
            Vec::new()
        });
        Self { command }
    }
}
