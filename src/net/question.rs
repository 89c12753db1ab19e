//! What a part, or the command line, asks of a watcher: signed by the key that signs beats, so that it is answered wherever it comes from.

use reqwest::{Client, RequestBuilder};

use crate::clock;
use crate::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};

/// Everything at a glance.
pub const OVERVIEW: &str = "/v1/overview";
/// The header that says when a question was signed, in RFC 3339; the signature covers it in place of a body.
pub const SIGNED_AT_HEADER: &str = "x-allswell-signed-at";

/// Asks the watcher at this URL for everything at a glance. Without a key, only one on this machine answers.
pub fn overview(client: &Client, watcher: &str, key: Option<&Key>) -> RequestBuilder {
    let request = client.get(format!("{}{OVERVIEW}", watcher.trim_end_matches('/')));
    let Some(key) = key else { return request };
    let at = clock::now().to_string();
    let signature = key.sign("GET", OVERVIEW, at.as_bytes());
    request.header(KEY_ID_HEADER, key.id()).header(SIGNATURE_HEADER, signature).header(SIGNED_AT_HEADER, at)
}
