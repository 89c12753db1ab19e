//! `allswell-proxy probe` and its like: whether the part beside us is well, for its container's health check.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use super::options::Options;
use crate::config::Config;
use crate::domain::plain::one_line;
use crate::heartbeat::probe_our_own;

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks the part's own listener, which its config names, for this path. Exit codes: 0 well, 1 not, 2 wrong config.
#[expect(clippy::print_stdout, reason = "a container's health check keeps what is printed")]
pub(super) fn run(options: &Options, listener: impl FnOnce(&Config) -> (&'static str, &str, &'static str)) -> ExitCode {
    let (scheme, address, path) = match options.load() {
        Ok(loaded) => {
            let (scheme, address, path) = listener(&loaded.config);
            (scheme, near(address), path)
        }
        Err(error) => {
            println!("{error}");
            return ExitCode::from(2);
        }
    };
    let answer = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime does not start: {error}"))
        .and_then(|runtime| runtime.block_on(probe_our_own(&format!("{scheme}://{address}{path}"), LIMIT)));
    match answer {
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{address}: {}", one_line(&why));
            ExitCode::FAILURE
        }
    }
}

/// Where a listener of this address is reached from beside it.
fn near(address: &str) -> String {
    match address.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(v4)) if v4.ip().is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, v4.port())).to_string(),
        Ok(SocketAddr::V6(v6)) if v6.ip().is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, v6.port())).to_string(),
        Ok(SocketAddr::V4(_) | SocketAddr::V6(_)) | Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_by_loopback() {
        for (address, reached) in [
            ("0.0.0.0:7702", "127.0.0.1:7702"),
            ("[::]:7702", "[::1]:7702"),
            ("10.0.0.7:7702", "10.0.0.7:7702"),
            ("localhost:7702", "localhost:7702"),
        ] {
            assert_eq!(near(address), reached);
        }
    }
}
