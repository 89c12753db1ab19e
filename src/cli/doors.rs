//! Where the proxy's listeners are found from here, and what they speak.

use crate::net::tls::TlsFiles;
use crate::proxy::ProxySettings;

/// The live site: `http://HOST:PORT`, and `https://` where it has a certificate.
pub(super) fn live(proxy: &ProxySettings) -> String {
    url(proxy, &proxy.live, proxy.live_tls.as_ref())
}

/// The preview, on the idle colour: the same.
pub(super) fn preview(proxy: &ProxySettings) -> String {
    url(proxy, &proxy.idle, proxy.idle_tls.as_ref())
}

fn url(proxy: &ProxySettings, listen: &str, tls: Option<&TlsFiles>) -> String {
    let scheme = if tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", proxy.reach.found(listen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn both(proxy: &str) -> (String, String) {
        let text = format!("[runtime]\ncommand = \"x\"\n[proxy]\n{proxy}");
        let proxy = Config::parse(&text).unwrap().config.proxy;
        (live(&proxy), preview(&proxy))
    }

    #[test]
    fn a_listener_with_a_certificate_is_asked_by_https_and_each_by_where_it_is_found() {
        assert_eq!(both(""), ("http://127.0.0.1:8000".to_owned(), "http://127.0.0.1:8080".to_owned()));
        let tls = "{ certificate = \"c\", key = \"k\" }";
        let (live, preview) = both(&format!("live_tls = {tls}\n"));
        assert_eq!((live.as_str(), preview.as_str()), ("https://127.0.0.1:8000", "http://127.0.0.1:8080"));
        let (live, preview) = both(&format!("idle_tls = {tls}\nidle = \"0.0.0.0:8080\"\nreach = \"proxy\"\n"));
        assert_eq!((live.as_str(), preview.as_str()), ("http://proxy:8000", "https://proxy:8080"));
    }
}
