#!/usr/bin/env bash
# Everything that must hold: formatting, lints, documents, every test. Installs what the tests need, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

# A real SMTP server; the tests talk to no imitation of it.
packages=(python3-aiosmtpd systemd shellcheck logrotate openssh-server openssh-client)
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

say 'formatting'
cargo fmt --all --check

say 'lints'
cargo clippy --locked --all-targets --quiet -- -D warnings

say 'documents'
RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --quiet

say 'tests'
output=$(mktemp)
trap 'rm -f "$output"' EXIT
# The stories wait more than they work: more of them at once than there are cores.
cargo test --locked --no-fail-fast -- --test-threads="${ALLSWELL_TEST_THREADS:-6}" 2>&1 | tee "$output"

passed=$(sed -n 's/^test result: .* \([0-9][0-9]*\) passed.*/\1/p' "$output" | awk '{ sum += $1 } END { print sum + 0 }')
failed=$(sed -n 's/^test result: .* \([0-9][0-9]*\) failed.*/\1/p' "$output" | awk '{ sum += $1 } END { print sum + 0 }')
printf '\n%s passed, %s failed\n' "$passed" "$failed"
if [ "$passed" -eq 0 ]; then
  echo 'no test ran' >&2
  exit 1
fi
