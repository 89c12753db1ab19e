//! Stories about: the watcher's pages.

mod access;
mod acts;
mod hostile;
mod lists;
mod live;
mod looks;
mod public;
mod server;
mod stage;
