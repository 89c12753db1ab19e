//! A beat on its way to a watcher.

use reqwest::{Client, IntoUrl, RequestBuilder};

use crate::signing::{KEY_ID_HEADER, Key, SIGNATURE_HEADER};

/// Where a watcher takes beats, and the path that is signed, whatever stands before it in the watcher's URL.
pub const PATH: &str = "/v1/beat";

/// A beat as JSON, signed: the same to every watcher, and the same again where it was not taken.
#[derive(Debug, Clone)]
pub struct Parcel {
    json: Vec<u8>,
    key_id: String,
    signature: String,
}

impl Parcel {
    /// Signs it.
    #[must_use]
    pub fn new(json: Vec<u8>, key: &Key) -> Self {
        Self { key_id: key.id().to_owned(), signature: key.sign("POST", PATH, &json), json }
    }

    /// The request that takes it to this URL, [`PATH`] included.
    pub fn to(&self, client: &Client, url: impl IntoUrl) -> RequestBuilder {
        let request = client.post(url).header("content-type", "application/json");
        request.header(KEY_ID_HEADER, &self.key_id).header(SIGNATURE_HEADER, &self.signature).body(self.json.clone())
    }
}
