//! A listener's certificate: read from two files, and read again when they change.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::expiry::not_after;
use crate::domain::moment::Moment;
use crate::files::StateDir;
use crate::settings::Section;

/// A listener's certificate, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the listener's own first. Read again when it changes.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate that ends in fewer days is warned of.
const SOON_DAYS: i64 = 14;

/// Why a certificate cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the certificate {certificate} with the key {key} cannot be used: {why}")]
pub struct TlsError {
    certificate: String,
    key: String,
    why: String,
}

/// The certificate that clients are shown now.
#[derive(Debug)]
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    shown: RwLock<Shown>,
    /// The files as they were when they were last looked at, and what was wrong with them then.
    looked: Mutex<(Stamp, Option<String>)>,
}

#[derive(Debug, Clone)]
struct Shown {
    key: Arc<CertifiedKey>,
    ends: Option<Moment>,
}

/// By which a changed file is known: node, size, and time in nanoseconds; none where it is not there.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

/// What came of a look at the files.
#[derive(Debug)]
enum Reload {
    /// They are as they were.
    Same,
    /// Clients are shown the new one from now on.
    Changed,
    /// The new ones cannot be used: clients are shown the old one.
    Refused(TlsError),
}

impl TlsFiles {
    /// Reads a section of both; none where it is not there.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let is_given = section.is_present();
        let mut file = |key| if is_given { PathBuf::from(section.text_required(key)) } else { PathBuf::new() };
        let files = Self { certificate: file("certificate"), key: file("key") };
        section.finish();
        is_given.then_some(files)
    }

    /// Reads both files. A relative path is relative to the state directory.
    ///
    /// # Errors
    /// Where they cannot be read, or do not belong to each other.
    pub fn load(&self, state: &StateDir) -> Result<Arc<Certificate>, TlsError> {
        Certificate::load(&state.join(&self.certificate), &state.join(&self.key))
    }
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// Where they cannot be read, or do not belong to each other.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        // Looked at before it is read: what changes in between is read again.
        let stamp = stamp(certificate, key);
        let shown = read(certificate, key)?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Arc::new(Self { certificate, key, shown: RwLock::new(shown), looked: Mutex::new((stamp, None)) }))
    }

    /// Reads the files again if they have changed, and says in the log what came of it.
    pub fn follow(&self, listener: &str) {
        match self.reload() {
            Reload::Same => {}
            Reload::Changed => tracing::info!(listener, "a new certificate is shown"),
            Reload::Refused(error) => tracing::error!(listener, "{error}; the old one is still shown"),
        }
    }

    fn reload(&self) -> Reload {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp(&self.certificate, &self.key);
        let is_same = looked.0 == stamp;
        // What could not be used is tried again: that it may be read now, or that there is a descriptor to read it by, does not change a file.
        if is_same && looked.1.is_none() {
            return Reload::Same;
        }
        looked.0 = stamp;
        match read(&self.certificate, &self.key) {
            Ok(shown) => {
                looked.1 = None;
                *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
                Reload::Changed
            }
            Err(error) => {
                let why = Some(error.to_string());
                let is_told = is_same && looked.1 == why;
                looked.1 = why;
                if is_told { Reload::Same } else { Reload::Refused(error) }
            }
        }
    }

    /// What somebody should look at; none where all is well.
    #[must_use]
    pub fn warning(&self, listener: &str, now: Moment) -> Option<String> {
        if let Some(trouble) = self.trouble() {
            return Some(format!("{listener}: {trouble}; the old one is still shown"));
        }
        match self.days_left(now) {
            Some(days) if days < 0 => Some(format!("the certificate of the {listener} listener has ended: put a new one in its place")),
            Some(days) if days < SOON_DAYS => {
                Some(format!("the certificate of the {listener} listener ends in {days} days: put a new one in its place"))
            }
            Some(_) | None => None,
        }
    }

    /// Why the files as they are now cannot be used, while that is so.
    fn trouble(&self) -> Option<String> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Whole days until the certificate that is shown ends; negative afterwards.
    #[must_use]
    pub fn days_left(&self, now: Moment) -> Option<i64> {
        const DAY_MS: i64 = 86_400_000;
        let ends = self.shown.read().unwrap_or_else(PoisonError::into_inner).ends?;
        Some((ends.as_millis() - now.as_millis()).div_euclid(DAY_MS))
    }

    /// For a listener that speaks HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// Where the library cannot be set up.
    pub fn server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| refused(&self.certificate, &self.key, error))?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

fn refused(certificate: &Path, key: &Path, why: impl std::fmt::Display) -> TlsError {
    TlsError { certificate: certificate.display().to_string(), key: key.display().to_string(), why: why.to_string() }
}

fn read(certificate: &Path, key: &Path) -> Result<Shown, TlsError> {
    let refused = |why: &dyn std::fmt::Display| refused(certificate, key, why);
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| refused(&format!("the certificate cannot be read: {error}")))?;
    let ends = chain.first().and_then(|own| not_after(own));
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| refused(&format!("the key cannot be read: {error}")))?;
    let key = CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| refused(&error))?;
    Ok(Shown { key: Arc::new(key), ends })
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|path| fs::metadata(path).ok().map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec())))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::clock;

    fn make(folder: &Path, days: u32) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("pem"), folder.join("key"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-subj", "/CN=x", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", &days.to_string(), "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        (certificate, key)
    }

    #[test]
    fn a_new_certificate_is_taken_on_and_a_bad_one_keeps_the_old_and_is_told() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (certificate, key) = make(folder.path(), 10);
        let shown = Certificate::load(&certificate, &key).unwrap();
        assert!(matches!(shown.reload(), Reload::Same));
        assert_eq!(shown.days_left(clock::now()), Some(9));
        make(folder.path(), 30);
        assert!(matches!(shown.reload(), Reload::Changed));
        assert_eq!(shown.days_left(clock::now()), Some(29));
        // The key of another one, and then no key at all.
        fs::copy(make(other.path(), 50).1, &key).unwrap();
        assert!(matches!(shown.reload(), Reload::Refused(_)) && shown.trouble().is_some());
        fs::remove_file(&key).unwrap();
        assert!(matches!(shown.reload(), Reload::Refused(_)));
        assert_eq!(shown.days_left(clock::now()), Some(29), "the old one is shown");
        make(folder.path(), 20);
        assert!(matches!(shown.reload(), Reload::Changed) && shown.trouble().is_none());
    }

    #[test]
    fn what_cannot_be_used_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = make(folder.path(), 10);
        assert!(Certificate::load(&key, &certificate).is_err());
        assert!(Certificate::load(&folder.path().join("none"), &key).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn what_could_not_be_read_is_tried_again_though_its_file_looks_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = make(folder.path(), 10);
        let shown = Certificate::load(&certificate, &key).unwrap();
        make(folder.path(), 30);
        let good = fs::read(&key).unwrap();
        fs::write(&key, vec![b'x'; good.len()]).unwrap();
        assert!(matches!(shown.reload(), Reload::Refused(_)));
        assert!(matches!(shown.reload(), Reload::Same) && shown.trouble().is_some(), "it is said once, and stands");
        let looks = fs::metadata(&key).unwrap().modified().unwrap();
        fs::write(&key, good).unwrap();
        fs::File::options().write(true).open(&key).unwrap().set_modified(looks).unwrap();
        assert!(matches!(shown.reload(), Reload::Changed) && shown.trouble().is_none());
        assert_eq!(shown.days_left(clock::now()), Some(29));
    }
}
