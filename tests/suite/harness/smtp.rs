//! A real SMTP server: aiosmtpd (Debian: python3-aiosmtpd), as a process of its own.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::{Host, Process, eventually, listen};

/// Writes each message to `DIRECTORY/N.json`. Receivers named `gone` and `busy` are refused, for good and for now.
const SERVER: &str = r#"
import asyncio, json, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

address, port, directory, certificate, password = sys.argv[1:6]

class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, receiver, options):
        if receiver.startswith("gone"):
            return "550 5.1.1 no such user"
        if receiver.startswith("busy"):
            return "451 4.3.0 not now"
        envelope.rcpt_tos.append(receiver)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                "signed_in": bool(session.authenticated), "data": envelope.content.decode("utf-8", "replace")}
        path = os.path.join(directory, "%d.json" % Handler.count)
        with open(path + ".new", "w") as file:
            json.dump(mail, file)
        os.rename(path + ".new", path)
        return "250 2.0.0 taken"

def is_known(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"ops" and data.password == password.encode(), handled=False)

def protocol():
    options = {"tls_context": context, "require_starttls": True} if context else {"auth_require_tls": False}
    if password:
        options.update(authenticator=is_known, auth_required=True)
    return SMTP(Handler(), **options)

context = None
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(loop.create_server(protocol, address, int(port)))
loop.run_forever()
"#;

/// What the server must be like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demands {
    /// STARTTLS, by a certificate that [`Smtp::certificate`] names.
    pub(crate) starttls: bool,
    /// The user `ops` must sign in with this password.
    pub(crate) password: Option<&'static str>,
}

/// The server.
pub(crate) struct Smtp {
    address: String,
    directory: PathBuf,
    certificate: PathBuf,
    _process: Process,
}

impl Smtp {
    /// Starts at port 2525 of the host, and waits until it listens.
    pub(crate) async fn start(host: &Host, demands: Demands) -> Self {
        let (directory, certificate) = (host.path("mail"), host.path("smtp.pem"));
        std::fs::create_dir(&directory).expect("a directory");
        if demands.starttls {
            make_certificate(host, &certificate);
        }
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-W", "ignore", "-c", SERVER, &host.ip, "2525"]).arg(&directory);
        command.arg(if demands.starttls { certificate.as_os_str() } else { "".as_ref() }).arg(demands.password.unwrap_or_default());
        let process = Process::start(&mut command, &host.path("smtp.log"));
        let address = host.at(2525);
        eventually("the SMTP server listens (it needs python3-aiosmtpd)", || async { TcpStream::connect(&address).await.ok() }).await;
        Self { address, directory, certificate, _process: process }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The certificate that it shows, to be trusted by `SSL_CERT_FILE`.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.certificate.clone()
    }

    /// The messages that it took, in order: `from`, `to`, `tls`, `signed_in`, `data`.
    pub(crate) fn taken(&self) -> Vec<Value> {
        let read = |number: usize| std::fs::read_to_string(self.directory.join(format!("{number}.json"))).ok();
        (1..).map_while(read).map(|text| serde_json::from_str(&text).expect("it writes JSON")).collect()
    }
}

fn make_certificate(host: &Host, path: &std::path::Path) {
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=smtp",
    ]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-addext", &format!("subjectAltName=IP:{}", host.ip)]);
    let made = command.arg("-keyout").arg(path).arg("-out").arg(path.with_extension("crt")).output().expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let certificate = std::fs::read(path.with_extension("crt")).expect("openssl wrote it");
    let key = std::fs::read(path).expect("openssl wrote it");
    std::fs::write(path, [key, certificate].concat()).expect("a file");
}

/// A server that accepts connections and says nothing, until it is dropped.
pub(crate) async fn mute(address: &str) -> TcpListener {
    // The kernel accepts into the backlog; nobody has to.
    listen(address).await
}
