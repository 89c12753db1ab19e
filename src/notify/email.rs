//! E-mail by SMTP.

use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use lettre::Message as Mail;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter, ServerInfo};
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use uuid::Uuid;

use super::message::{Message, cut};
use super::receipt::{ChannelError, Receipt, SendError};
use super::settings::{EmailSettings, EmailTls};
use crate::domain::notice::Notice;
use crate::domain::plain::one_line;
use crate::net::client::{extra_roots, io_words};

/// Longer ids are replaced by a digest: mail programs differ in what they take.
const LONGEST_ID: usize = 180;
/// A receipt is for reading, as an error is.
const LONGEST_WORDS: usize = 600;
/// A server has so long to answer to a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// An SMTP server, and whom to write to.
pub(super) struct Email {
    from: Mailbox,
    to: Vec<Mailbox>,
    server: Server,
    /// Made by the first notice: it weighs more than all the rest, and most heartbeats never write.
    security: OnceLock<TlsParameters>,
}

/// How the server is spoken to.
struct Server {
    host: String,
    port: u16,
    tls: EmailTls,
    credentials: Option<Credentials>,
    timeout: Duration,
}

impl Email {
    pub(super) fn new(channel: &str, settings: &EmailSettings, timeout: Duration) -> Result<Self, ChannelError> {
        let wrong = |message: String| ChannelError::Setting(channel.to_owned(), message);
        let address = |text: &String| text.parse::<Mailbox>().map_err(|error| wrong(format!("{text} is not an address: {error}")));
        let (host, port) = split(&settings.server).ok_or_else(|| wrong(format!("{} is not host:port", settings.server)))?;
        if settings.tls != EmailTls::None {
            ServerName::try_from(host).map_err(|_| wrong(format!("{host} is not the name of a host")))?;
            extra_roots().map_err(|error| ChannelError::Client(channel.to_owned(), error))?;
        }
        let credentials = match (&settings.user, &settings.password) {
            (Some(user), Some(password)) => {
                let password = password.reveal().map_err(|error| ChannelError::Secret(channel.to_owned(), error))?;
                Some(Credentials::new(user.clone(), password))
            }
            _ => None,
        };
        Ok(Self {
            from: address(&settings.from)?,
            to: settings.to.iter().map(address).collect::<Result<_, _>>()?,
            server: Server { host: host.to_owned(), port, tls: settings.tls, credentials, timeout },
            security: OnceLock::new(),
        })
    }

    /// Done when the server has taken the message for every receiver that it knows.
    pub(super) async fn send(&self, notice: &Notice) -> Result<Receipt, SendError> {
        let mail = self.mail(notice)?;
        let mut connection = self.connect().await?;
        let sent = hand_over(&mut connection, mail.envelope(), &mail.formatted()).await;
        // Taken is taken: nobody waits for what the server says to a goodbye.
        tokio::spawn(async move { timeout(GOODBYE, connection.abort()).await });
        sent
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let failed = |error: lettre::transport::smtp::Error| judge(&error);
        let Server { host, port, tls, credentials, timeout } = &self.server;
        let (at_once, later) = match tls {
            EmailTls::None => (None, None),
            EmailTls::Tls => (Some(self.security()?), None),
            EmailTls::Starttls => (None, Some(self.security()?)),
        };
        let us = ClientId::default();
        let place = (host.as_str(), *port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(place, Some(*timeout), &us, at_once, None).await.map_err(failed)?;
        if let Some(security) = later {
            connection.starttls(security, &us).await.map_err(failed)?;
        }
        if let Some(credentials) = credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(failed)?;
        }
        Ok(connection)
    }

    fn security(&self) -> Result<TlsParameters, SendError> {
        if let Some(security) = self.security.get() {
            return Ok(security.clone());
        }
        let made = security(&self.server.host).map_err(SendError::retry)?;
        Ok(self.security.get_or_init(|| made).clone())
    }

    fn mail(&self, notice: &Notice) -> Result<Mail, SendError> {
        let message = Message::of(notice);
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(notice.at.as_millis()).unwrap_or(0));
        let mut mail = Mail::builder().from(self.from.clone()).subject(&message.headline).date(at);
        for receiver in &self.to {
            mail = mail.to(receiver.clone());
        }
        // What is told of one incident stands together in the mail program; no machine answers it.
        let domain = self.from.email.domain();
        mail = mail.message_id(Some(message_id(&notice.key, domain))).references(message_id(&notice.subject.incident, domain));
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        mail = mail.raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let text = format!("{}\n\n{}\n", message.headline, message.text());
        mail.multipart(MultiPart::alternative_plain_html(text, html(&message))).map_err(|error| SendError::permanent(error.to_string()))
    }
}

