//! What a part says while it runs.

use tracing_subscriber::EnvFilter;

/// Writes log lines to stderr, `info` and above unless `ALLSWELL_LOG` says otherwise. Colour only on a terminal. Call once.
pub fn init() {
    use std::io::IsTerminal;
    let filter = EnvFilter::try_from_env("ALLSWELL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_target(false).with_writer(std::io::stderr);
    // A second call leaves the first one's choice.
    let _ = subscriber.try_init();
}

/// The same without filters, for the heartbeat: what they would need makes it half as large again. Call once.
pub fn init_plain() {
    use std::io::IsTerminal;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(colour).with_target(false);
    // A second call leaves the first one's choice.
    let _ = subscriber.with_writer(std::io::stderr).try_init();
}
