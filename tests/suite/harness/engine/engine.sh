#!/bin/sh
# One Docker engine in a network namespace of its own. SIGUSR1 stops it, SIGUSR2 starts it again; at SIGTERM it ends and all that was made goes.
#   engine.sh NAME NUMBER RUN DATA
# NAME: of the wire that joins engines and host, up to 8 characters. NUMBER: of the engine on it, from 1; the first one makes the wire.
# RUN: directory of sockets and pids, not longer than 40 characters. DATA: directory of images, which stays.
set -eu
name=$1 number=$2 run=$3 data=$4
space=$name-$number
wire=$name-w
dockerd=
ending=

# 198.18.0.0/15 is set aside for tests; which /24 of it is free is found out by one at a time.
lay_wire() {
    exec 8>/run/allswell-engines.lock
    flock 8
    third=$(($$ % 256))
    while ip -4 route show table all | grep -q "198\.18\.$third\."; do third=$(((third + 1) % 256)); done
    net=198.18.$third
    ip netns add "$wire"
    ip -n "$wire" link add wire type bridge
    ip -n "$wire" link set wire up
    ip link add "$name-h" type veth peer name host netns "$wire"
    ip -n "$wire" link set host master wire up
    ip addr add "$net.1/24" dev "$name-h"
    ip link set "$name-h" up
    # Every story has an address here and one there.
    ip route add local "$net.64/26" dev lo
    exec 8>&-
    echo "$net" >"$run/../net"
}

join_wire() {
    net=$(cat "$run/../net")
    ip netns add "$space"
    ip -n "$space" link set lo up
    ip -n "$space" link add wire type veth peer name "e$number" netns "$wire"
    ip -n "$wire" link set "e$number" master wire up
    ip -n "$space" addr add "$net.$((number + 1))/24" dev wire
    ip -n "$space" link set wire up
    if [ "$number" -eq 1 ]; then ip -n "$space" route add local "$net.128/26" dev lo; fi
    # There is no way out, on purpose: what is looked for at a registry fails at once.
}

cut_wire() {
    ip netns del "$space" 2>/dev/null || true
    [ "$number" -eq 1 ] || return 0
    if [ -f "$run/../net" ]; then ip route del local "$(cat "$run/../net").64/26" dev lo 2>/dev/null || true; fi
    ip link del "$name-h" 2>/dev/null || true
    ip netns del "$wire" 2>/dev/null || true
    rm -f "$run/../net"
}

# All containers of an engine would weigh as one process of the machine's: beside a busy test run they would hardly move.
weigh() {
    for controller in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct; do
        [ -f "$controller/cpu.shares" ] || continue
        mkdir -p "$controller/$name"
        echo 8192 >"$controller/$name/cpu.shares"
        return 0
    done
}

# Not `ip netns exec`: it hides /sys/fs/cgroup. The node of a Swarm is called by its host's name, so it gets one.
start() {
    # shellcheck disable=SC2016
    nsenter --net="/var/run/netns/$space" unshare --uts sh -c 'hostname "$1"; shift; exec "$@"' sh "node-$number" \
        dockerd --cgroup-parent "/$name" --data-root "$data" --exec-root "$run/exec" --pidfile "$run/pid" \
        --host "unix://$run/docker.sock" >>"$run/log" 2>&1 9>&- &
    dockerd=$!
}

stop() {
    [ -n "$dockerd" ] || return 0
    kill "$dockerd" 2>/dev/null || true
    while kill -0 "$dockerd" 2>/dev/null; do wait "$dockerd" 2>/dev/null || true; done
    dockerd=
}

# An engine whose supervisor was killed: it still has its containers, and ends them.
end_leftover() {
    [ -f "$run/pid" ] || return 0
    left=$(cat "$run/pid")
    if tr '\0' ' ' <"/proc/$left/cmdline" 2>/dev/null | grep -q -- "--data-root $data "; then
        kill "$left" 2>/dev/null || true
        while kill -0 "$left" 2>/dev/null; do sleep 0.1; done
    fi
    rm -f "$run/pid"
}

mkdir -p "$data"
# Whoever was here before goes first, and takes its directory along; the lock is this shell's alone.
exec 9>"$data.lock"
flock 9
mkdir -p "$run"
end_leftover
cut_wire
rm -rf "$data/swarm" "$run/log"
if [ "$number" -eq 1 ]; then lay_wire; fi
join_wire
weigh
trap 'ending=1' TERM INT HUP
trap stop USR1
trap start USR2
start
echo ready >"$run/ready"
while [ -z "$ending" ]; do
    sleep infinity 9>&- &
    sleeper=$!
    wait "$sleeper" || true
    kill "$sleeper" 2>/dev/null || true
done
stop
cut_wire
rm -rf "$run"
# Where another engine of ours still runs, these stay for it.
rmdir "${run%/*}" 2>/dev/null || true
find /sys/fs/cgroup -depth -maxdepth 2 -type d -name "$name" -exec rmdir {} \; 2>/dev/null || true
