//! Stories about: the documents. Their links lead somewhere, their commands are understood, their configs are accepted.

use std::path::{Path, PathBuf};

use allswell::config::Config;

/// README and every page of docs/.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    let pages = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).chain([root.join("README.md")]);
    pages.map(|path| (path.clone(), std::fs::read_to_string(path).expect("a page"))).collect()
}

/// What stands in the fences of one language.
fn fences<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("```{language}\n");
    page.split(begin.as_str()).skip(1).filter_map(|rest| rest.split_once("\n```")).map(|(block, _)| block).collect()
}

/// The words of a line as a shell has them, up to what follows the command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#' | '|' | '>' | ';' | '&') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let mut count = 0;
    for (path, page) in pages() {
        for line in fences(&page, "sh").iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("allswell ")) {
            count += 1;
            let parsed = allswell::cli::root::command().try_get_matches_from(words(line));
            assert!(parsed.is_ok(), "{}: {line}: {}", path.display(), parsed.err().map(|error| error.to_string()).unwrap_or_default());
        }
    }
    assert!(count > 30, "{count}");
    assert!(allswell::cli::root::command().try_get_matches_from(words("allswell status --wach")).is_err());
}

#[test]
fn every_link_in_the_documents_leads_to_a_file() {
    let mut count = 0;
    for (path, page) in pages() {
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") || target.starts_with('#') || target.contains(' ') {
                continue;
            }
            count += 1;
            let file = path.parent().expect("a folder").join(target.split('#').next().unwrap_or_default());
            assert!(file.exists(), "{}: {target}", path.display());
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn every_config_in_the_new_user_s_documents_is_accepted() {
    let mut count = 0;
    for (path, page) in pages() {
        let is_for_new_users = ["own-app.md", "alarms.md", "watchers.md", "README.md"].iter().any(|name| path.ends_with(name));
        for text in fences(&page, "toml").into_iter().filter(|_| is_for_new_users) {
            count += 1;
            let runtime = if text.contains("[runtime]") { "" } else { "[runtime]\ncommand = \"x\"\n" };
            // Examples name channels that another example makes.
            let mail = if text.contains("\"mail\"") && !text.contains("name = \"mail\"") { MAIL } else { "" };
            let read = Config::parse(&format!("{runtime}{text}\n{mail}"));
            assert!(read.is_ok(), "{}: {text}: {:?}", path.display(), read.err());
        }
    }
    assert!(count >= 6, "{count}");
}

const MAIL: &str = "[[channel]]\nname = \"mail\"\nkind = \"ntfy\"\nurl = { env = \"NTFY_TOPIC_URL\" }\n";
