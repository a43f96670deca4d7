#!/bin/sh
# Runs the app with its live view, sends it a burst, waits until it is at zero again, and ends it: run.sh [OPTION OF
# mote up...]. $MOTE_DATA is the data folder; $SURGE_SECONDS and $SURGE_CLIENTS say how long and how wide the burst is.
# Needs clang, lld and Node.js 20.
set -eu
cd "$(dirname "$0")"
mote=${MOTE:-../../mote}
data=${MOTE_DATA:-.mote}
[ worker.wasm -nt worker/main.c ] && [ worker.wasm -nt worker/worker.wit ] || MOTE=$mote ./build.sh
said=$(mktemp)
node load.mjs "$data" "${SURGE_SECONDS:-6}" "${SURGE_CLIENTS:-150}" >"$said" 2>&1 & # it ends the node when it is done
load=$!
trap 'kill $load 2>/dev/null || true; rm -f "$said"' EXIT
trap 'exit 130' INT TERM
"$mote" up . --view --http 127.0.0.1:0 --data "$data" "$@" || exit $?
code=0
wait $load || code=$?
echo
cat "$said"
exit $code
