#!/bin/sh
# Builds filter.wasm: bindings from the WIT world, then C to a component. Needs clang, lld and Node.js (`./mote doctor`).
set -eu
cd "$(dirname "$0")"
root=../..
"${MOTE:-$root/mote}" bindings c filter --out filter/bindings
node $root/tools/guests/build-c.mjs --wit filter --world filter --deps $root/wit --out filter.wasm -O2 -I filter/bindings -I $root/guests/lib filter/main.c filter/bindings/filter.c
