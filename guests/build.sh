#!/bin/sh
# Builds the guests that tests and benchmarks share: guests/build.sh OUT [NAME...]. Needs `mote` in $MOTE.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
out=$1
shift
[ $# -gt 0 ] || set -- http
mkdir -p "$out"
for name; do
  "${MOTE:-$root/mote}" bindings c "$here/$name" --out "$out/$name" >/dev/null
  node "$root/tools/guests/build-c.mjs" --wit "$here/$name" --world "$name" --deps "$root/wit" --out "$out/$name.wasm" -O2 -I "$out/$name" "$here/$name/main.c" "$out/$name/$name.c" >/dev/null
done
