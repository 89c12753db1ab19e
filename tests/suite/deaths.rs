//! Stories about: deaths.
