//! Who opens a link without being asked: the previews of chat programs, search engines, browsers that fetch ahead.

use axum::http::{HeaderMap, header};

/// Pieces of what they call themselves, in small letters.
const AGENTS: &[&str] = &[
    "slackbot",
    "slack-imgproxy",
    "twitterbot",
    "facebookexternalhit",
    "facebookcatalog",
    "facebot",
    "meta-externalagent",
    "linkedinbot",
    "discordbot",
    "telegrambot",
    "whatsapp/",
    "skypeuripreview",
    "microsoftpreview",
    "bingpreview",
    "mattermost-bot",
    "mattermost-linkpreview",
    "synapse (bot",
    "rocket.chat",
    "zulipurlpreview",
    "iframely",
    "embedly",
    "redditbot",
    "pinterestbot",
    "vkshare",
    "viber",
    "googlebot",
    "google-inspectiontool",
    "google-safety",
    "googleimageproxy",
    "google-pagerenderer",
    "bingbot",
    "yandexbot",
    "duckduckbot",
    "baiduspider",
    "applebot",
    "gptbot",
    "claudebot",
    "ccbot/",
    "bytespider",
    "mastodon/",
    "bluesky cardyb",
    "outlook-safelinks",
    "barracuda",
];

/// Whether it only looks where the link leads.
pub(super) fn is_preview(headers: &HeaderMap) -> bool {
    const PURPOSES: [&str; 4] = ["purpose", "sec-purpose", "x-purpose", "x-moz"];
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase()).unwrap_or_default();
    let agent = text(header::USER_AGENT.as_str());
    let ahead = |name: &str| ["prefetch", "prerender", "preview"].iter().any(|word| text(name).contains(word));
    AGENTS.iter().any(|piece| agent.contains(piece)) || PURPOSES.iter().any(|name| ahead(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(name: &'static str, value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        is_preview(&headers)
    }

    #[test]
    fn previews_are_known_and_those_who_mean_it_are_not_taken_for_one() {
        for agent in [
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Slackbot 1.0 (+https://api.slack.com/robots)",
            "Twitterbot/1.0",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "TelegramBot (like TwitterBot)",
            "WhatsApp/2.23.20.0",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        ] {
            assert!(is("user-agent", agent), "{agent}");
        }
        assert!(is("sec-purpose", "prefetch;prerender"));
        for agent in
            ["curl/8.14.1", "Wget/1.25.0", "runitor/1.4.1", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "python-requests/2.32", ""]
        {
            assert!(!is("user-agent", agent), "{agent}");
        }
    }
}
