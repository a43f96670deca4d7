#!/bin/sh
# Builds worker.wasm: bindings from the WIT world, then C to a component. Needs clang, lld and Node.js (`./mote doctor`).
set -eu
cd "$(dirname "$0")"
root=../..
"${MOTE:-$root/mote}" bindings c worker --out worker/bindings
node $root/tools/guests/build-c.mjs --wit worker --world worker --deps $root/wit --out worker.wasm -O2 -I worker/bindings worker/main.c worker/bindings/worker.c
