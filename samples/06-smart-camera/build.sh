#!/bin/sh
# Builds watch.wasm: bindings from the WIT world, then C to a component. Needs clang, lld and Node.js (`./mote doctor`).
set -eu
cd "$(dirname "$0")"
root=../..
"${MOTE:-$root/mote}" bindings c watch --out watch/bindings
node $root/tools/guests/build-c.mjs --wit watch --world watch --deps $root/wit --out watch.wasm -O2 -msimd128 -I watch/bindings -I $root/guests/lib watch/main.c watch/bindings/watch.c
