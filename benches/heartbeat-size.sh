#!/bin/sh
# The size of the heartbeat on disk and in memory, with its three channels, after it has beaten a few times over HTTP.
#   benches/heartbeat-size.sh [EXECUTABLE]
# Without an executable it builds one: static, by the profile `heartbeat`.
set -eu
cd "$(dirname "$0")/.."

heartbeat=${1:-}
if [ -z "$heartbeat" ]; then
    target="$(uname -m)-unknown-linux-gnu"
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --quiet --profile heartbeat --bin allswell-heartbeat --target "$target"
    heartbeat="${CARGO_TARGET_DIR:-target}/$target/heartbeat/allswell-heartbeat"
fi

work=$(mktemp -d)
trap 'kill $pids 2>/dev/null || true; rm -rf "$work"' EXIT
pids=

# An app that is well, and a watcher that acknowledges and counts.
python3 - "$work" <<'PYTHON' &
import http.server, os, sys
work, beats = sys.argv[1], 0

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.reply()

    def do_POST(self):
        global beats
        self.rfile.read(int(self.headers["content-length"]))
        beats += 1
        with open(os.path.join(work, "beats"), "w") as file:
            file.write("x" * beats)
        self.reply()

    def reply(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
with open(os.path.join(work, "port.new"), "w") as file:
    file.write(str(server.server_port))
os.rename(os.path.join(work, "port.new"), os.path.join(work, "port"))
server.serve_forever()
PYTHON
pids="$pids $!"

# wait_for FILE BYTES: until the file has so many bytes, for 20 s.
wait_for() {
    tries=0
    while [ ! -f "$1" ] || [ "$(wc -c <"$1")" -lt "$2" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || { echo "not in time: $1" >&2; cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
}

wait_for "$work/port" 1
there="http://127.0.0.1:$(cat "$work/port")"
export ALLSWELL_BEAT_KEY=measured
export ALLSWELL_CHANNELS="ops=slack:$there/slack log=webhook:$there/hook mail=email:127.0.0.1:25,from=a@shop.example,to=b@shop.example"
"$heartbeat" --check measured --watchers "$there" --health "$there/healthz" --every 200ms --fallback ops,log,mail >"$work/log" 2>&1 &
pid=$!
pids="$pids $pid"
wait_for "$work/beats" 20

size=$(stat -c %s "$heartbeat")
awk -v size="$size" '/^VmRSS|^RssAnon|^VmHWM/ { kb[$1] = $2 }
    END { printf "on disk %.2f MB, resident %.2f MB (of it anonymous %.2f MB, peak %.2f MB)\n",
          size / 1e6, kb["VmRSS:"] * 1024 / 1e6, kb["RssAnon:"] * 1024 / 1e6, kb["VmHWM:"] * 1024 / 1e6 }' "/proc/$pid/status"
