//! One file a command.

pub mod demo;
pub mod exit;
pub mod init;
pub mod logs;
pub mod operator;
pub mod options;
pub mod role;
pub mod root;
pub mod schedule;
pub mod screen;
pub mod scroll;
pub mod session;
pub mod tail;
pub mod up;
pub mod validate;
