//! Which host and which path a request is for (RFC 9112, 3.2).

use hyper::header::{HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Method, Version};

use super::trouble::Trouble;

/// Puts the host into `Host` and leaves the path alone as the target, as apps expect it. An absolute target names the host, whatever
/// `Host` says (3.2.2).
///
/// # Errors
/// Where there is not one valid host, or where the target is of a form that this method does not have.
pub(super) fn settle(head: &mut Parts) -> Result<(), Trouble> {
    if let Some(authority) = head.uri.authority() {
        // HOST:PORT alone is for CONNECT (3.2.3).
        if !head.uri.scheme().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme)) {
            return Err(Trouble::BadTarget);
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Trouble::NoHost)?;
        // In words it has its slash, also where the client has left it out.
        let path = head.uri.path_and_query().map_or("/".to_owned(), ToString::to_string);
        head.headers.insert(HOST, host);
        head.uri = path.parse().map_err(|_| Trouble::BadTarget)?;
    }
    let target = head.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let is_everything = target == "*" && head.method == Method::OPTIONS;
    if !target.starts_with('/') && !is_everything {
        return Err(Trouble::BadTarget);
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next(), head.version) {
        (Some(host), None, _) if is_host(host.as_bytes()) => Ok(()),
        // The app is asked by HTTP/1.1, which has always one (3.2).
        (None, _, Version::HTTP_10) => {
            head.headers.insert(HOST, HeaderValue::from_static(""));
            Ok(())
        }
        (None | Some(_), ..) => Err(Trouble::NoHost),
    }
}

/// RFC 3986, 3.2.2 and 3.2.3, by its characters: a name or an address, and a port, but no user.
fn is_host(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(byte))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn settled(method: &str, target: &str, host: Option<&str>) -> Result<(String, String), Trouble> {
        let mut request = Request::builder().method(method).uri(target);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        settle(&mut head)?;
        Ok((head.headers[HOST].to_str().unwrap().to_owned(), head.uri.to_string()))
    }

    #[test]
    fn each_form_of_a_target_is_for_its_method_and_names_one_host() {
        let both = |host: &str, path: &str| Ok((host.to_owned(), path.to_owned()));
        for (method, target, host, wanted) in [
            ("GET", "/a?b", Some("h"), both("h", "/a?b")),
            ("GET", "/", Some("[::1]:80"), both("[::1]:80", "/")),
            ("GET", "http://other:81/a", Some("h"), both("other:81", "/a")),
            ("GET", "https://other", None, both("other", "/")),
            ("GET", "http://other?b", None, both("other", "/?b")),
            ("OPTIONS", "*", Some("h"), both("h", "*")),
            ("GET", "*", Some("h"), Err(Trouble::BadTarget)),
            ("GET", "other:80", Some("h"), Err(Trouble::BadTarget)),
            ("GET", "ftp://other/", Some("h"), Err(Trouble::BadTarget)),
            ("GET", "http://me@other/", Some("h"), Err(Trouble::NoHost)),
            ("GET", "/", Some("me@h"), Err(Trouble::NoHost)),
            ("GET", "/", Some("h/x"), Err(Trouble::NoHost)),
            ("GET", "/", Some("a b"), Err(Trouble::NoHost)),
            ("GET", "/", Some(""), Err(Trouble::NoHost)),
            ("GET", "/", None, Err(Trouble::NoHost)),
        ] {
            assert_eq!(settled(method, target, host), wanted, "{method} {target} {host:?}");
        }
    }
}
