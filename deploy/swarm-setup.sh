#!/usr/bin/env bash
# Makes a Swarm of hosts that are reached by ssh. What is right already stays, so that it can be run again, also with more hosts.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: swarm-setup.sh [OPTIONS] MANAGER [WORKER...]

On each host, by ssh: the Docker engine. Then one Swarm of them over their private addresses, an attachable overlay network,
and the node labels by which deploy/stack.yml places its services: allswell.edge (the manager: proxy and prober) and
allswell.app (the workers; the manager where there are none: blue and green).

A host is [USER@]NAME[=ADDRESS]: ADDRESS is its private address, over which the nodes speak with each other. Without it: the
host's only address in 10/8, 172.16/12 or 192.168/16.

  --network NAME         the overlay network; default: allswell
  --encrypted            encrypt what goes over it
  --ssh-config FILE      for ssh -F
  --from-distribution    install the distribution's Docker; default: Docker's own
  --no-install           expect Docker to be installed
  --dry-run              say what would be done, and change nothing
  --help

Whoever signs in is root or may sudo without a password. Open between the hosts: 2377/tcp, 7946/tcp+udp, 4789/udp.
Exit codes: 0 done, 1 failed, 2 wrong usage.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
network=allswell
network_options=()
ssh_options=(-o BatchMode=yes -o ConnectTimeout=10)
install_options=()
install=yes
dry_run=no
hosts=()

fail() {
  printf 'swarm-setup.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

# Runs words on a host, as root.
on() {
  local host=$1
  shift
  # The words are for a shell over there: each is quoted once.
  # shellcheck disable=SC2029
  ssh -n "${ssh_options[@]}" "${host%%=*}" "if [ \"\$(id -u)\" -eq 0 ]; then ${*@Q}; else sudo -n ${*@Q}; fi"
}

# The same for what changes something: first said, then done. What it says itself is of no use.
act() {
  local host=$1
  shift
  printf '%s + %s\n' "${host%%=*}" "$(hide_tokens "$*")"
  if [[ "${dry_run}" = no ]]; then on "${host}" "$@" >/dev/null; fi
}

hide_tokens() {
  # shellcheck disable=SC2001
  sed 's/SWMTKN-[^ ]*/SWMTKN-.../' <<<"$1"
}

install_engine() {
  local host=$1 words
  if on "${host}" sh -c 'command -v dockerd && command -v docker' >/dev/null 2>&1; then
    echo "${host%%=*}: Docker is installed"
    return
  fi
  if [[ "${install}" = no ]]; then fail "${host%%=*}: Docker is not installed, and --no-install was given"; fi
  words="bash -s -- ${install_options[*]}"
  if [[ "${dry_run}" = yes ]]; then words+=' --dry-run'; fi
  echo "${host%%=*} + install-docker.sh ${install_options[*]}"
  # shellcheck disable=SC2029
  ssh "${ssh_options[@]}" "${host%%=*}" "if [ \"\$(id -u)\" -eq 0 ]; then ${words}; else sudo -n ${words}; fi" <"${here}/install-docker.sh" |
    sed "s/^/${host%%=*}: /"
}

is_private() {
  [[ "$1" =~ ^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.) ]]
}

# The private address of a host: the one that was given, or the only one that it has.
address_of() {
  local host=$1 found=() address
  if [[ "${host}" = *=* ]]; then
    echo "${host#*=}"
    return
  fi
  while read -r address; do
    if is_private "${address}"; then found+=("${address}"); fi
  done < <(on "${host}" ip -o -4 addr show scope global | awk '$2 !~ /^(docker|br-|veth|cni|flannel)/ { sub(/\/.*/, "", $4); print $4 }')
  if [[ "${#found[@]}" -ne 1 ]]; then
    fail "${host}: it has ${#found[@]} private addresses (${found[*]-}): say which as ${host}=ADDRESS"
  fi
  echo "${found[0]}"
}

# inactive, active (a worker), or manager.
role_of() {
  local state
  if [[ "${dry_run}" = yes ]] && ! on "$1" docker version >/dev/null 2>&1; then
    echo inactive
    return
  fi
  state=$(on "$1" docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}') || fail "${1%%=*}: the engine does not answer"
  case "${state}" in
    'inactive '*) echo inactive ;;
    'active true') echo manager ;;
    'active false') echo worker ;;
    *) fail "${1%%=*}: its Swarm is ${state%% *}: mend that first" ;;
  esac
}

node_id() {
  on "$1" docker info --format '{{.Swarm.NodeID}}'
}

