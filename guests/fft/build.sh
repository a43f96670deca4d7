#!/bin/sh
# Builds fft.wasm, for the tests: guests/fft/build.sh OUT. Needs `mote` in $MOTE.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
"${MOTE:-$root/mote}" bindings c "$here" --out "$1" >/dev/null
node "$root/tools/guests/build-c.mjs" --wit "$here" --world transform --out "$1/fft.wasm" --libc -O2 -msimd128 -I "$1" "$here/main.c" "$1/transform.c" -lm
