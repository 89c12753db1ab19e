//! No image can be pulled: the public ones are made of Debian's packages and this machine's toolchain, under the names that a user would pull.

use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::shared::{Client, hex};

/// What `deploy/Dockerfile` builds in.
const RUST: &str = "rust:1.95-slim-bookworm";
/// What apps are often built on.
const DEBIAN: &str = "debian:bookworm-slim";
/// The smallest with a shell.
const BUSYBOX: &str = "busybox:latest";
/// The label that says what an image was made of.
const MADE_OF: &str = "made-of";

/// What the official image sets.
const PATH: &str = "/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes those that are missing or made of something else.
pub(super) fn make(docker: &Client, work: &Path) -> Result<(), String> {
    debian(docker, work)?;
    docker.build_text(BUSYBOX, &format!("FROM scratch\nCOPY --from={DEBIAN} /bin/busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nCMD [\"sh\"]\n"))?;
    rust(docker, work)
}

/// Debian's base, with what a Rust executable is linked by.
fn debian(docker: &Client, work: &Path) -> Result<(), String> {
    let packages = "gcc,libc6-dev,ca-certificates,busybox-static";
    if is_made_of(docker, DEBIAN, packages) {
        return Ok(());
    }
    let root = work.join("rootfs");
    shell(
        r#"rm -rf "$1"
        mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)
        debootstrap --variant=minbase --include="$2" bookworm "$1" ${mirror:+"$mirror"} >"$1.log" 2>&1 || { tail -n 5 "$1.log" >&2; exit 1; }
        rm -rf "$1"/var/cache/apt/archives "$1"/var/lib/apt/lists "$1"/usr/share/doc "$1"/usr/share/locale "$1"/usr/share/man
        tar -c --exclude=./dev -C "$1" -f - . | docker import --change "LABEL $3=\"$2\"" --change 'CMD ["bash"]' - "$4"
        rm -rf "$1""#,
        &[&root.display().to_string(), packages, MADE_OF, DEBIAN],
        docker,
    )
}

/// Debian's base with this machine's toolchain and its copies of the crates; cargo looks for nothing elsewhere.
fn rust(docker: &Client, work: &Path) -> Result<(), String> {
    let lock = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
    let version = output(Command::new("rustc").arg("-vV"))?;
    let made_of = hex(&Sha256::new().chain_update(lock).chain_update(version).finalize());
    if is_made_of(docker, RUST, &made_of) {
        return Ok(());
    }
    let context = work.join("toolchain");
    let dockerfile = format!(
        "FROM {DEBIAN}\nENV PATH={PATH} CARGO_HOME=/usr/local/cargo CARGO_NET_OFFLINE=true\nCOPY toolchain /usr/local\nCOPY registry /usr/local/cargo/registry\nLABEL {MADE_OF}={made_of}\n"
    );
    shell(
        r#"rm -rf "$1"
        mkdir -p "$1/toolchain/bin" "$1/registry"
        printf '%s' "$2" >"$1/Dockerfile"
        sysroot=$(rustc --print sysroot)
        cargo fetch --locked --quiet --manifest-path "$4"
        copy() { cp -al "$@" 2>/dev/null || cp -a "$@"; }
        copy "$sysroot/bin/cargo" "$sysroot/bin/rustc" "$1/toolchain/bin/"
        copy "$sysroot/lib" "$1/toolchain/"
        rm -rf "$1/toolchain/lib/rustlib/src"
        copy "${CARGO_HOME:-$HOME/.cargo}/registry/cache" "${CARGO_HOME:-$HOME/.cargo}/registry/index" "$1/registry/"
        docker build --quiet --tag "$3" "$1"
        rm -rf "$1""#,
        &[&context.display().to_string(), &dockerfile, RUST, concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")],
        docker,
    )
}

fn is_made_of(docker: &Client, image: &str, what: &str) -> bool {
    let format = format!("{{{{index .Config.Labels {MADE_OF:?}}}}}");
    docker.run(&["image", "inspect", "--format", &format, image]).is_ok_and(|made_of| made_of == what)
}

fn shell(script: &str, arguments: &[&str], docker: &Client) -> Result<(), String> {
    let mut command = docker.command("bash");
    command.args(["-euo", "pipefail", "-c", script, "bash"]).args(arguments).stdin(Stdio::null());
    output(&mut command).map(drop)
}

fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
