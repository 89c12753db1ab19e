//! Stories about: switch.
