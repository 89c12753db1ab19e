#!/usr/bin/env bash
# Installs the Docker engine on Debian or Ubuntu. Says what it does before it does it; the second time there is nothing left to do.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: install-docker.sh [--from-distribution] [--reinstall] [--dry-run]

Installs the Docker engine, its command line and Compose on Debian or Ubuntu, and has it started with the machine.
As root. Where an engine is installed already, it stays as it is.

  --from-distribution  the distribution's own packages; without it: Docker's own repository, download.docker.com
  --reinstall          also where an engine is installed already
  --dry-run            say what would be done, and do nothing

Exit codes: 0 done, 1 failed, 2 wrong usage.
USAGE
}

# What `gpg --show-keys` says of the key that signs Docker's repository; it is printed in Docker's own instructions.
readonly FINGERPRINT=9DC858229FC7DD38854AE2D88D81803C0EBFCD88
readonly KEYRING=/etc/apt/keyrings/docker.asc
readonly SOURCES=/etc/apt/sources.list.d/docker.list

from_distribution=no
reinstall=no
dry_run=no

fail() {
  printf 'install-docker.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

# Every act goes through here: first said, then done.
act() {
  printf '+ %s\n' "$*"
  if [[ "${dry_run}" = no ]]; then "$@"; fi
}

# The same for a file: its content is read from stdin.
write() {
  local content
  content=$(cat)
  if [[ -f "$1" && "$(cat "$1")" = "${content}" ]]; then return; fi
  printf '+ write %s:\n%s\n' "$1" "${content}"
  if [[ "${dry_run}" = no ]]; then printf '%s\n' "${content}" >"$1"; fi
}

is_installed() {
  local status
  status=$(dpkg-query --show --showformat='${Status}' "$1" 2>/dev/null) || return 1
  [[ "${status}" = 'install ok installed' ]]
}

is_offered() {
  local shown
  shown=$(apt-cache show --no-all-versions "$1" 2>/dev/null) || return 1
  [[ -n "${shown}" ]]
}

# Installs those of the packages that are missing.
install_packages() {
  local missing=() package
  for package in "$@"; do
    is_installed "${package}" || missing+=("${package}")
  done
  if [[ "${#missing[@]}" -gt 0 ]]; then
    act env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  fi
}

engine() {
  command -v dockerd >/dev/null && command -v docker >/dev/null
}

read_system() {
  [[ -r /etc/os-release ]] || fail 'this is neither Debian nor Ubuntu: there is no /etc/os-release'
  # shellcheck source=/dev/null
  . /etc/os-release
  case "${ID:-}" in
    debian | ubuntu) distribution=${ID} ;;
    *) fail "this is ${PRETTY_NAME:-unknown}; this script knows Debian and Ubuntu" ;;
  esac
  codename=${VERSION_CODENAME:-}
  [[ -n "${codename}" ]] || fail '/etc/os-release names no VERSION_CODENAME'
}

from_the_distribution() {
  act apt-get update -qq
  local packages=(docker.io ca-certificates iptables) package
  # The command line and Compose have had several names.
  if is_offered docker-cli; then packages+=(docker-cli); fi
  for package in docker-compose-v2 docker-compose-plugin docker-compose; do
    if is_offered "${package}"; then
      packages+=("${package}")
      break
    fi
  done
  install_packages "${packages[@]}"
}

# What was fetched becomes the key only when it is Docker's, and no other beside it. Until then the one that is there stays.
check_key() {
  local fetched=$1 found
  # What is no key has no fingerprint; gpg fails then.
  found=$(gpg --show-keys --with-colons "${fetched}" 2>/dev/null |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }') || true
  if [[ "${found}" != "${FINGERPRINT}" ]]; then
    rm -f "${fetched}"
    fail "the key of download.docker.com has the fingerprint ${found:-of nothing}, not ${FINGERPRINT}: it is not taken, and nothing was removed"
  fi
}

fetch_key() {
  local fetched=${KEYRING}.fetched
  act install -d -m 0755 "${KEYRING%/*}"
  act curl -fsSL --retry 3 --output "${fetched}" "https://download.docker.com/linux/${distribution}/gpg"
  if [[ "${dry_run}" = no ]]; then check_key "${fetched}"; fi
  act chmod 0644 "${fetched}"
  act mv -f "${fetched}" "${KEYRING}"
}

# Everything that may fail is done before anything is removed.
from_docker() {
  local packages=(docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin) architecture old
  act apt-get update -qq
  install_packages ca-certificates curl gpg
  fetch_key
  architecture=$(dpkg --print-architecture)
  write "${SOURCES}" <<<"deb [arch=${architecture} signed-by=${KEYRING}] https://download.docker.com/linux/${distribution} ${codename} stable"
  act apt-get update -qq
  # The update says nothing of a source that it cannot reach: its exit code is 0.
  if [[ "${dry_run}" = no ]] && ! is_offered docker-ce; then fail "download.docker.com offers no docker-ce for ${codename}: nothing was removed"; fi
  act env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --download-only "${packages[@]}"
  for old in docker.io docker-compose docker-cli; do
    if is_installed "${old}"; then act env DEBIAN_FRONTEND=noninteractive apt-get remove -y -qq "${old}"; fi
  done
  install_packages "${packages[@]}"
}

start_engine() {
  if [[ -d /run/systemd/system ]]; then
    act systemctl enable --quiet --now docker.service
  else
    echo 'systemd does not run here: start dockerd by yourself'
  fi
}

while [[ $# -gt 0 ]]; do
  case "$1" in
    --from-distribution) from_distribution=yes ;;
    --reinstall) reinstall=yes ;;
    --dry-run) dry_run=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "$1 is not known" 2
      ;;
  esac
  shift
done

read_system
if [[ "$(id -u)" -ne 0 && "${dry_run}" = no ]]; then fail 'this needs root: run it by sudo'; fi

if engine && [[ "${reinstall}" = no ]]; then
  echo "an engine is installed already ($(dockerd --version)): it stays. --reinstall installs anyway"
else
  if [[ "${from_distribution}" = yes ]]; then
    echo "installing Docker from the packages of ${distribution} ${codename}"
    from_the_distribution
  else
    echo "installing Docker for ${distribution} ${codename} from download.docker.com"
    from_docker
  fi
fi
start_engine
if [[ "${dry_run}" = yes ]]; then
  echo 'nothing was done: --dry-run'
else
  engine || fail 'dockerd or docker is still not there'
  echo "done: $(dockerd --version)"
fi
