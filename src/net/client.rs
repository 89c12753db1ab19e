//! The HTTP client of probes, beats and channels.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, WantsVerifier};

use super::names::Names;

/// TLS sessions that are remembered, to be taken up again: we speak to few servers.
const SESSIONS: usize = 16;

/// Who asks, as a `User-Agent` says it.
pub const OURS: &str = concat!("allswell/", env!("CARGO_PKG_VERSION"));

/// What is said of whoever does not answer in time.
pub const SILENT: &str = "no answer in time";

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}")]
pub struct ClientError(String);

/// The roots that are built in, and those of the file that `SSL_CERT_FILE` names.
///
/// # Errors
/// Where that file cannot be read.
pub fn roots() -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(extra_roots()?);
    Ok(roots)
}

/// The roots of the file that `SSL_CERT_FILE` names, if it names one: those that can be used.
///
/// # Errors
/// Where that file cannot be read.
pub fn extra_roots() -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE") else { return Ok(Vec::new()) };
    let unreadable = |error| ClientError(format!("SSL_CERT_FILE {}: {error}", path.display()));
    let certificates = CertificateDer::pem_file_iter(&path).map_err(|error| unreadable(error.to_string()))?;
    let is_usable = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
    Ok(certificates.filter_map(Result::ok).filter(is_usable).collect())
}

/// A client that follows no redirects, uses no proxy of the environment, and gives up after `timeout`.
///
/// # Errors
/// Where the certificates cannot be read.
pub fn http(timeout: Duration) -> Result<reqwest::Client, ClientError> {
    builder(timeout, tls()?).build().map_err(|error| ClientError(error.to_string()))
}

/// As [`http`], with a connection of its own for every request.
///
/// # Errors
/// Where the certificates cannot be read.
pub fn fresh(timeout: Duration) -> Result<reqwest::Client, ClientError> {
    builder(timeout, tls()?).pool_max_idle_per_host(0).build().map_err(|error| ClientError(error.to_string()))
}

/// As [`fresh`], to a listener of ours that is known by where it is: whatever certificate it shows is taken.
///
/// # Errors
/// Where the library cannot be set up.
pub fn to_our_own(timeout: Duration) -> Result<reqwest::Client, ClientError> {
    let verifier = KnownByPlace(Arc::new(rustls::crypto::ring::default_provider()));
    let tls = with_versions()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    builder(timeout, tls).pool_max_idle_per_host(0).build().map_err(|error| ClientError(error.to_string()))
}

/// Takes any certificate, of a server that has its key.
#[derive(Debug)]
struct KnownByPlace(Arc<CryptoProvider>);

impl ServerCertVerifier for KnownByPlace {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// One TLS config for all clients of a process: its parts are shared by its clones, and each would cost 100 kB.
fn tls() -> Result<ClientConfig, ClientError> {
    static SHARED: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(shared) = SHARED.get() {
        return Ok(shared.clone());
    }
    let mut tls = with_versions()?.with_root_certificates(roots()?).with_no_client_auth();
    tls.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(SHARED.get_or_init(|| tls).clone())
}

fn with_versions() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| ClientError(error.to_string()))
}

fn builder(timeout: Duration, tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(Names))
        .timeout(timeout)
        .user_agent(OURS)
}

/// What went wrong with a request, in the user's words and without its URL, which may be a secret.
#[must_use]
pub fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return SILENT.to_owned();
    }
    root_words(&error)
}

/// What lies at the bottom of an error, in the user's words.
#[must_use]
pub fn root_words(error: &(dyn std::error::Error + 'static)) -> String {
    let cause = root(error);
    cause.downcast_ref::<std::io::Error>().map_or_else(|| cause.to_string(), io_words)
}

fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause
}

/// Whether somebody is behind this error: who refuses, resets or talks nonsense is there. A name that does not resolve and a time that ran
/// out are silence.
#[must_use]
pub fn is_answer(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind;
    if error.is_timeout() {
        return false;
    }
    root(error).downcast_ref::<std::io::Error>().is_none_or(|io| {
        matches!(
            io.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        )
    })
}

/// `connection refused`, without the error's number.
#[must_use]
pub fn io_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset => "connection reset".to_owned(),
        ErrorKind::TimedOut => SILENT.to_owned(),
        ErrorKind::UnexpectedEof => "connection closed before the answer".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_says_what_happened_and_not_where() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let client = http(Duration::from_secs(2)).unwrap();
        let error = client.get(format!("http://{address}/secret")).send().await.unwrap_err();
        assert!(is_answer(&error), "it is there");
        assert_eq!(explain(error), "connection refused");
        let nowhere = client.get("http://nowhere.invalid/").send().await.unwrap_err();
        assert!(!is_answer(&nowhere), "{nowhere:?}");
    }
}
