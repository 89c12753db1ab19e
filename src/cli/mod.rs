//! One file a command.

pub mod demo;
pub mod deploy;
pub mod exit;
pub mod history;
pub mod init;
pub mod live;
pub mod logs;
pub mod operator;
pub mod options;
pub mod progress;
pub mod reach;
pub mod role;
pub mod rollback;
pub mod root;
pub mod schedule;
pub mod screen;
pub mod scroll;
pub mod session;
pub mod stop;
pub mod switch;
pub mod tail;
pub mod test_channel;
pub mod toggle;
pub mod up;
pub mod validate;
