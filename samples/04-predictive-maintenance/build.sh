#!/bin/sh
# Builds bearing.wasm: bindings from the WIT world, then C to a component. Needs clang, lld and Node.js (`./mote doctor`).
set -eu
cd "$(dirname "$0")"
root=../..
"${MOTE:-$root/mote}" bindings c bearing --out bearing/bindings
node $root/tools/guests/build-c.mjs --wit bearing --world bearing --deps $root/wit --out bearing.wasm -O2 -msimd128 -I bearing/bindings -I $root/guests/lib bearing/main.c bearing/bindings/bearing.c
