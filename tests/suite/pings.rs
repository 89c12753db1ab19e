//! Whatever pings healthchecks pings us: curl in a crontab, runitor, plug-ins; and what is kept of it.

mod alertmanager;
mod api;
mod counting;
mod keys;
mod limits;
mod making;
mod signatures;
mod stage;
mod urls;
