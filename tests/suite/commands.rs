//! Stories about: commands.
