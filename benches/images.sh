#!/bin/sh
# The size of every image as deploy/Dockerfile builds it, and the memory of the heartbeat in its container, around a command,
# after twenty beats over HTTP.
#   benches/images.sh
# Speaks to the engine of DOCKER_HOST, or to the usual one. Takes some minutes when nothing is in the builder's cache.
set -eu
cd "$(dirname "$0")/.."

for target in heartbeat prober watcher proxy allswell; do
    name="allswell-$target"
    if [ "$target" = allswell ]; then name=allswell; fi
    docker build --quiet --file deploy/Dockerfile --target "$target" --tag "$name" . >/dev/null
    docker image inspect --format '{{.Size}}' "$name" | awk -v name="$name" '{ printf "%-18s %6.2f MB\n", name, $1 / 1e6 }'
done

# The demo app under the heartbeat, a watcher that counts its beats, and one who reads the count.
work="allswell-bench-$$"
config=$(mktemp)
end() {
    docker rm --force --volumes "$work-app" "$work-watcher" >/dev/null 2>&1 || true
    docker network rm "$work" >/dev/null 2>&1 || true
    docker image rm "$work" >/dev/null 2>&1 || true
    rm -f "$config"
}
trap end EXIT
cat >"$config" <<'TOML'
[app]
name = "shop"
[app.blue]
address = "blue:3000"
[app.green]
address = "green:3000"
[runtime]
command = "true"
[watcher]
listen = "0.0.0.0:7700"
url = "http://watcher:7700"
TOML
chmod 644 "$config"
docker build --quiet --tag "$work" - >/dev/null <<'DOCKERFILE'
FROM allswell
COPY --from=allswell-heartbeat /allswell-heartbeat /allswell-heartbeat
ENTRYPOINT ["/allswell-heartbeat", "run", "--"]
CMD ["/allswell", "scroll", "--bind", "0.0.0.0", "--port", "3000"]
DOCKERFILE
docker network create "$work" >/dev/null
docker run --detach --name "$work-watcher" --network "$work" --network-alias watcher --env ALLSWELL_BEAT_KEY=measured \
    --volume "$config:/etc/allswell/allswell.toml:ro" allswell-watcher >/dev/null
docker run --detach --name "$work-app" --network "$work" --read-only --cap-drop ALL --security-opt no-new-privileges \
    --env ALLSWELL_WATCHERS=http://watcher:7700 --env ALLSWELL_BEAT_KEY=measured --env ALLSWELL_CHECK=heartbeat-blue \
    --env ALLSWELL_HEALTH=http://localhost:3000/healthz --env ALLSWELL_EVERY=200ms "$work" >/dev/null

# The heartbeat asks the app over a connection of its own each time: the sockets that the container has made so far say how often it beat.
pid=$(docker inspect --format '{{.State.Pid}}' "$work-app")
tries=0
until [ "$(awk '/^Tcp:/ && $6 ~ /^[0-9]+$/ { print $6 }' "/proc/$pid/net/snmp")" -ge 20 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo 'no twenty beats within 30 s' >&2; docker logs "$work-app" >&2; exit 1; }
    sleep 0.1
done
if docker logs "$work-app" 2>&1 | grep -q 'does not acknowledge: answered'; then docker logs "$work-app" >&2; exit 1; fi
awk '/^VmRSS|^RssAnon|^VmHWM/ { kb[$1] = $2 }
    END { printf "heartbeat in its container: resident %.2f MB (of it anonymous %.2f MB, peak %.2f MB)\n",
          kb["VmRSS:"] * 1024 / 1e6, kb["RssAnon:"] * 1024 / 1e6, kb["VmHWM:"] * 1024 / 1e6 }' "/proc/$pid/status"
