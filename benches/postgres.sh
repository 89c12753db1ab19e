#!/usr/bin/env bash
# Beats on a PostgreSQL of Debian's package, with one watcher and with two: benches/postgres.sh [COUNT]
# The server has its own directory and its usual settings (every commit is on disk before it returns), and ends with this.
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-60000}
tools=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort | tail -1)
folder=$(mktemp -d)
as_server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres:postgres "$folder"
trap 'as_server "$tools/pg_ctl" -D "$folder/data" -m immediate -s stop; rm -rf "$folder"' EXIT
as_server "$tools/initdb" -D "$folder/data" -A trust -U allswell -E UTF8 --locale=C.UTF-8 >"$folder/initdb.log"
as_server "$tools/pg_ctl" -D "$folder/data" -o "-k $folder -c listen_addresses=" -l "$folder/server.log" -s -w start
for watchers in 1 2; do
  "$tools/createdb" -h "$folder" -U allswell "beats_$watchers"
  url="postgres://allswell@localhost/beats_$watchers?host=$folder"
  ${BEATS:-cargo bench --quiet --bench beats --} --store "$url" --watchers "$watchers" --count "$count" --json "target/beats-postgres-$watchers.json"
done
