//! The sender, and the wrapper around a container's command.
