//! Whatever pings healthchecks pings us: curl in a crontab, runitor, plug-ins.

mod counting;
mod making;
mod stage;
mod urls;
