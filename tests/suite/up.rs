//! Stories about: up.
