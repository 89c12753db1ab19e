//! Stories about: channels.
