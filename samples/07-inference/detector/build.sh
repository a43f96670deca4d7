#!/bin/sh
# Builds detector.wasm: bindings from the WIT world, then C to a component. Needs clang, lld, wasi-libc and Node.js
# (`./mote doctor`).
set -eu
cd "$(dirname "$0")"
root=../../..
"${MOTE:-$root/mote}" bindings c guest --out guest/bindings
node $root/tools/guests/build-c.mjs --wit guest --world detector --deps $root/wit --libc --out detector.wasm -O2 -msimd128 -I guest/bindings -I $root/guests/lib guest/main.c guest/bindings/detector.c
