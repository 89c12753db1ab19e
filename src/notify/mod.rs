//! One file a channel: notice to receipt, or an error that says whether to try again. Channels try once.

mod alertmanager;
mod answer;
mod channel;
mod command;
mod email;
mod further;
mod message;
mod ntfy;
mod pagerduty;
mod receipt;
mod settings;
mod slack;
mod slack_bot;
mod webhook;

pub use channel::Channel;
pub use receipt::{ChannelError, Receipt, SendError};
pub use settings::{ChannelKind, ChannelSettings, EmailSettings, EmailTls};
