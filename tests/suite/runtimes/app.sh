#!/bin/sh
# Starts and stops the demo app as processes: replace, scale, stop, version, logs, follow; as somebody's own script would.
set -u
cd "$(dirname "$0")" || exit 9
colour=$2

end() {
    [ -f "$colour.pid" ] || return 0
    pid=$(cat "$colour.pid")
    kill "$pid" 2>/dev/null
    # Ended, or ended and not yet waited for by whoever inherited it.
    while [ -d "/proc/$pid" ] && ! grep -q ') Z ' "/proc/$pid/stat" 2>/dev/null; do sleep 0.02; done
    rm -f "$colour.pid"
}

start() {
    echo "starting $colour $1"
    if [ "$1" = bad ]; then
        (echo "cannot open the database"; exec sleep 600) >>"$colour.log" 2>&1 &
    else
        case $colour in blue) port=3001 ;; *) port=3002 ;; esac
        "$DEMO" scroll --bind "$DEMO_IP" --port "$port" --colour "$colour" --version "$1" >>"$colour.log" 2>&1 &
    fi
    echo $! >"$colour.pid"
    echo "$1" >"$colour.version"
}

case $1 in
    replace)
        echo "$*" >>calls
        case $3 in
            broken) echo "no space left on device" >&2; exit 3 ;;
            hang) trap '' TERM; echo $$ >hang.pid; echo "waiting for the moon"; sleep 600; sleep 600 ;;
        esac
        end
        start "$3"
        ;;
    scale)
        echo "$*" >>calls
        [ "$3" = 7 ] && { echo "there is no room for 7" >&2; exit 4; }
        echo "$3" >"$colour.count"
        if [ "$3" = 0 ] || [ "$3" = 9 ]; then end; elif [ ! -f "$colour.pid" ]; then start "$(cat "$colour.version")"; fi
        ;;
    version) [ -f "$colour.pid" ] || { echo "$colour is not there" >&2; exit 1; }; cat "$colour.version" ;;
    logs) tail -n "$3" "$colour.log" ;;
    follow) echo $$ >follow.pid; exec tail -n "$3" -f "$colour.log" ;;
esac
