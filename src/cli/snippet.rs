//! `allswell snippet`: what the config of a proxy that is not ours needs.

use clap::Args;
use serde_json::json;

use super::exit::{Exit, Outcome};
use super::operator::Operator;
use super::screen;
use crate::files;
use crate::proxy::{ProxyDriver, snippet};
use crate::release::targets::ORDER_LIMIT;

/// Print what the config of your own proxy needs, and write what it includes
///
/// For nginx, HAProxy or Caddy as the proxy: see docs/proxies.md.
#[derive(Debug, Args)]
pub struct SnippetArgs {}

/// Prints it.
///
/// # Errors
/// Exit code 1 where what it includes cannot be written.
pub fn run(operator: &Operator) -> Outcome {
    let config = operator.config()?;
    let state = operator.options.state_dir()?;
    let driver = ProxyDriver::new(&config.proxy, &config.app, &state, ORDER_LIMIT);
    let token = files::token(&state.probe_token());
    token
        .map(drop)
        .and_then(|()| driver.prepare(config.proxy.first_live))
        .map_err(|error| Exit::Failed.because(format!("what the proxy's config includes cannot be written: {error}")))?;
    let text = snippet(&config.proxy, &config.app, &state);
    if operator.json {
        screen::document(&json!({ "snippet": text }));
        return Ok(Exit::Done);
    }
    match text {
        Some(text) => screen::line(text.trim_end()),
        None => screen::note("the embedded proxy needs nothing: `allswell up` or `allswell proxy` runs it"),
    }
    Ok(Exit::Done)
}
