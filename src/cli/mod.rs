//! One file a command.

pub mod exit;
pub mod init;
pub mod logs;
pub mod operator;
pub mod options;
pub mod role;
pub mod root;
pub mod schedule;
pub mod screen;
pub mod tail;
pub mod validate;
