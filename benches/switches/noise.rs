//! What the machine takes for itself, measured before anybody comes: a row that was slow says whether the machine was.

use std::fs::File;
use std::io::{Seek, Write};
use std::process::{Command, Stdio};

use allswell::clock;

use super::row::{ms, sorted};
use super::stage::Stage;

const TIMES: usize = 200;
const PAGE: [u8; 4_096] = [b'x'; 4_096];

/// In milliseconds, in order.
pub(crate) struct Noise {
    /// How long a command of ours takes that does nothing, from its start to its end.
    pub(crate) starts: Vec<f64>,
    /// How long a page takes to the disk, in a file that does not grow.
    pub(crate) waits: Vec<f64>,
}

impl Noise {
    /// Where this stage is.
    pub(crate) fn at(stage: &Stage) -> Self {
        let mut page = File::create(stage.path("page")).unwrap();
        page.write_all(&PAGE).unwrap();
        page.sync_all().unwrap();
        let allswell = stage.installed("allswell");
        let start = || assert!(Command::new(&allswell).arg("--version").stdout(Stdio::null()).status().unwrap().success());
        let mut wait = || {
            page.rewind().unwrap();
            page.write_all(&PAGE).unwrap();
            page.sync_data().unwrap();
        };
        Self { starts: sorted((0..TIMES).map(|_| took(start))), waits: sorted((0..TIMES).map(|_| took(&mut wait))) }
    }
}

fn took(what: impl FnOnce()) -> f64 {
    let began = clock::elapsed();
    what();
    ms(clock::elapsed().saturating_sub(began))
}
