//! `allswell scroll`: the demo app, a page whose scroll position is kept in step for everyone who views it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::conduct::Orders;
use self::room::Room;
use super::role::told_to_end;
use crate::net::listen;
use crate::telemetry::logging;

pub mod conduct;
mod page;
mod room;

/// A message is a number and a few letters.
const LARGEST_MESSAGE: usize = 1_024;

/// The demo app: everyone who views its page scrolls together
#[derive(Debug, Clone, clap::Args)]
#[command(disable_version_flag = true)]
pub struct ScrollArgs {
    /// Where it listens
    #[arg(long, env = "PORT")]
    port: u16,
    /// On which address
    #[arg(long, default_value = "127.0.0.1", value_name = "IP")]
    bind: String,
    /// Which colour it shows
    #[arg(long, env = "ALLSWELL_COLOUR", default_value = "grey")]
    colour: String,
    /// Which version it shows
    #[arg(long, env = "ALLSWELL_VERSION", default_value = "")]
    version: String,
    /// The Unix socket on which `allswell demo` tells it to misbehave
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
}

/// Runs the demo app until SIGTERM, SIGINT or SIGHUP. Exit codes: 0 ended as told, 1 failed.
#[must_use]
pub fn run(args: &ScrollArgs) -> ExitCode {
    logging::init();
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")
        .and_then(|runtime| runtime.block_on(serve(args)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &ScrollArgs) -> anyhow::Result<()> {
    let shutdown = told_to_end()?;
    let (listener, address) = listen::tcp("the demo app", &format!("{}:{}", args.bind, args.port)).await?;
    let orders = Orders::new();
    if let Some(socket) = &args.control {
        take_orders(socket, orders.clone()).await;
    }
    tracing::info!(colour = args.colour, version = args.version, %address, "the demo app listens");
    let room = Room::new(&args.colour, &args.version);
    let (closing, last_orders) = (Arc::clone(&room), orders.clone());
    let end = async move {
        shutdown.await;
        last_orders.release();
        closing.close().await;
    };
    axum::serve(listener, router(args, &room, orders)).with_graceful_shutdown(end).await?;
    if let Some(socket) = &args.control {
        // The next instance replaces it anyway.
        let _ = std::fs::remove_file(socket);
    }
    Ok(())
}

/// An instance that gets no orders still serves.
async fn take_orders(socket: &std::path::Path, orders: Orders) {
    match Orders::listen(socket).await {
        Ok(listener) => drop(tokio::spawn(orders.take(listener))),
        Err(error) => tracing::warn!("no orders to misbehave are taken: {error}"),
    }
}

fn router(args: &ScrollArgs, room: &Arc<Room>, orders: Orders) -> Router {
    let page = page::page(&args.colour, &args.version);
    let who = format!("{} {}\n", args.colour, args.version);
    let room = Arc::clone(room);
    let enter = move |upgrade: WebSocketUpgrade| async move {
        upgrade.max_message_size(LARGEST_MESSAGE).on_upgrade(move |socket| room.view(socket))
    };
    Router::new()
        .route("/", get(move || async move { text("text/html; charset=utf-8", page) }))
        .route("/app.css", get(|| async { text("text/css; charset=utf-8", page::STYLE) }))
        .route("/app.js", get(|| async { text("text/javascript; charset=utf-8", page::SCRIPT) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/whoami", get(move || async move { who }))
        .route("/room", get(enter))
        .layer(from_fn_with_state(orders, Orders::obey))
}

fn text(kind: &'static str, body: impl Into<String>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'none'"),
    ];
    (headers, body.into()).into_response()
}