make_manager() {
  local host=$1 address role
  role=$(role_of "${host}")
  case "${role}" in
    manager) echo "${host%%=*}: is a manager" ;;
    inactive)
      address=$(address_of "${host}")
      act "${host}" docker swarm init --advertise-addr "${address}" --data-path-addr "${address}" --listen-addr "${address}:2377"
      ;;
    *) fail "${host%%=*}: it is a worker of another Swarm: name that one's manager, or have it leave (docker swarm leave)" ;;
  esac
}

join_worker() {
  local manager=$1 host=$2 role address token at id
  role=$(role_of "${host}")
  if [[ "${role}" != inactive ]]; then
    id=$(node_id "${host}")
    if ! on "${manager}" docker node inspect "${id}" >/dev/null 2>&1; then
      fail "${host%%=*}: it belongs to another Swarm: have it leave first (docker swarm leave)"
    fi
    echo "${host%%=*}: is in the Swarm"
    return
  fi
  address=$(address_of "${host}")
  if [[ "${dry_run}" = yes ]]; then
    echo "${host%%=*} + docker swarm join --advertise-addr ${address}"
    return
  fi
  token=$(on "${manager}" docker swarm join-token --quiet worker)
  at=$(on "${manager}" docker info --format '{{.Swarm.NodeAddr}}'):2377
  act "${host}" docker swarm join --token "${token}" --advertise-addr "${address}" --data-path-addr "${address}" \
    --listen-addr "${address}:2377" "${at}"
}

make_network() {
  local manager=$1 found
  if found=$(on "${manager}" docker network inspect --format '{{.Driver}} {{.Attachable}}' "${network}" 2>/dev/null); then
    [[ "${found}" = 'overlay true' ]] || fail "there is a network ${network} that is no attachable overlay: choose another by --network"
    echo "network ${network}: is there"
  else
    act "${manager}" docker network create --driver overlay --attachable "${network_options[@]}" "${network}"
  fi
}

label() {
  local manager=$1 host=$2 name=$3 id has
  if [[ "${dry_run}" = yes ]]; then
    echo "${host%%=*} + label ${name}=true"
    return
  fi
  id=$(node_id "${host}")
  has=$(on "${manager}" docker node inspect --format "{{index .Spec.Labels \"${name}\"}}" "${id}")
  if [[ "${has}" != true ]]; then act "${manager}" docker node update --label-add "${name}=true" "${id}"; fi
}

# All of them, within a minute.
wait_until_ready() {
  local manager=$1 states deadline=$((SECONDS + 60))
  while :; do
    states=$(on "${manager}" docker node ls --format '{{.Hostname}} {{.Status}}')
    if ! grep -qv ' Ready$' <<<"${states}"; then break; fi
    if [[ "${SECONDS}" -ge "${deadline}" ]]; then fail "not every node is ready after a minute:"$'\n'"${states}"; fi
    sleep 1
  done
}

while [[ $# -gt 0 ]]; do
  case "$1" in
    --network)
      network=${2:?--network needs a name}
      shift
      ;;
    --encrypted) network_options+=(--opt encrypted) ;;
    --ssh-config)
      ssh_options+=(-F "${2:?--ssh-config needs a file}")
      shift
      ;;
    --from-distribution) install_options+=(--from-distribution) ;;
    --no-install) install=no ;;
    --dry-run) dry_run=yes ;;
    --help | -h)
      usage
      exit 0
      ;;
    -*)
      usage >&2
      fail "$1 is not known" 2
      ;;
    *) hosts+=("$1") ;;
  esac
  shift
done
if [[ "${#hosts[@]}" -eq 0 ]]; then
  usage >&2
  fail 'name at least the manager' 2
fi

manager=${hosts[0]}
workers=("${hosts[@]:1}")
echo "a Swarm of ${#hosts[@]}: ${manager%%=*} manages; workers: ${workers[*]%%=*}"
for host in "${hosts[@]}"; do
  on "${host}" true || fail "${host%%=*}: no way in by ssh, or no root there"
  install_engine "${host}"
done
make_manager "${manager}"
for host in ${workers[@]+"${workers[@]}"}; do join_worker "${manager}" "${host}"; done
make_network "${manager}"
label "${manager}" "${manager}" allswell.edge
if [[ "${#workers[@]}" -eq 0 ]]; then workers=("${manager}"); fi
for host in "${workers[@]}"; do label "${manager}" "${host}" allswell.app; done
if [[ "${dry_run}" = yes ]]; then
  echo 'nothing was changed: --dry-run'
else
  wait_until_ready "${manager}"
  on "${manager}" docker node ls --format '{{.Hostname}}: {{.Status}}{{with .ManagerStatus}}, manager ({{.}}){{end}}'
  echo "done. Next, on ${manager%%=*}: ALLSWELL_WATCHERS=http://WATCHER:7700 docker stack deploy -c stack.yml allswell"
fi
