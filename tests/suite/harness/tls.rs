//! A real TLS server under a name, vouched for by an authority of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Host, Process};

/// `openssl s_server`: answers every GET by a page.
pub(crate) struct Tls {
    /// The authority's certificate, for `SSL_CERT_FILE`.
    pub(crate) authority: PathBuf,
    _server: Process,
}

impl Tls {
    /// Listens on port 443 in the network of a container, by its process id; the certificate is for `name`.
    pub(crate) fn in_network_of(host: &Host, pid: &str, name: &str) -> Self {
        let [authority, authority_key, request, certificate, key, extensions] =
            ["ca.pem", "ca.key", "server.csr", "server.pem", "server.key", "server.ext"].map(|file| host.path(file));
        let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        openssl(
            &[&["req", "-x509", "-days", "2", "-subj", "/CN=authority"], &new_key[..]].concat(),
            &[("-keyout", &authority_key), ("-out", &authority)],
        );
        openssl(&[&["req", "-subj", "/CN=server"], &new_key[..]].concat(), &[("-keyout", &key), ("-out", &request)]);
        std::fs::write(&extensions, format!("subjectAltName=DNS:{name}\nbasicConstraints=critical,CA:FALSE\n")).expect("a file");
        let signing =
            [("-in", &request), ("-CA", &authority), ("-CAkey", &authority_key), ("-extfile", &extensions), ("-out", &certificate)];
        openssl(&["x509", "-req", "-days", "2", "-CAcreateserial"], &signing);
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{pid}/ns/net"))
            .args(["openssl", "s_server", "-quiet", "-www", "-accept", "443"])
            .arg("-cert")
            .arg(&certificate)
            .arg("-key")
            .arg(&key);
        Self { authority, _server: Process::start(&mut command, &host.path("s_server.log")) }
    }
}

/// A certificate that vouches for itself, `STEM.pem`, and its key, `STEM.key`: for a name, `DNS:shop.example`, or an address, `IP:127.0.0.1`.
pub(crate) fn self_signed(stem: &Path, of: &str, days: u32) {
    let (days, name) = (days.to_string(), format!("subjectAltName={of}"));
    let words = ["req", "-x509", "-subj", "/CN=story", "-addext", &name, "-addext", "basicConstraints=critical,CA:FALSE"];
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", &days];
    let [key, certificate] = ["key", "pem"].map(|end| stem.with_extension(end));
    openssl(&[&words[..], &new_key].concat(), &[("-keyout", &key), ("-out", &certificate)]);
}

fn openssl(words: &[&str], files: &[(&str, &PathBuf)]) {
    let mut command = Command::new("openssl");
    command.args(words);
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    let made = command.output().expect("openssl is installed");
    assert!(made.status.success(), "{command:?}: {}", String::from_utf8_lossy(&made.stderr));
}
