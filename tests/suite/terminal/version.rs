//! Stories about: the executables; their `--version`, and what it is made from.

use std::process::Command;

use crate::harness::Host;

const ALL: [&str; 5] = [
    env!("CARGO_BIN_EXE_allswell"),
    env!("CARGO_BIN_EXE_allswell-heartbeat"),
    env!("CARGO_BIN_EXE_allswell-prober"),
    env!("CARGO_BIN_EXE_allswell-watcher"),
    env!("CARGO_BIN_EXE_allswell-proxy"),
];

#[test]
fn every_executable_says_its_version_and_where_it_comes_from() {
    for path in ALL {
        let said = Command::new(path).arg("--version").output().expect("it runs").stdout;
        let said = String::from_utf8(said).expect("words");
        assert!(said.contains(&format!(" {} (", env!("CARGO_PKG_VERSION"))) && said.trim_end().ends_with(')'), "{path}: {said}");
    }
}

#[test]
fn no_executable_needs_a_library_but_those_of_the_c_library() {
    for path in ALL {
        let listed = Command::new("ldd").arg(path).output().expect("it comes with the C library");
        let listed = String::from_utf8(listed.stdout).expect("words");
        let mut names = listed.lines().filter_map(|line| line.split_whitespace().next()?.rsplit('/').next());
        let is_its = |name: &str| ["linux-vdso.", "ld-linux", "libc.", "libm."].iter().any(|start| name.starts_with(start));
        assert!(listed.contains("libc.") && names.all(is_its), "{path}: {listed}");
    }
}

/// What build.rs tells the compiler in this directory, with these variables.
fn built(host: &Host, directory: &str, variables: &[(&str, &str)]) -> String {
    let script = host.path("build-script");
    if !script.exists() {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        let compiled = Command::new(rustc).arg("--edition=2024").arg(source).arg("-o").arg(&script).status().expect("a compiler");
        assert!(compiled.success());
    }
    let mut command = Command::new(script);
    command.current_dir(host.path(directory)).env("PROFILE", "release");
    for name in ["SOURCE_DATE_EPOCH", "ALLSWELL_REVISION"] {
        command.env_remove(name);
    }
    let told = command.envs(variables.iter().copied()).output().expect("it runs");
    assert!(told.status.success(), "{told:?}");
    String::from_utf8(told.stdout).expect("words")
}

fn told<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(&format!("cargo::rustc-env={name}="))).expect("it is told")
}

#[test]
fn a_build_knows_its_commit_with_git_by_a_variable_without_and_its_time_can_be_given() {
    let host = Host::new();
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(host.path("clone")).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
        let answer = command.args(words).output().expect("git is installed");
        assert!(answer.status.success(), "{words:?}: {answer:?}");
        String::from_utf8(answer.stdout).expect("words").trim().to_owned()
    };
    for directory in ["clone/vendored", "bare"] {
        std::fs::create_dir_all(host.path(directory)).expect("a directory");
    }
    git(&["init", "-q"]);
    std::fs::write(host.path("clone/file"), "1").expect("a file");
    git(&["add", "file"]);
    git(&["commit", "-q", "-m", "one"]);
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);

    let release = built(&host, "clone", &[("SOURCE_DATE_EPOCH", "1795000000")]);
    assert_eq!((told(&release, "ALLSWELL_COMMIT"), told(&release, "ALLSWELL_BUILT")), (commit.as_str(), "1795000000"));
    assert_eq!(built(&host, "clone", &[("SOURCE_DATE_EPOCH", "1795000000")]), release, "the same again");
    let now: i64 = told(&built(&host, "clone", &[]), "ALLSWELL_BUILT").parse().expect("seconds");
    assert!(now > 1_700_000_000, "{now}");
    assert_eq!(told(&built(&host, "clone/vendored", &[]), "ALLSWELL_COMMIT"), "", "somebody else's repository");
    std::fs::write(host.path("clone/file"), "2").expect("a file");
    assert_eq!(told(&built(&host, "clone", &[]), "ALLSWELL_COMMIT"), format!("{commit}+changes"));

    assert_eq!(told(&built(&host, "bare", &[]), "ALLSWELL_COMMIT"), "");
    assert_eq!(told(&built(&host, "bare", &[("PATH", "/nowhere")]), "ALLSWELL_COMMIT"), "", "no git at all");
    assert_eq!(told(&built(&host, "bare", &[("ALLSWELL_REVISION", "abc")]), "ALLSWELL_COMMIT"), "abc");
    assert_eq!(told(&built(&host, "bare", &[("ALLSWELL_REVISION", "unknown")]), "ALLSWELL_COMMIT"), "");
    let debug = built(&host, "clone", &[("PROFILE", "debug")]);
    assert_eq!((told(&debug, "ALLSWELL_COMMIT"), told(&debug, "ALLSWELL_BUILT")), ("", ""));
    assert!(!debug.contains("rerun-if-changed"), "a commit compiles nothing anew: {debug}");
}
