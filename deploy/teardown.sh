#!/usr/bin/env bash
# Removes what was set up. Names everything first and asks; anything but yes is no.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: teardown.sh --compose [PROJECT] | --stack [NAME] | --swarm MANAGER [WORKER...]   [OPTIONS]

  --compose [PROJECT]  containers and networks of a Compose project, and what `allswell deploy` made in these networks; default: allswell
  --stack [NAME]       services, configs, secrets and networks of a stack, and what `allswell deploy` made of its apps; default: allswell
                       What a stack only uses stays: the secret with the beat key, the network that swarm-setup.sh made.
  --swarm HOSTS        the Swarm itself: by ssh, each worker leaves, and then the manager; with it goes everything that runs in it

  --volumes            also the volumes: journal, incidents and tokens are gone then; not with --swarm, which leaves them on each host
  --ssh-config FILE    for ssh -F
  --yes                do not ask, for scripts
  --help

What it speaks with: the engine of DOCKER_HOST, or that of this machine; with --swarm, those of the hosts.
Exit codes: 0 done, 1 failed, 2 wrong usage, 7 declined, 8 an engine does not answer.
USAGE
}

what=
name=allswell
volumes=no
yes=no
ssh_options=(-o BatchMode=yes -o ConnectTimeout=10)
hosts=()

fail() {
  printf 'teardown.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

on() {
  local host=$1
  shift
  # The words are for a shell over there: each is quoted once.
  # shellcheck disable=SC2029
  ssh -n "${ssh_options[@]}" "${host%%=*}" "if [ \"\$(id -u)\" -eq 0 ]; then ${*@Q}; else sudo -n ${*@Q}; fi"
}

# Names what there is of one kind; nothing where there is none.
list() {
  local kind=$1 found=$2
  if [[ -n "${found}" ]]; then printf '  %-10s %s\n' "${kind}" "$(paste -sd ' ' <<<"${found}")"; fi
}

agree() {
  local answer=
  if [[ "${yes}" = yes ]]; then return; fi
  printf '%s [y/N] ' "$1" >&2
  # Nobody there is a no.
  read -r answer || true
  case "${answer}" in
    y | Y | yes | Yes) ;;
    *)
      echo 'nothing was removed' >&2
      exit 7
      ;;
  esac
}

# Other apps may be deployed beside it: theirs stay. In a project a deployed container is known by its network, which is the project's.
containers() {
  local network
  {
    docker ps --all --filter "label=com.docker.compose.project=${name}" --format '{{.Names}}'
    for network in $1; do
      docker ps --all --filter label=allswell.app --filter "network=${network}" --format '{{.Names}}'
    done
  } | sort -u
}

# The network of a stack may be anybody's: a deployed service is known by its app, which the stack has as well.
services() {
  local all
  all=$(docker service ls --quiet)
  if [[ -z "${all}" ]]; then return; fi
  # shellcheck disable=SC2086
  docker service inspect --format \
    '{{.Spec.Name}}|{{index .Spec.Labels "com.docker.stack.namespace"}}|{{index .Spec.Labels "allswell.app"}}' ${all} |
    awk -F '|' -v stack="${name}" '
      { stack_of[$1] = $2; app_of[$1] = $3 }
      $2 == stack && $3 != "" { ours[$3] }
      END { for (name in stack_of) if (stack_of[name] == stack || (stack_of[name] == "" && app_of[name] in ours)) print name }' | sort
}

of_stack() {
  docker "$1" ls --filter "label=com.docker.stack.namespace=${name}" --format '{{.Name}}'
}

remove() {
  local words=$1 found=$2
  # One name a line, and none of them has a blank.
  # shellcheck disable=SC2086
  if [[ -n "${found}" ]]; then docker ${words} ${found} >/dev/null; fi
}

down_compose() {
  local running networks kept
  networks=$(docker network ls --filter "label=com.docker.compose.project=${name}" --format '{{.Name}}')
  running=$(containers "${networks}")
  kept=$(docker volume ls --filter "label=com.docker.compose.project=${name}" --format '{{.Name}}')
  conclude "${running}${networks}" "${kept}"
  list containers "${running}"
  list networks "${networks}"
  list_volumes "${kept}"
  agree 'Remove all of this?'
  # Each gets the time to stop that it was made with.
  remove stop "${running}"
  # With the volumes that have no name: nobody could find them again.
  remove 'rm --force --volumes' "${running}"
  remove 'network rm' "${networks}"
  if [[ "${volumes}" = yes ]]; then remove 'volume rm' "${kept}"; fi
}

