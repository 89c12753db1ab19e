#!/usr/bin/env bash
# Everything that must hold: formatting, lints, documents, every test. Installs what the tests need, and says so.
#   tests/all.sh [--without-docker] [--screenshots]
# With --without-docker the stories on a real Docker engine are left out; they need root and a kernel that lets them make namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

# With --screenshots the pictures in docs/img/ are taken anew.
without_docker=
for argument in "$@"; do
  case "$argument" in
    --without-docker) without_docker=1 ;;
    --screenshots) export ALLSWELL_SCREENSHOTS="$PWD/docs/img" ;;
    *) echo "unknown: $argument. Usage: tests/all.sh [--without-docker] [--screenshots]" >&2 && exit 2 ;;
  esac
done

# Real servers of mail, alerts, rows, pages and containers; the tests talk to no imitation of them.
packages=(curl nghttp2-client python3-aiosmtpd openssl shellcheck systemd logrotate haproxy faketime tmux zsh fish mandoc nginx caddy prometheus prometheus-alertmanager postgresql
  chromium chromium-driver e2fsprogs util-linux)
if [ -z "$without_docker" ]; then
  packages+=(docker.io docker-compose docker-registry debootstrap iproute2 iptables openssh-server openssh-client)
fi
command -v npm >/dev/null || packages+=(nodejs npm)
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  say "installing: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# What finds the faults that a screen reader would: under the Mozilla licence, so it is fetched and not kept here.
axe=target/axe/node_modules/axe-core/axe.min.js
[ -e "$axe" ] || npm install --prefix target/axe --no-audit --no-fund --ignore-scripts --silent axe-core@4

# Grafana itself is in no registry that this may use; the types of its dashboards are, and the compiler that reads them.
schema=target/grafana-schema
if ! [ -e "$schema/node_modules/@grafana/schema" ] || ! [ -e "$schema/node_modules/typescript" ]; then
  say 'installing: the schema of Grafana dashboards'
  mkdir -p "$schema"
  npm install --prefix "$schema" --no-audit --no-fund --no-package-lock --silent @grafana/schema@13.2.3 typescript@5.9.3
fi

say 'formatting'
cargo fmt --all --check
git ls-files -z -- '*.sh' | xargs -0 shellcheck

output=$(mktemp)
checked=$(mktemp)
images=
checks=
# What still runs goes with its group; the engine ends with the story that has started it.
trap '[ -z "$images" ] || kill -- "-$images" 2>/dev/null || true; [ -z "$checks" ] || kill -- "-$checks" 2>/dev/null || true; rm -f "$output" "$checked"' EXIT
status=0

say 'compiling'
cargo test --locked --no-run 2>&1 | tee "$output"
# They are started without cargo, which keeps everybody else from the directory that it builds in.
mapfile -t executables < <(sed -n 's/^ *Executable .*(\(.*\))$/\1/p' "$output")
: >"$output"

# So many tests at once, of the executables of this name. The stories wait more than they work: more of them than there are cores.
run() {
  local name executable threads=${ALLSWELL_TEST_THREADS:-$1} words=("${@:3}")
  for executable in "${executables[@]}"; do
    name=$(basename "$executable")
    [[ ${name%-*} =~ ^($2)$ ]] || continue
    "$executable" "${words[@]}" --test-threads="$threads" 2>&1 | tee -a "$output" || status=1
  done
}

check() {
  say 'lints'
  cargo clippy --locked --all-targets --quiet -- -D warnings
  say 'documents'
  RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --quiet
}

if [ -n "$without_docker" ]; then
  check
else
  say 'images'
  set -m
  (
    run 6 suite --exact docker::images::every_image_is_built_by_the_dockerfile_that_users_build
    exit "$status"
  ) &
  images=$!
  # They compile, and take only what the tests leave of the processors.
  (
    chrt --idle --pid 0 "$BASHPID"
    check
  ) >"$checked" 2>&1 &
  checks=$!
  set +m
  wait "$images"
  images=
  # They unpack, build and fill disks: a story with a bound of seconds does not run beside that.
  say 'tests on Docker'
  run 6 suite docker::
  say 'what was checked meanwhile'
  wait "$checks" || status=1
  checks=
  cat "$checked"
fi
say 'tests'
run 6 'allswell.*|tidy|simulation'
run 8 suite --skip docker::

passed=$(sed -n 's/^test result: .* \([0-9][0-9]*\) passed.*/\1/p' "$output" | awk '{ sum += $1 } END { print sum + 0 }')
failed=$(sed -n 's/^test result: .* \([0-9][0-9]*\) failed.*/\1/p' "$output" | awk '{ sum += $1 } END { print sum + 0 }')
if [ "$failed" -gt 0 ]; then
  # Once more at the end, where whoever reads only that finds it: what failed, where, and by which words.
  say 'failed'
  grep -A 5 -E "^thread '.*panicked at" "$output" | grep -vE '^ +[0-9]+: |^ +at |^stack backtrace:' || true
fi
printf '\n%s passed, %s failed\n' "$passed" "$failed"
if [ "$passed" -eq 0 ]; then
  echo 'no test ran' >&2
  exit 1
fi
exit "$status"
