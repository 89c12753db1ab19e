//! HMAC-SHA256: signed beats, and the signatures of the Standard Webhooks scheme.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::{Builder, Uuid};

/// The header that names the key.
pub const KEY_ID_HEADER: &str = "x-allswell-key-id";
/// The header that carries the signature, in hexadecimal.
pub const SIGNATURE_HEADER: &str = "x-allswell-signature";

/// Twelve hexadecimal digits that are others for another text.
#[must_use]
pub fn fingerprint(text: &str) -> String {
    hex(Sha256::digest(text.as_bytes()).get(..6).unwrap_or_default())
}

/// A webhook's key that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the signing key begins with whsec_, but what follows is not base64: copy it again, whole")]
pub struct NotAKey;

/// A key shared by those who sign and those who verify.
#[derive(Clone)]
pub struct Key {
    id: String,
    /// It has the secret, and nothing else yet.
    keyed: Option<Hmac<Sha256>>,
}

impl Key {
    /// A key from its text. Its id is derived from it, and tells nothing about it.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let digest = Sha256::digest([b"allswell key id ".as_slice(), secret.as_bytes()].concat());
        Self { id: hex(digest.get(..8).unwrap_or_default()), keyed: keyed(secret.as_bytes()) }
    }

    /// The key of a webhook's receiver: what begins with `whsec_` is base64, as the Standard Webhooks scheme says; anything else is taken as it is.
    ///
    /// # Errors
    /// Where the text after `whsec_` is not base64.
    pub fn webhook(secret: &str) -> Result<Self, NotAKey> {
        let Some(encoded) = secret.strip_prefix("whsec_") else { return Ok(Self::new(secret)) };
        let decoded = STANDARD.decode(encoded).map_err(|_| NotAKey)?;
        Ok(Self { keyed: keyed(&decoded), ..Self::new(secret) })
    }

    /// Which key this is: 16 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs a request: hexadecimal HMAC-SHA256 over method, path and body, each ended by a line end but the body.
    #[must_use]
    pub fn sign(&self, method: &str, path: &str, body: &[u8]) -> String {
        hex(&self.mac(&[method.as_bytes(), b"\n", path.as_bytes(), b"\n", body]))
    }

    /// Whether the signature is this key's for the request, in constant time.
    #[must_use]
    pub fn verify(&self, method: &str, path: &str, body: &[u8], signature: &str) -> bool {
        same(&self.sign(method, path, body), signature)
    }

    /// The `webhook-signature` of the Standard Webhooks scheme: `v1,` and base64 HMAC-SHA256 over `id.timestamp.body`.
    #[must_use]
    pub fn webhook_signature(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mac = self.mac(&[id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body]);
        format!("v1,{}", STANDARD.encode(mac))
    }

    /// The ping address of the check with this slug: the same on every host that has this key, and guessed by nobody who has it not.
    #[must_use]
    pub fn uuid(&self, slug: &str) -> Uuid {
        let mac = self.mac(&[b"allswell check ", slug.as_bytes()]);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(mac).for_each(|(byte, of_mac)| *byte = of_mac);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    fn mac(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let Some(mut mac) = self.keyed.clone() else { return Vec::new() };
        for piece in pieces {
            mac.update(piece);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

/// HMAC takes a key of any length: there is always one.
fn keyed(secret: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(secret).ok()
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// Whether two tokens are the same, in constant time.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A new token of 256 random bits, in hexadecimal.
#[must_use]
pub fn new_token() -> String {
    hex(&rand::random::<[u8; 32]>())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |at: u8| char::from(DIGITS[usize::from(at & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_method_path_and_body() {
        let key = Key::new("secret");
        let signature = key.sign("POST", "/v1/beat", b"{}");
        assert!(key.verify("POST", "/v1/beat", b"{}", &signature));
        assert!(!key.verify("PUT", "/v1/beat", b"{}", &signature));
        assert!(!key.verify("POST", "/v1/beats", b"{}", &signature));
        assert!(!key.verify("POST", "/v1/beat", b"{ }", &signature));
        assert!(!Key::new("other").verify("POST", "/v1/beat", b"{}", &signature));
        assert_eq!(key.id().len(), 16);
        assert_ne!(new_token(), new_token());
    }

    #[test]
    fn a_check_s_address_is_made_of_its_slug_and_the_key() {
        let uuid = Key::new("secret").uuid("backup");
        assert_eq!(uuid, Key::new("secret").uuid("backup"));
        assert_ne!(uuid, Key::new("secret").uuid("backup2"));
        assert_ne!(uuid, Key::new("other").uuid("backup"));
        assert_eq!(uuid.get_version_num(), 8);
    }

    #[test]
    fn the_webhook_signature_is_that_of_the_published_scheme() {
        // standardwebhooks.com, example: the key is the base64 text after `whsec_`, decoded.
        let key = Key::webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            key.webhook_signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
    #[test]
    fn a_webhook_key_that_is_not_base64_is_refused_and_one_without_the_prefix_is_taken_as_it_is() {
        assert!(Key::webhook("whsec_not base64").is_err());
        let (plain, key) = (Key::webhook("plain").unwrap(), Key::new("plain"));
        assert_eq!(plain.webhook_signature("id", 1, b"{}"), key.webhook_signature("id", 1, b"{}"));
    }
}
