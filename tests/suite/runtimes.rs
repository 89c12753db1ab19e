//! Stories of `[runtime] kind = "command"`: real scripts that start and stop the demo app, behind a real proxy and a real prober.

mod deploys;
mod failures;
mod logs;
mod overtaken;
mod scales;
mod stage;