/// Host and port; an IPv6 address stands in brackets.
fn split(server: &str) -> Option<(&str, u16)> {
    let (host, port) = server.rsplit_once(':')?;
    let host = host.strip_prefix('[').map_or(host, |rest| rest.trim_end_matches(']'));
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}

fn security(host: &str) -> Result<TlsParameters, String> {
    let mut parameters = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    for root in extra_roots().map_err(|error| error.to_string())? {
        parameters = parameters.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(|error| words(&error))?);
    }
    parameters.build_rustls().map_err(|error| words(&error))
}

/// Gives one message to the server, by RFC 5321. A receiver who is refused for good keeps it from nobody else: the receipt names who was.
async fn hand_over(connection: &mut AsyncSmtpConnection, envelope: &Envelope, mail: &[u8]) -> Result<Receipt, SendError> {
    let failed = |error: lettre::transport::smtp::Error| judge(&error);
    let parameters = parameters(connection.server_info(), envelope, mail)?;
    connection.command(commands::Mail::new(envelope.from().cloned(), parameters)).await.map_err(failed)?;
    let mut refused = Vec::new();
    for receiver in envelope.to() {
        match connection.command(commands::Rcpt::new(receiver.clone(), Vec::new())).await {
            Ok(_) => {}
            Err(error) if error.is_permanent() => refused.push(format!("{receiver} {}", words(&error))),
            Err(error) => return Err(judge(&error)),
        }
    }
    let refused_all = refused.len() == envelope.to().len();
    let refused = refused.join("; ");
    if refused_all {
        return Err(SendError::permanent(cut(&refused, LONGEST_WORDS)));
    }
    connection.command(commands::Data).await.map_err(failed)?;
    let taken = connection.message(mail).await.map_err(failed)?;
    let said = format!("{} {}", taken.code(), taken.first_line().unwrap_or_default());
    let said = cut(said.trim(), 200);
    if refused.is_empty() {
        return Ok(Receipt(said));
    }
    tracing::warn!(refused, "a mail was taken, but not for everybody");
    Ok(Receipt(cut(&format!("{said}; but not for {refused}"), LONGEST_WORDS)))
}

