//! What a part says while it runs.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;

use crate::domain::plain::{one_line, plain};

/// Writes log lines to stderr, `info` and above unless `ALLSWELL_LOG` says otherwise. Colour only on a terminal. Call once.
pub fn init() {
    let filter = EnvFilter::try_from_env("ALLSWELL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(is_coloured()).with_target(false);
    // A second call leaves the first one's choice.
    let _ = subscriber.fmt_fields(fields()).with_writer(stderr).try_init();
}

/// Writes log lines to stderr, `info` and above. Without [`init`]'s filters, for the heartbeat: what they need makes it half as large again.
/// Call once.
pub fn init_plain() {
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(is_coloured()).with_target(false);
    // A second call leaves the first one's choice.
    let _ = subscriber.fmt_fields(fields()).with_writer(stderr).try_init();
}

fn is_coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// The message, and `name=value`: no value ends a line or is obeyed by a terminal, whoever has written it.
fn fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    let write = |out: &mut tracing_subscriber::fmt::format::Writer<'_>, field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(out, "{}", plain(&value)),
            name => write!(out, "{name}={}", one_line(&value)),
        }
    };
    debug_fn(write).delimited(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_value_ends_no_line_and_commands_no_terminal() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_target(false).fmt_fields(fields());
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(reason = %"a\u{1b}[2J\nb", check = "x\u{7}", times = 3, "told of {}", "y\u{9b}");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with(" INFO told of y\u{fffd} reason=a␛[2J b check=\"x\\u{7}\" times=3\n"), "{text:?}");
    }
}
