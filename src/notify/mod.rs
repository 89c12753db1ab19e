//! One file a channel: notice to receipt, or an error that says whether to try again. Channels try once.

mod settings;

pub use settings::{ChannelKind, ChannelSettings, EmailSettings, EmailTls};