/// What the server must be able to do for this message, and is told.
fn parameters(server: &ServerInfo, envelope: &Envelope, mail: &[u8]) -> Result<Vec<MailParameter>, SendError> {
    let mut addresses = envelope.from().into_iter().chain(envelope.to());
    let needed = [
        (addresses.any(|address| !address.to_string().is_ascii()), Extension::SmtpUtfEight, MailParameter::SmtpUtfEight),
        (!mail.is_ascii(), Extension::EightBitMime, MailParameter::Body(MailBodyParameter::EightBitMime)),
    ];
    let mut parameters = Vec::new();
    for (_, extension, parameter) in needed.into_iter().filter(|(is_needed, _, _)| *is_needed) {
        if !server.supports_feature(extension) {
            return Err(SendError::retry(format!("the server does not know {extension}, which the addresses or the words need")));
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

/// 5.x.x is for good; anything else may pass.
fn judge(error: &lettre::transport::smtp::Error) -> SendError {
    if error.is_permanent() { SendError::permanent(words(error)) } else { SendError::retry(words(error)) }
}

/// What the server said, or what the network did.
fn words(error: &lettre::transport::smtp::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let said = cause.downcast_ref::<std::io::Error>().map_or_else(|| cause.to_string(), io_words);
    let said: String = one_line(&said).chars().take(300).collect();
    match error.status() {
        Some(code) => format!("answered {code}: {said}"),
        None => said,
    }
}

/// A key as the id of a message (RFC 5322): letters, digits and dashes stay, the rest is written as `=HH`.
fn message_id(key: &str, domain: &str) -> String {
    let mut local = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-/_".contains(&byte) {
            local.push(char::from(byte));
        } else {
            local.push_str(&format!("={byte:02X}"));
        }
    }
    if local.is_empty() || local.len() > LONGEST_ID {
        local = Uuid::new_v5(&Uuid::NAMESPACE_URL, key.as_bytes()).to_string();
    }
    // A domain that is not ASCII would make the id none.
    let domain = if domain.is_ascii() { domain } else { "allswell.invalid" };
    format!("<{local}@{domain}>")
}

fn html(message: &Message) -> String {
    let row = |label: &str, value: &str| format!("<tr><th align=\"left\" valign=\"top\">{label}</th><td>{}</td></tr>", escape(value));
    let mut rows: Vec<String> = message.facts.iter().map(|(label, value)| row(label, value)).collect();
    rows.push(row("Why", &message.reason));
    if !message.also.is_empty() {
        rows.push(row("Also", &message.also.join(", ")));
    }
    rows.extend(message.url.as_deref().map(|url| row("Look", url)));
    rows.push(row("Type", &message.command));
    format!(
        "<!doctype html><html><body><h2>{}</h2><table cellpadding=\"4\">{}</table></body></html>",
        escape(&message.headline),
        rows.concat()
    )
}

fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    escaped.replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::notice;
    use super::*;

    fn email() -> Email {
        let settings = EmailSettings {
            server: "127.0.0.1:25".into(),
            tls: EmailTls::None,
            user: None,
            password: None,
            from: "allswell <allswell@shop.example>".into(),
            to: vec!["ops@shop.example".into(), "chief@shop.example".into()],
        };
        Email::new("mail", &settings, Duration::from_secs(1)).unwrap()
    }

    #[test]
    fn a_mail_has_the_notices_key_as_id_and_the_headline_as_subject() {
        let mail = String::from_utf8(email().mail(&notice()).unwrap().formatted()).unwrap();
        for line in [
            "Message-ID: <blue-1795410000000/check=2Edown/ops@shop.example>\r\n",
            "References: <blue-1795410000000@shop.example>\r\n",
            "Subject: shop: blue (live) is not working\r\n",
            "To: ops@shop.example, chief@shop.example\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Date: Mon, 23 Nov 2026 05:00:12 +0000\r\n",
            "Type: allswell logs blue",
        ] {
            assert!(mail.contains(line), "{line}\n{mail}");
        }
        assert!(mail.contains("text/plain") && mail.contains("text/html") && mail.contains("multipart/alternative"), "{mail}");
    }

    #[test]
    fn no_header_and_no_markup_can_be_injected() {
        let mut about = notice();
        about.subject.app = "<b>shop\r\nBcc: all@shop.example".into();
        about.reason = "<script>alert(1)</script>".into();
        let mail = String::from_utf8(email().mail(&about).unwrap().formatted()).unwrap();
        assert!(!mail.contains("\nBcc:"), "{mail}");
        let html = html(&Message::of(&about));
        assert!(html.contains("&lt;script&gt;") && html.contains("&lt;b&gt;") && !html.contains("<b>"), "{html}");
    }

    #[test]
    fn an_id_is_a_valid_one_and_no_two_are_the_same() {
        let long = "x".repeat(400);
        for key in ["nightly backup-1/check.down/ops", "ä@b>", "", long.as_str()] {
            let id = message_id(key, "shop.example");
            let local = id.strip_prefix('<').and_then(|id| id.strip_suffix("@shop.example>")).unwrap();
            assert!(!local.is_empty() && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/_=".contains(&byte)), "{id}");
        }
        assert_ne!(message_id("a b", "x"), message_id("a=20b", "x"));
        assert_eq!(message_id("a", "bücher.example"), "<a@allswell.invalid>");
    }

    #[test]
    fn a_server_is_a_host_and_a_port() {
        assert_eq!(split("mail.example.org:587"), Some(("mail.example.org", 587)));
        assert_eq!(split("[::1]:25"), Some(("::1", 25)));
        for wrong in ["mail.example.org", ":25", "mail:x", "mail:99999"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_told_by_name() {
        let settings =
            EmailSettings { server: "h:25".into(), tls: EmailTls::None, user: None, password: None, from: "me".into(), to: vec![] };
        let error = Email::new("mail", &settings, Duration::from_secs(1)).err().unwrap().to_string();
        assert!(error.contains("channel \"mail\"") && error.contains("me is not an address"), "{error}");
    }
}