down_stack() {
  local running networks configs secrets kept
  running=$(services)
  networks=$(of_stack network)
  configs=$(of_stack config)
  secrets=$(of_stack secret)
  kept=$(of_stack volume)
  conclude "${running}${networks}${configs}${secrets}" "${kept}"
  list services "${running}"
  list networks "${networks}"
  list configs "${configs}"
  list secrets "${secrets}"
  list_volumes "${kept}"
  agree 'Remove all of this?'
  remove 'service rm' "${running}"
  remove 'config rm' "${configs}"
  remove 'secret rm' "${secrets}"
  until_gone
  remove 'network rm' "${networks}"
  if [[ "${volumes}" = yes ]]; then remove 'volume rm' "${kept}"; fi
}

# A service is gone before its tasks are; until then they hold networks and volumes.
until_gone() {
  local deadline=$((SECONDS + 120)) left
  while :; do
    left=$(docker ps --all --filter "label=com.docker.stack.namespace=${name}" --format '{{.Names}}')
    if [[ -z "${left}" ]]; then return; fi
    if [[ "${SECONDS}" -ge "${deadline}" ]]; then fail "still there after two minutes: ${left}"; fi
    sleep 1
  done
}

list_volumes() {
  if [[ "${volumes}" = yes ]]; then
    list volumes "$1"
  elif [[ -n "$1" ]]; then
    echo "  (volumes stay: $(paste -sd ' ' <<<"$1"); --volumes removes them too)"
  fi
}

# Ends here where there is nothing to remove.
conclude() {
  if [[ -z "$1" && (-z "$2" || "${volumes}" = no) ]]; then
    echo "there is nothing of ${name} here"
    exit 0
  fi
  echo "of ${name}, at $(docker info --format '{{.Name}}'):"
}

# Its place in a Swarm: manager, worker, inactive, or what else its engine says. Fails where that does not answer.
place_of() {
  local state
  state=$(on "$1" docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}') || return 1
  case "${state}" in
    'active true') echo manager ;;
    'active false') echo worker ;;
    *)
      echo "${state%% *}"
      [[ -n "${state%% *}" ]]
      ;;
  esac
}

# Who has left already is passed over, so that a run that broke off is finished by the next.
leave() {
  local host=$1 place
  shift
  place=$(place_of "${host}") || return 1
  if [[ "${place}" = inactive ]]; then
    echo "${host%%=*}: is in no Swarm"
  else
    on "${host}" docker swarm leave "$@"
  fi
}

down_swarm() {
  local manager=${hosts[0]} host place running='' failed=()
  place=$(place_of "${manager}") || fail "${manager%%=*}: its engine does not answer: nothing was removed" 8
  case "${place}" in
    manager)
      running=$(on "${manager}" docker service ls --format '{{.Name}}') || fail "${manager%%=*}: its Swarm does not answer: nothing was removed" 8
      ;;
    # An earlier run had it leave: there may be workers that did not answer then.
    inactive) ;;
    *) fail "${manager%%=*}: it is no manager, but ${place}: nothing was removed" 8 ;;
  esac
  echo "the Swarm of ${manager%%=*}, and with it:"
  list nodes "$(printf '%s\n' "${hosts[@]%%=*}")"
  list services "${running}"
  agree 'Remove all of this? What other nodes it has are left alone in a Swarm without a manager.'
  for host in "${hosts[@]:1}"; do
    leave "${host}" || failed+=("${host%%=*}")
  done
  leave "${manager}" --force || failed+=("${manager%%=*}")
  if [[ "${#failed[@]}" -gt 0 ]]; then
    fail "${#failed[@]} of ${#hosts[@]} did not leave: ${failed[*]}. When they answer, run this again: who has left is passed over"
  fi
}

choose() {
  if [[ -n "${what}" ]]; then fail "--${what} and --$1: one of them" 2; fi
  what=$1
}

while [[ $# -gt 0 ]]; do
  case "$1" in
    --compose | --stack) choose "${1#--}" ;;
    --swarm) choose swarm ;;
    --volumes) volumes=yes ;;
    --yes | -y) yes=yes ;;
    --ssh-config)
      ssh_options+=(-F "${2:?--ssh-config needs a file}")
      shift
      ;;
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

case "${what}" in
  compose | stack)
    if [[ "${#hosts[@]}" -gt 1 ]]; then fail "one name, not ${#hosts[@]}" 2; fi
    name=${hosts[0]:-${name}}
    docker info >/dev/null 2>&1 || fail "the engine${DOCKER_HOST:+ at ${DOCKER_HOST}} does not answer: nothing was removed" 8
    "down_${what}"
    ;;
  swarm)
    if [[ "${#hosts[@]}" -eq 0 ]]; then fail 'name the manager' 2; fi
    if [[ "${volumes}" = yes ]]; then fail '--volumes does not go with --swarm: volumes stay on their hosts; there: docker volume ls, docker volume rm' 2; fi
    down_swarm
    ;;
  *)
    usage >&2
    fail 'say what: --compose, --stack or --swarm' 2
    ;;
esac
echo 'done'
