//! Our own words to a client: as a page for a browser, as problem JSON (RFC 9457) for a program that wants JSON, and as plain text.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::answer::Source;

/// What the client would like to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Plain,
    Html,
    Json,
}

impl Wish {
    /// By its `Accept`: what it names first.
    pub(super) fn of(accept: Option<&HeaderValue>) -> Self {
        let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let html = accept.find("text/html");
        let json = accept.find("application/json").or_else(|| accept.find("application/problem+json"));
        match (html, json) {
            (Some(html), Some(json)) if json < html => Self::Json,
            (Some(_), _) => Self::Html,
            (None, Some(_)) => Self::Json,
            (None, None) => Self::Plain,
        }
    }
}

/// What is said.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) words: String,
    /// In how many seconds another try makes sense.
    pub(super) retry_after: Option<u32>,
    /// The name of its own page, before that of its status.
    pub(super) page: Option<&'static str>,
}

/// The pages that replace ours: by name, without `.html`.
#[derive(Debug, Default)]
pub(super) struct Pages(HashMap<String, Bytes>);

impl Pages {
    /// Those of a folder. What cannot be read is told, and ours is used.
    pub(super) fn load(folder: Option<&Path>) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let found = match fs::read_dir(folder) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, folder = %folder.display(), "there are no own error pages");
                return Self::default();
            }
        };
        let mut pages = HashMap::new();
        for path in found.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "html"))
        {
            match (path.file_stem().and_then(|name| name.to_str()), fs::read(&path)) {
                (Some(name), Ok(page)) => drop(pages.insert(name.to_owned(), Bytes::from(page))),
                (_, Err(error)) => tracing::error!(%error, page = %path.display(), "an error page cannot be read"),
                (None, Ok(_)) => {}
            }
        }
        Self(pages)
    }

    /// What the client gets.
    pub(super) fn answer(&self, said: &Said, wish: Wish) -> Response<Source> {
        let (kind, body) = match wish {
            Wish::Plain => ("text/plain; charset=utf-8", Bytes::from(format!("{}: {}\n", said.status.as_u16(), said.words))),
            Wish::Html => ("text/html; charset=utf-8", self.page(said)),
            Wish::Json => ("application/problem+json", problem(said)),
        };
        let mut answer = Response::new(Source::Words(Some(body)));
        *answer.status_mut() = said.status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = said.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    fn page(&self, said: &Said) -> Bytes {
        let names = [said.page, Some(said.status.as_str()), Some("error")];
        let own = names.into_iter().flatten().find_map(|name| self.0.get(name));
        own.cloned().unwrap_or_else(|| Bytes::from(our_page(said)))
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

fn problem(said: &Said) -> Bytes {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": title(said.status),
        "status": said.status.as_u16(),
        "detail": said.words,
    });
    Bytes::from(problem.to_string())
}

fn our_page(said: &Said) -> String {
    let (code, title) = (said.status.as_u16(), title(said.status));
    let page = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (code) " " (title) }
                style { "body{font:1rem/1.5 system-ui,sans-serif;margin:15vh auto;max-width:34rem;padding:0 1rem;color:#222}h1{font-size:1.4rem}p{white-space:pre-line}" }
            }
            body { h1 { (code) " " (title) } p { (said.words) } }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(page: Option<&'static str>) -> Said {
        Said { status: StatusCode::SERVICE_UNAVAILABLE, words: "back <soon>".to_owned(), retry_after: Some(7), page }
    }

    fn told(pages: &Pages, said: &Said, accept: &'static str) -> (String, String) {
        let answer = pages.answer(said, Wish::of(Some(&HeaderValue::from_static(accept))));
        assert_eq!((answer.status().as_u16(), answer.headers()[RETRY_AFTER].to_str().unwrap()), (503, "7"));
        let kind = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let Source::Words(Some(words)) = answer.into_body() else { panic!("it is in our own words") };
        (kind, String::from_utf8(words.to_vec()).unwrap())
    }

    #[test]
    fn browsers_programs_and_people_at_a_terminal_each_read_their_own() {
        let ours = Pages::default();
        let (kind, page) = told(&ours, &said(None), "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
        assert!(kind.starts_with("text/html") && page.contains("503 Service Unavailable") && page.contains("back &lt;soon&gt;"), "{page}");
        let (kind, problem) = told(&ours, &said(None), "application/json, text/html");
        let problem: serde_json::Value = serde_json::from_str(&problem).unwrap();
        assert_eq!(
            (kind.as_str(), problem["status"].as_u64(), problem["detail"].as_str()),
            ("application/problem+json", Some(503), Some("back <soon>"))
        );
        assert_eq!(told(&ours, &said(None), "*/*").1, "503: back <soon>\n");
    }

    #[test]
    fn a_folder_has_own_pages_the_most_particular_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["error.html", "503.html", "maintenance.html", "notes.txt"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let own = Pages::load(Some(folder.path()));
        assert_eq!(told(&own, &said(Some("maintenance")), "text/html").1, "maintenance.html");
        assert_eq!(told(&own, &said(None), "text/html").1, "503.html");
        fs::remove_file(folder.path().join("503.html")).unwrap();
        assert_eq!(told(&Pages::load(Some(folder.path())), &said(None), "text/html").1, "error.html");
    }
}
