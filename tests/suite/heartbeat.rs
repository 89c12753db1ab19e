//! Stories about: heartbeat.
