//! Stories about: watcher.
