//! A heartbeat's channel in one word: `NAME=KIND:WHERE`.

use std::time::Duration;

use crate::notify::{ChannelKind, ChannelSettings, EmailSettings, EmailTls};
use crate::settings::Secret;

/// Not a channel, in the user's words. Never repeats where it leads.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "channel {name}: {what}. Write ops=slack:URL, ops=webhook:URL or ops=email:SERVER:PORT,from=ADDRESS,to=ADDRESS; \
         a URL or password may be env:NAME or file:PATH"
)]
pub struct OutletError {
    name: String,
    what: String,
}

/// Reads `NAME=slack:URL`, `NAME=webhook:URL[,signing_key=KEY]` or `NAME=email:SERVER:PORT,from=A,to=B[,to=C][,tls=starttls|tls|none][,user=U,password=P]`.
///
/// # Errors
/// Where it is anything else.
pub fn parse_channel(text: &str) -> Result<ChannelSettings, OutletError> {
    let (name, rest) = text.split_once('=').unwrap_or(("?", ""));
    let wrong = |what: String| OutletError { name: name.to_owned(), what };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(OutletError { name: "?".to_owned(), what: "a name has letters, digits, dots, dashes and underscores".to_owned() });
    }
    let (kind, place) = rest.split_once(':').ok_or_else(|| wrong("a kind and a place are missing".to_owned()))?;
    let kind = match kind {
        "slack" => ChannelKind::Slack { url: secret(place) },
        "webhook" => webhook(place),
        "email" => ChannelKind::Email(email(place).map_err(wrong)?),
        _ => return Err(wrong("its kind is not known: one of slack, webhook, email".to_owned())),
    };
    Ok(ChannelSettings { name: name.to_owned(), kind, fallback: None, say: None, timeout: Duration::from_secs(10) })
}

fn webhook(place: &str) -> ChannelKind {
    match place.split_once(",signing_key=") {
        Some((url, key)) => ChannelKind::Webhook { url: secret(url), signing_key: Some(secret(key)) },
        None => ChannelKind::Webhook { url: secret(place), signing_key: None },
    }
}

fn email(place: &str) -> Result<EmailSettings, String> {
    let mut pieces = place.split(',');
    let server = pieces.next().unwrap_or_default().to_owned();
    let mut settings = EmailSettings { server, tls: EmailTls::Starttls, user: None, password: None, from: String::new(), to: Vec::new() };
    for piece in pieces {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        match (key, value) {
            ("from", from) => settings.from = from.to_owned(),
            ("to", to) => settings.to.push(to.to_owned()),
            ("user", user) => settings.user = Some(user.to_owned()),
            ("password", password) => settings.password = Some(secret(password)),
            ("tls", "starttls") => settings.tls = EmailTls::Starttls,
            ("tls", "tls") => settings.tls = EmailTls::Tls,
            ("tls", "none") => settings.tls = EmailTls::None,
            ("tls", _) => return Err("tls is one of starttls, tls, none".to_owned()),
            _ => return Err("after the server come from, to, tls, user and password".to_owned()),
        }
    }
    match () {
        () if settings.from.is_empty() => Err("from is missing".to_owned()),
        () if settings.to.is_empty() => Err("to is missing".to_owned()),
        () if settings.user.is_some() != settings.password.is_some() => Err("user and password go together".to_owned()),
        () => Ok(settings),
    }
}

fn secret(text: &str) -> Secret {
    match text.split_once(':') {
        Some(("env", name)) => Secret::Env(name.to_owned()),
        Some(("file", path)) => Secret::File(path.into()),
        _ => Secret::Plain(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read() {
        let slack = parse_channel("ops=slack:https://hooks.example/T0").unwrap();
        assert_eq!(
            (slack.name.as_str(), slack.kind),
            ("ops", ChannelKind::Slack { url: Secret::Plain("https://hooks.example/T0".into()) })
        );
        let webhook = parse_channel("log=webhook:env:HOOK,signing_key=file:/run/key").unwrap();
        let expected = ChannelKind::Webhook { url: Secret::Env("HOOK".into()), signing_key: Some(Secret::File("/run/key".into())) };
        assert_eq!(webhook.kind, expected);
        let mail =
            parse_channel("mail=email:mail.example:587,from=a@x.example,to=b@x.example,to=c@x.example,user=u,password=env:P").unwrap();
        let ChannelKind::Email(mail) = mail.kind else { panic!("an email") };
        assert_eq!((mail.server.as_str(), mail.to.len(), mail.tls), ("mail.example:587", 2, EmailTls::Starttls));
        assert_eq!(mail.password, Some(Secret::Env("P".into())));
    }

    #[test]
    fn what_is_wrong_is_told_without_where_it_leads() {
        for wrong in [
            "https://hooks.example/hush",
            "ops",
            "ops=hush",
            "ops=sms:hush",
            "a b=slack:hush",
            "m=email:hush",
            "m=email:hush:25,from=a@x.example",
            "m=email:hush:25,from=a@x.example,to=b@x.example,user=hush",
            "m=email:h:25,cc=hush",
        ] {
            let told = parse_channel(wrong).unwrap_err().to_string();
            assert!(!told.contains("hush") && told.contains("ops=slack:URL"), "{told}");
        }
    }
}
